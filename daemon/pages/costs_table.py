"""The table of costs: rows by size, or times against names, each number with its own question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon import sparks
from daemon.charts import NOBODY_STYLE
from daemon.dimensions import OWNERS, Place, dimension
from daemon.pages.ask import Ask, subject
from daemon.pages.controls import month_days
from daemon.pages.layout import headline, ident, minus, name, percent
from daemon.pages.trend import Line, Slot, Trend, is_unowned, trends, value_text
from domain.show import money_text

if TYPE_CHECKING:
    from daemon.ranking import Row
    from daemon.report import ReportResult

MOST_ROWS = 250
"""Rows a page shows; all of them are in the CSV."""

_NEXT = (
    "team", "service", "environment", "provider", "account", "cloud_service", "resource", "charge_category",
    "sku",
)  # fmt: skip
"""What is asked next of a value that was clicked: the first of these that is not yet said."""

_AFTER = {
    "cluster": "namespace",
    "namespace": "workload",
    "workload": "pod",
    "pod": "resource",
    "account": "cloud_service",
    "resource": "sku",
}
_OUTSIDE = {"cluster": "provider", "namespace": "cost_kind", "workload": "cost_kind", "pod": "cost_kind"}
"""What is asked of the cost that is in no cluster, or of a cluster and in no namespace: idle, mostly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A name or an amount, and the question behind it; "" for none."""

    text: str
    url: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One line.

    Attributes:
        heads: names.
        cells: amounts.
        share: of the total, or "".
        bar: the share drawn.
        is_nobody: nobody owns it.
    """

    heads: tuple[Cell, ...]
    cells: tuple[Cell, ...]
    share: str = ""
    bar: str = ""
    is_nobody: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Head of a column.

    Attributes:
        sorted: `ascending`, `descending` or "".
        url: the page sorted by it, or the page its name leads to.
    """

    text: str
    sorted: str = ""
    url: str = ""
    swatch: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One currency.

    Attributes:
        total: for the headline.
        heads: columns of names.
        amounts: columns of amounts.
        rows: the larger ones first.
        pinned: what nobody owns, last.
        more: what the rows that are not shown are, or "".
        zero: how many rows that cost nothing are not shown.
        has_shares: a column of shares belongs to it.
    """

    currency: str
    total: str
    sums: tuple[Cell, ...]
    heads: tuple[Column, ...]
    amounts: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    pinned: tuple[TableRow, ...]
    more: str
    zero: int
    has_shares: bool


def tables(ask: Ask, result: ReportResult) -> tuple[Table, ...]:
    """Give a table per currency."""
    if ask.step and not _other_times(ask):
        return tuple(_by_time(ask, trend) for trend in trends(result))
    return tuple(_by_size(ask, result, total.currency, total.cost) for total in result.totals)


def _other_times(ask: Ask) -> bool:
    return any(dimension(one).place is Place.TIME for one in ask.by)


def _amount(cost: Decimal | None, digits: int = 2) -> str:
    if cost is None:
        return "unknown"
    return minus(money_text(cost, "", digits=digits).replace(" ", "", 1))


def _by_size(ask: Ask, result: ReportResult, currency: str, total: Decimal | None) -> Table:
    names = result.query.by
    rows = [row for row in result.rows if row.currency == currency]
    zeros = [row for row in rows if row.cost == 0] if not ask.zero else []
    kept = [row for row in rows if ask.zero or row.cost != 0]
    owned = [row for row in kept if not is_unowned(names, row.values)]
    nobody = [row for row in kept if is_unowned(names, row.values)]
    hidden = [*owned[MOST_ROWS:], *nobody[MOST_ROWS:]]
    pinned = [_row(ask, names, row, total) for row in nobody[:MOST_ROWS]]
    if not nobody and len(names) == 1 and names[0] in OWNERS and not ask.where:
        pinned.append(_nobody(ask, names[0]))
    return Table(
        currency=currency,
        total=headline(total, currency) if total is not None else "unknown",
        sums=(Cell(text=_amount(total), url=ask.url),),
        heads=tuple(_head(ask, one) for one in names),
        amounts=(
            Column(
                text=f"Cost {name(currency, 8)}",
                sorted="descending" if ask.sort == "cost" else "",
                url=ask.but(sort="cost").url if ask.sort != "cost" else "",
            ),
        ),
        rows=tuple(_row(ask, names, row, total) for row in owned[:MOST_ROWS]),
        pinned=tuple(pinned),
        more=_more(hidden, currency),
        zero=len(zeros),
        has_shares=total is not None and total > 0,
    )


def _head(ask: Ask, one: str) -> Column:
    chosen = ask.sort == one
    text = name(one.replace("_", " "), 40)
    return Column(
        text=text, sorted="ascending" if chosen else "", url="" if chosen else ask.but(sort=one).url
    )


def _more(hidden: Sequence[Row], currency: str) -> str:
    if not hidden:
        return ""
    rest = sum((row.cost for row in hidden if row.cost is not None), Decimal(0))
    noun = "row" if len(hidden) == 1 else "rows"
    return f"{len(hidden):,} more {noun}, together {minus(money_text(rest, currency))}, are in the total."


