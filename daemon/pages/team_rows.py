"""The lines of the table of a day: each team's cost, its change, and what moved it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon import sparks
from daemon.pages.layout import change, money, name, percent, signs

if TYPE_CHECKING:
    from alerts.digest import Line
    from daemon.pages.ask import Ask
    from daemon.pages.trend import Trend

MOST_TEAMS = 50
SPARK_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow:
    """One line of the table, written out.

    Attributes:
        swatch: the drawing of its colour in the chart, "" if it has none.
        direction: `up`, `down` or `same`, as a class.
        word: the same for people who see no arrow.
    """

    name: str
    url: str
    swatch: str
    spark: str
    cost: Decimal
    direction: str
    word: str
    change: str
    share: str
    why: str


def shown_lines(lines: Sequence[Line]) -> list[Line]:
    """Keep the teams that cost most, and always what nobody owns, which is the last line."""
    return [*lines[:-1][:MOST_TEAMS], *lines[-1:]]


def direction_of(line: Line) -> tuple[str, str]:
    """Give where a line went, as a class, and the same in words."""
    moved = line.change
    if moved is None:
        return "same", "not compared"
    if line.is_quiet:
        return "same", "about as usual"
    return ("up", "more than usual") if moved > 0 else ("down", "less than usual")


def team_row(line: Line, currency: str, ask: Ask, trend: Trend | None, span: str) -> TeamRow:
    """Write out a line; the one of the total has no trend."""
    direction, word = direction_of(line)
    is_total = line.name == "total" and trend is None
    return TeamRow(
        name="unallocated" if line.name is None else name(line.name, 40),
        url=ask.url if is_total else ask.only("team", line.name).url,
        swatch=sparks.swatch(trend.style((line.name,))) if trend is not None else "",
        spark=_spark(line, trend, span, currency) if trend is not None else "",
        cost=line.cost,
        direction=direction,
        word=word,
        change=change(line.change, currency) if line.change is not None else "",
        share=_share(line),
        why=signs(name(line.why, 160)),
    )


def _share(line: Line) -> str:
    if line.change is None or line.usual is None:
        return ""
    return percent(line.change, line.usual, 0, signed=True) or ("new" if line.change else "")


def _spark(line: Line, trend: Trend, span: str, currency: str) -> str:
    values = trend.named.get((line.name,), ())[-SPARK_DAYS:]
    if not values:
        return ""
    low, high = money(min(values), currency), money(max(values), currency)
    return sparks.sparkline(values, f"{span}: lowest {low}, highest {high}")
