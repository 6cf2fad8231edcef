"""Slack's limits on messages, checked on the JSON that is sent, whoever built it.

Slack answers `invalid_blocks` and shows nothing when one is passed. Numbers are of Slack's
Block Kit reference; `MOST_TEXT` stays below the undocumented sum at which Slack refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

MOST_BLOCKS = 50
MOST_TEXT = 12_000
"""Characters of all blocks together; Slack refuses at about 13,200 (`msg_blocks_too_long`)."""

MOST_FALLBACK = 40_000
HEADER = 150
SECTION = 3_000
CONTEXT_ELEMENTS = 10
CONTEXT_TEXT = 3_000
BLOCK_ID = 255
TABLE_ROWS = 100
TABLE_COLUMNS = 20
TABLES = 1
CHARTS = 2
CHART_TITLE = 50
CHART_LABEL = 20
CHART_SERIES = 6
CHART_POINTS = 20
AXIS_LABEL = 50
RICH_TEXT = 3_000
URL = 3_000


def faults(text: str, blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    """List every limit that a message passes; an empty list means that Slack takes it."""
    return list(_faults(text, blocks))


def text_size(blocks: Iterable[Mapping[str, Any]]) -> int:
    """Count the characters that people would read in some blocks."""
    return sum(len(text) for block in blocks for text in texts_of(block))


def texts_of(node: object) -> Iterator[str]:
    """Give every text that a block shows, in order."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if isinstance(value, str):
                if key in {"text", "title", "name", "label", "x_label", "y_label"}:
                    yield value
            else:
                yield from texts_of(value)
    elif isinstance(node, list | tuple):
        for part in node:
            yield from [part] if isinstance(part, str) else texts_of(part)


def _faults(text: str, blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not text:
        yield "no text for notifications and screen readers"
    if len(text) > MOST_FALLBACK:
        yield f"text has {len(text)} characters, {MOST_FALLBACK} fit"
    if len(blocks) > MOST_BLOCKS:
        yield f"{len(blocks)} blocks, {MOST_BLOCKS} fit"
    if (size := text_size(blocks)) > MOST_TEXT:
        yield f"{size} characters in all blocks, {MOST_TEXT} fit"
    kinds = [block.get("type") for block in blocks]
    for kind, most in (("table", TABLES), ("data_visualization", CHARTS)):
        if kinds.count(kind) > most:
            yield f"{kinds.count(kind)} blocks of type {kind}, {most} fit"
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        yield "two blocks share an id"
    for number, block in enumerate(blocks):
        check = _CHECKS.get(str(block.get("type")))
        if check is None:
            yield f"block {number} is of type {block.get('type')!r}, which costd does not send"
            continue
        yield from (f"block {number} ({block['type']}): {fault}" for fault in check(block))
        yield from _long(f"block {number}: its id", block.get("block_id", "-"), BLOCK_ID)


def _long(what: str, text: object, most: int) -> Iterator[str]:
    if not isinstance(text, str) or not text:
        yield f"{what} is empty"
    elif len(text) > most:
        yield f"{what} has {len(text)} characters, {most} fit"


def _count(what: str, items: Sequence[object], most: int) -> Iterator[str]:
    if not 1 <= len(items) <= most:
        yield f"{len(items)} {what}, 1 to {most} fit"


def _plain(what: str, text: Mapping[str, Any], most: int) -> Iterator[str]:
    """Check a text object; only `plain_text` is sent, since no name in it can format or mention."""
    if text.get("type") != "plain_text":
        yield f"{what} is {text.get('type')!r}, not plain_text"
    yield from _long(what, text.get("text"), most)


def _header(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _plain("the text", block["text"], HEADER)


def _section(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _plain("the text", block["text"], SECTION)


def _context(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _count("elements", block["elements"], CONTEXT_ELEMENTS)
    for element in block["elements"]:
        yield from _plain("an element", element, CONTEXT_TEXT)


def _table(block: Mapping[str, Any]) -> Iterator[str]:
    rows = block["rows"]
    yield from _count("rows", rows, TABLE_ROWS)
    if len({len(row) for row in rows}) > 1:
        yield "rows differ in length"
    for row in rows[:1]:
        yield from _count("columns", row, TABLE_COLUMNS)
    if len(block.get("column_settings", ())) > TABLE_COLUMNS:
        yield "settings for more columns than there may be"
    for row in rows:
        for cell in row:
            if cell.get("type") != "raw_text":
                yield f"a cell is {cell.get('type')!r}, not raw_text"
            yield from _long("a cell", cell.get("text"), SECTION)


def _chart(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _long("the title", block["title"], CHART_TITLE)
    chart = block["chart"]
    axis, series = chart["axis_config"], chart["series"]
    categories = axis["categories"]
    yield from _count("series", series, CHART_SERIES)
    yield from _count("categories", categories, CHART_POINTS)
    for label in ("x_label", "y_label"):
        if label in axis:
            yield from _long(f"the {label}", axis[label], AXIS_LABEL)
    if len(set(categories)) != len(categories):
        yield "two categories share a label"
    for category in categories:
        yield from _long("a category", category, CHART_LABEL)
    names = [one["name"] for one in series]
    if len(set(names)) != len(names):
        yield "two series share a name"
    for one in series:
        yield from _long("the name of a series", one["name"], CHART_LABEL)
        if [point["label"] for point in one["data"]] != list(categories):
            yield f"series {one['name']!r} does not have one point per category"


def _rich(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _count("elements", block["elements"], CONTEXT_ELEMENTS)
    for part in block["elements"]:
        for element in part["elements"]:
            yield from _long("a text", element.get("text"), RICH_TEXT)
            if element.get("type") == "link":
                yield from _long("an address", element.get("url"), URL)


_CHECKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "table": _table,
    "data_visualization": _chart,
    "rich_text": _rich,
}
