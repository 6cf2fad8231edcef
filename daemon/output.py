r"""How rows leave costd: one listing, five outputs, and nothing from a bill that bites.

Machine outputs (json, ndjson) are exact: amounts are plain decimal strings, and a control
or direction character inside text is written as its `\u` escape, which JSON reads back
unchanged. CSV, Markdown and tables show such characters as visible text instead.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum

from daemon.table import Grid, draw
from daemon.terminal import Terminal
from domain.money import plain
from domain.show import amount_text, instant_text
from domain.text import printable

Value = str | Decimal | int | bool | date | datetime | Sequence[str] | None
Row = Mapping[str, Value]

_STEERS_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# What spreadsheets run as a formula; the wide forms do where people write Japanese.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#|~!$&])")


class Output(StrEnum):
    """The forms rows can be printed in."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a listing.

    Attributes:
        name: key in machine outputs and header in CSV.
        title: header for people; the name in capitals if not given.
        missing: what a null is shown as for people.
        number: its cells are right-aligned.
        machine_only: left out of tables and Markdown.
        people_only: left out of json, ndjson and csv.
    """

    name: str
    title: str = ""
    missing: str = "-"
    number: bool = False
    machine_only: bool = False
    people_only: bool = False

    @property
    def heading(self) -> str:
        """Give the header for people."""
        return self.title or self.name.replace("_", " ").upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Rows with what belongs around them.

    Attributes:
        fields: the columns, in order.
        rows: one mapping per row; a key that is missing is null, one that is no field is in
            json and ndjson only.
        pinned: rows that people see after these although they say nothing new, e.g. a zero.
        totals: rows that are set apart below, e.g. one per currency; for people only.
        document: what `--output json` says beside the rows, under its own keys.
        above: lines before the table.
        notes: lines after it: completeness, what is missing and why.
        following: commands worth running next; shown on a terminal only.
        empty: what is said when there are no rows: what is missing and what fixes it.
    """

    fields: tuple[Field, ...]
    rows: Sequence[Row]
    pinned: Sequence[Row] = ()
    totals: Sequence[Row] = ()
    document: Mapping[str, object] = field(default_factory=dict)
    above: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    following: tuple[str, ...] = ()
    empty: str = "Nothing to show."


def print_listing(listing: Listing, output: Output, terminal: Terminal) -> None:
    """Write a listing to a terminal, file or pipe in the form that was asked for."""
    writers: dict[Output, Callable[[], Iterator[str]]] = {
        Output.TABLE: lambda: _table_lines(listing, terminal),
        Output.JSON: lambda: _json_lines(listing),
        Output.NDJSON: lambda: _ndjson_lines(listing),
        Output.CSV: lambda: _csv_lines(listing),
        Output.MARKDOWN: lambda: _markdown_lines(listing),
    }
    for line in writers[output]():
        terminal.write(line)


def machine(value: object) -> object:
    """Give a value as JSON has it: money as a plain decimal string, instants in UTC with Z."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value


def json_text(document: object) -> str:
    """Write JSON that no terminal obeys: control and direction characters are escaped."""
    text = json.dumps(document, ensure_ascii=False, default=machine)
    return _STEERS_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _objects(listing: Listing) -> Iterator[dict[str, object]]:
    names = [column.name for column in listing.fields if not column.people_only]
    shown = {column.name for column in listing.fields}
    for row in listing.rows:
        extra = [name for name in row if name not in shown]
        yield {name: machine(row.get(name)) for name in [*names, *extra]}


def _json_lines(listing: Listing) -> Iterator[str]:
    yield json_text({**listing.document, "rows": list(_objects(listing))})


def _ndjson_lines(listing: Listing) -> Iterator[str]:
    for row in _objects(listing):
        yield json_text(row)


def _csv_lines(listing: Listing) -> Iterator[str]:
    names = [column.name for column in listing.fields if not column.people_only]
    yield csv_line(names)
    for row in listing.rows:
        yield csv_line([csv_cell(row.get(name)) for name in names])


def csv_line(cells: Sequence[str]) -> str:
    """Give one line of RFC 4180, its carriage return included and its line feed not."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r").writerow(cells)
    return buffer.getvalue()


