"""Slack's blocks as types: whatever text they are given, what they send is within the limits.

Names come from bills and tags, so every text is sent as plain text or as a raw element,
where Slack reads no markup, no mention and no emoji name. Nothing is ever put together
from string templates, so that quotes and newlines break nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from alerts import slack_limits as limits
from alerts.slack_limits import Json, faults
from domain.errors import CostdError
from domain.money import plain
from domain.text import printable_lines, shortened

EMPTY = "\u00a0"
"""What an empty cell holds; Slack refuses one without any character."""

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MARKUP = str.maketrans({mark: f"\u2060{mark}" for mark in "*_~`"})
"""A word joiner before each mark: Slack knows no escape for them."""


class MessageError(CostdError):
    """A message would be refused by Slack; that is a defect of its renderer."""

    code = "message_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The headline."""

    text: str

    def json(self) -> Json:
        """Give what Slack is sent."""
        return {"type": "header", "text": _plain(shortened(self.text, limits.HEADER))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A paragraph; its line breaks are kept."""

    text: str

    def json(self) -> Json:
        """Give what Slack is sent."""
        return {"type": "section", "text": _plain(_cut(self.text, limits.SECTION))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Small grey text, in pieces; those that do not fit are joined to the last."""

    pieces: Sequence[str]

    def json(self) -> Json:
        """Give what Slack is sent."""
        kept = list(self.pieces[: limits.CONTEXT_ELEMENTS - 1])
        rest = self.pieces[len(kept) :]
        if rest:
            kept.append(" · ".join(rest))
        return {
            "type": "context",
            "elements": [_plain(shortened(piece, limits.CONTEXT_TEXT)) for piece in kept],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        title: its head.
        right: its cells are numbers and stand to the right.
        wrapped: its cells may break into lines.
    """

    title: str
    right: bool = False
    wrapped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A native table; at most one per message.

    Attributes:
        columns: at most 20.
        rows: at most 99, each with one text per column.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]

    def json(self) -> Json:
        """Give what Slack is sent."""
        heads = [column.title for column in self.columns]
        return {
            "type": "table",
            "column_settings": [
                {"align": "right" if column.right else "left", "is_wrapped": column.wrapped}
                for column in self.columns
            ],
            "rows": [[_cell(text) for text in row] for row in (heads, *self.rows)],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A native area chart; at most two per message.

    Attributes:
        title: at most 50 characters; longer ones are cut.
        categories: the labels below, in order.
        series: {name: one amount per category}, at most six, the first drawn at the back.
        unit: what the amounts are in.
    """

    title: str
    categories: Sequence[str]
    series: Sequence[tuple[str, Sequence[Decimal]]]
    unit: str

    def json(self) -> Json:
        """Give what Slack is sent."""
        return {
            "type": "data_visualization",
            "title": shortened(self.title, limits.CHART_TITLE) or EMPTY,
            "chart": {
                "type": "area",
                "series": [
                    {"name": name, "data": self._points(amounts)} for name, amounts in _distinct(self.series)
                ],
                "axis_config": {
                    "categories": list(self.categories),
                    "y_label": shortened(self.unit, limits.AXIS_LABEL) or EMPTY,
                },
            },
        }

    def _points(self, amounts: Sequence[Decimal]) -> list[Json]:
        # JSON numbers have no decimals of ours: a chart needs no more than cents to look at.
        return [
            {"label": label, "value": _number(amount)}
            for label, amount in zip(self.categories, amounts, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preformatted:
    """Text in a fixed-width font, as it stands; what stands in for tables that are refused."""

    text: str

    def json(self) -> Json:
        """Give what Slack is sent."""
        text = {"type": "text", "text": _cut(self.text, limits.RICH_TEXT) or EMPTY}
        return {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [text]}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Links in a row.

    Attributes:
        links: text and address of each; addresses of at most 3,000 characters.
    """

    links: Sequence[tuple[str, str]]

    def json(self) -> Json:
        """Give what Slack is sent; buttons would need a way back to costd, links need none."""
        parts: list[Json] = []
        for text, url in self.links:
            parts += [{"type": "text", "text": " · "}] if parts else []
            parts.append({"type": "link", "url": url, "text": _cut(text, limits.RICH_TEXT) or EMPTY})
        return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": parts}]}


Block = Header | Section | Context | Table | Chart | Preformatted | Links


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """A message in both its forms.

    Attributes:
        text: one or two sentences for notifications and screen readers, escaped.
        blocks: how it is meant to look.
        simple: the same without tables and charts, for where those are refused.

    Raises:
        MessageError: it passes a limit of Slack.
    """

    text: str
    blocks: tuple[Block, ...]
    simple: tuple[Block, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse what Slack would refuse."""
        found = faults(self.text, self.json()) + faults(self.text, self.simple_json())
        if found:
            raise MessageError(f"Slack would refuse this message: {'; '.join(found)}")

    def json(self) -> list[Json]:
        """Give the blocks as Slack is sent them."""
        return [block.json() for block in self.blocks]

    def simple_json(self) -> list[Json]:
        """Give the blocks of the simple form, or the usual ones if there is none."""
        return [block.json() for block in self.simple or self.blocks]


def escaped(text: str) -> str:
    """Give text for the one place where Slack reads markup: nothing in it formats or mentions."""
    return printable_lines(text).translate(_ESCAPES).translate(_MARKUP)


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text or EMPTY, "emoji": False}


def _cell(text: str) -> Json:
    return {"type": "raw_text", "text": shortened(text, limits.SECTION) or EMPTY}


def _cut(text: str, most: int) -> str:
    shown = printable_lines(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def _distinct(series: Sequence[tuple[str, Sequence[Decimal]]]) -> list[tuple[str, Sequence[Decimal]]]:
    """Shorten the names of series to what fits and keep them different."""
    found: dict[str, Sequence[Decimal]] = {}
    for number, (name, amounts) in enumerate(series):
        shown = shortened(name, limits.CHART_LABEL) or EMPTY
        if shown in found:
            shown = f"{shortened(name, limits.CHART_LABEL - 3)} {number}"
        found[shown] = amounts
    return list(found.items())


def _number(amount: Decimal) -> int | float:
    text = plain(amount.quantize(Decimal("0.01")))
    return float(text) if "." in text else int(text)