def _nobody(ask: Ask, one: str) -> TableRow:
    """Say that nothing is without an owner: nobody need wonder whether it was hidden."""
    head = Cell(text=value_text(one, None), url=ask.only(one, None).url)
    return TableRow(heads=(head,), cells=(Cell(text=_amount(Decimal(0))),), share="", is_nobody=True)


def _row(ask: Ask, names: tuple[str, ...], row: Row, total: Decimal | None) -> TableRow:
    heads = tuple(
        Cell(text=ident(value_text(one, value)), url="" if row.folded else drilled(ask, one, value).url)
        for one, value in zip(names, row.values, strict=True)
    )
    of = ask
    for one, value in zip(names, row.values, strict=True):
        of = narrowed(of, one, value)
    url = "" if row.folded else of.url
    known = row.cost is not None and total is not None and total > 0
    unowned = is_unowned(names, row.values)
    return TableRow(
        heads=heads,
        cells=(Cell(text=_amount(row.cost), url=url),),
        share=percent(row.cost, total) if known and row.cost is not None and total is not None else "",
        bar=sparks.bar(row.cost, total, "nobody" if unowned else "s1")
        if known and row.cost is not None and total is not None
        else "",
        is_nobody=unowned,
    )


def narrowed(ask: Ask, one: str, value: str | None) -> Ask:
    """Give the question for one value: times change the window, everything else is a filter."""
    if value is None or dimension(one).place is not Place.TIME:
        return ask.only(one, value)
    if one == "day":
        return ask.days(date.fromisoformat(value), date.fromisoformat(value))
    if one == "month":
        return ask.days(*month_days(value))
    return ask.only(one, value)


def drilled(ask: Ask, one: str, value: str | None) -> Ask:
    """Give the question that a click on a name asks: this value only, by what is not yet said."""
    of = narrowed(ask, one, value)
    said = {subject(text) for text in of.where} | {one}
    rest = tuple(other for other in ask.by if other != one)
    if not rest:
        after = (_OUTSIDE if value is None and one in _OUTSIDE else _AFTER).get(one, "")
        wanted = (after, *_NEXT) if after else _NEXT
        rest = (next((other for other in wanted if other not in said), "resource"),)
    return of.but(by=rest, sort=of.sort if of.sort in rest else "cost", top=None)


def _by_time(ask: Ask, trend: Trend) -> Table:
    """Give times as rows and names as columns: what the chart shows, in digits."""
    lines = list(trend.lines)
    sums = trend.sums
    rows = tuple(
        _slot_row(ask, slot, at, lines, sums[at] if sums else Decimal(0)) for at, slot in _slots(trend)
    )
    total = sum(sums, Decimal(0))
    return Table(
        currency=trend.currency,
        total=headline(total, trend.currency),
        sums=(
            *(Cell(text=_amount(line.series.total), url=_line_ask(ask, line).url) for line in lines),
            Cell(text=_amount(total), url=ask.but(step="").url),
        ),
        heads=(Column(text=ask.step.capitalize(), sorted="ascending"),),
        amounts=(
            *(_line_column(ask, line) for line in lines),
            Column(text=f"Total {name(trend.currency, 8)}"),
        ),
        rows=rows,
        pinned=(),
        more=f"Earlier {ask.step}s are in the total and in the CSV." if len(rows) < len(trend.slots) else "",
        zero=0,
        has_shares=False,
    )


def _slots(trend: Trend) -> Iterator[tuple[int, Slot]]:
    yield from enumerate(trend.slots[-MOST_ROWS:], max(len(trend.slots) - MOST_ROWS, 0))


def _slot_row(ask: Ask, slot: Slot, at: int, lines: Sequence[Line], total: Decimal) -> TableRow:
    of = ask.days(slot.first, slot.last).but(step="")
    cells = [Cell(text=_amount(line.series.values[at]), url=_line_ask(of, line).url) for line in lines]
    finer = of if ask.step == "day" else of.but(step="day")
    return TableRow(
        heads=(Cell(text=slot.value, url=finer.url),), cells=(*cells, Cell(text=_amount(total), url=of.url))
    )


def _line_ask(ask: Ask, line: Line) -> Ask:
    """Give the question for one column; the sum of several leads to their list."""
    of = ask
    for one, value in zip(ask.by, line.values or (), strict=False):
        of = of.only(one, value)
    if line.values is not None:
        return of
    owner = next((one for one in ask.by if one in OWNERS), "")
    if owner and line.series.style == NOBODY_STYLE:
        of = of.only(owner, None)
    return of.but(step="")


def _line_column(ask: Ask, line: Line) -> Column:
    if line.values is None or len(ask.by) != 1:
        url = _line_ask(ask, line).url
    else:
        url = drilled(ask, ask.by[0], line.values[0]).url
    return Column(text=name(line.series.name, 24), url=url, swatch=sparks.swatch(line.series.style))