def csv_cell(value: Value) -> str:
    """Give a cell no spreadsheet takes for a formula; numbers stay numbers, null is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal | date):
        return str(machine(value))
    text = value if isinstance(value, str) else "; ".join(value)
    return f"'{printable(text)}" if text.startswith(_FORMULA) else printable(text)


def markdown_cell(text: str) -> str:
    """Give text that Markdown shows as it is: no links, markup, mentions or broken cells."""
    escaped = _MARKUP.sub(r"\\\1", printable(text))
    for trigger, broken in (("@", "@\u200b"), ("://", ":\u200b//"), ("www.", "www\u200b.")):
        escaped = escaped.replace(trigger, broken)
    return escaped


def _markdown_lines(listing: Listing) -> Iterator[str]:
    grid = _grid(listing)
    yield from (markdown_cell(line) for line in listing.above)
    if listing.above:
        yield ""
    yield "| " + " | ".join(markdown_cell(heading) for heading in grid.headings) + " |"
    yield "|" + "|".join("---:" if i in grid.right else "---" for i in range(len(grid.headings))) + "|"
    for row in grid.rows:
        yield "| " + " | ".join(markdown_cell(cell) for cell in row) + " |"
    for row in grid.totals:
        yield "| " + " | ".join(f"**{markdown_cell(cell)}**" if cell else "" for cell in row) + " |"
    for note in listing.notes if listing.rows else (listing.empty, *listing.notes):
        yield ""
        yield markdown_cell(note)


def _table_lines(listing: Listing, terminal: Terminal) -> Iterator[str]:
    yield from (terminal.drawn(printable(line)) for line in listing.above)
    if listing.rows:
        paint = {"heading": terminal.faint, "rule": terminal.faint, "total": terminal.strong}
        for role, line in draw(_grid(listing), terminal.width, terminal.drawn("─"), terminal.drawn("…")):
            yield paint.get(role, str)(line)
    else:
        yield terminal.drawn(listing.empty)
    yield from (terminal.drawn(printable(note)) for note in listing.notes)
    if terminal.interactive and listing.following:
        yield terminal.faint("Next: " + "   |   ".join(listing.following))


def _grid(listing: Listing) -> Grid:
    columns = [column for column in listing.fields if not column.machine_only]
    rows = (*listing.rows, *listing.pinned)
    digits = {column.name: digits_for(listing, column.name) for column in columns}
    return Grid(
        headings=[printable(column.heading) for column in columns],
        right=frozenset(i for i, column in enumerate(columns) if column.number),
        whole=frozenset(
            i for i, c in enumerate(columns) if any(isinstance(row.get(c.name), date) for row in rows)
        ),
        rows=[[cell_text(row.get(c.name), c, digits[c.name]) for c in columns] for row in rows],
        totals=[
            [cell_text(row[c.name], c, digits[c.name]) if c.name in row else "" for c in columns]
            for row in listing.totals
        ],
    )


def digits_for(listing: Listing, name: str) -> int:
    """Give the decimals of a money column: two, more only where every amount is tiny."""
    amounts = [row.get(name) for row in (*listing.rows, *listing.totals)]
    largest = max((abs(a) for a in amounts if isinstance(a, Decimal)), default=Decimal(0))
    if largest == 0 or largest >= 1:
        return 2
    return 4 if largest >= Decimal("0.01") else 8


def cell_text(value: Value, column: Field, digits: int = 2) -> str:
    """Give a cell for people: rounded once, thousands separated, harmless."""
    match value:
        case None:
            text = column.missing
        case bool():
            text = "yes" if value else "no"
        case Decimal():
            text = amount_text(value, digits)
        case int():
            text = f"{value:,}"
        case datetime():
            text = instant_text(value)
        case date():
            text = value.isoformat()
        case str():
            text = printable(value)
        case _:
            text = printable("; ".join(value))
    return text
