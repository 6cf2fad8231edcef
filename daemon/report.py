"""Answers a query: exact sums by dimension, totals per currency, and how sure they are.

The attribution kernel does the adding, streaming; here the answer is put in order and said
how complete it is. Commands, the digest, the API and pages all call `run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from attribution import slices
from attribution.allocate import allocate
from attribution.star import CURRENCY, Star
from daemon.query import Query
from daemon.ranking import Row, arranged
from daemon.sources import SourceState, SourceView
from daemon.times import BEGINNING
from domain.charge import COSTS
from domain.delivery import Delivery
from domain.ports import Clock, Ledger
from domain.window import Window, midnight, month_window, next_month

SCHEMA = "costd.report/1"
BILLED = "billed"
_ESTIMATED = "x_EstimatedUntil"


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What the rows of one currency add up to.

    Attributes:
        currency: ISO code; totals of different currencies are never added.
        cost: exact sum; None where no charge says this cost.
    """

    currency: str
    cost: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Charges of a source that are in no figure.

    Attributes:
        source: its name.
        rows: how many charges.
    """

    source: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """The answer to a query.

    Attributes:
        query: what was asked.
        window: the UTC days it covers; None where nothing is stored.
        rows: in the order to show; values are text, None is a missing owner or value.
        totals: one per currency.
        sources: every source that counts, and how far it reaches.
        missing: charges that do not say this cost.
        unread: rows of the billing periods in question that are in quarantine.
        computed_at: when it was computed.
        basis: what the figures rest on: `billed`, `estimated` or `mixed`.
    """

    query: Query
    window: Window | None
    rows: tuple[Row, ...]
    totals: tuple[Total, ...]
    sources: tuple[SourceView, ...]
    missing: tuple[Missing, ...]
    unread: tuple[Missing, ...]
    computed_at: datetime
    basis: str = BILLED

    @property
    def late(self) -> tuple[SourceView, ...]:
        """Give the sources whose charges of this window are not all here."""
        end = self.window.end if self.window is not None else self.computed_at
        return tuple(
            source
            for source in self.sources
            if source.counts
            and (source.state is not SourceState.FRESH or source.withheld or not source.reaches(end))
        )

    @property
    def complete(self) -> bool:
        """Tell whether nothing is still to come, unreadable or unsaid."""
        return self.window is not None and not (self.late or self.missing or self.unread)


def run(
    query: Query, ledger: Ledger, star: Star, clock: Clock, sources: Sequence[SourceView]
) -> ReportResult:
    """Compute a report.

    Args:
        query: what is asked.
        ledger: the charges.
        star: the owners of every resource (`attribution.star.star_of`).
        clock: the present, for the stamp.
        sources: how far each source reaches, as of the query's instant.

    Raises:
        UsageError: a dimension that does not exist.
    """
    scope = in_scope(query, ledger.deliveries())
    cells = cells_of(query, ledger, scope, sources)
    column = COSTS[query.cost]
    billed = cells_of(query, ledger, scope, sources, cut=False)
    found = allocate(cells, star, _slice(query)).collect(engine="streaming")
    rows = [_row(row, query, column) for row in found.iter_rows(named=True)]
    return ReportResult(
        query=query,
        window=_from_first_day(query.window, scope) or _span(scope, query),
        rows=tuple(arranged(rows, query)),
        totals=tuple(_totals(rows)),
        sources=tuple(_asked(sources, query)),
        missing=tuple(_missing(_with_estimates(billed, cells, star), query, column)) if found.height else (),
        unread=tuple(_unread(scope)),
        computed_at=clock.now(),
        basis=_basis(cells, star, query),
    )


def _basis(cells: pl.LazyFrame, star: Star, query: Query) -> str:
    """Tell whether what is shown was billed, is estimated until it is, or some of both."""
    if star.resources[_ESTIMATED].null_count() == star.resources.height:
        return BILLED
    asked = replace(_slice(query), by=(_ESTIMATED,))
    found = allocate(cells, star, asked).collect(engine="streaming")[_ESTIMATED].is_null()
    if found.all():
        return BILLED
    return "mixed" if found.any() else "estimated"


def cells_of(
    query: Query,
    ledger: Ledger,
    scope: Sequence[Delivery] | None = None,
    sources: Iterable[SourceView] = (),
    *,
    cut: bool = True,
) -> pl.LazyFrame:
    """Give the cells a query needs, in whole billing periods: what is shared depends on all of them.

    Periods that are withheld are left out; the result says so. With `cut` false charges of clusters
    are as they were billed, one each, and nothing is estimated.
    """
    needed = in_scope(query, ledger.deliveries()) if scope is None else scope
    periods = sorted({delivery.billing_period for delivery in needed} | _unbilled(query, needed))
    if query.as_of is None:
        cells = ledger.attributable(periods=periods) if cut else ledger.charges(periods=periods)
    else:
        cells = ledger.as_first_seen(query.as_of).filter(pl.col("billing_period").is_in(periods))
    for source in sources:
        if source.withheld:
            held = (pl.col("source") == source.name) & pl.col("billing_period").is_in(source.withheld)
            cells = cells.filter(~held)
    return cells


def _unbilled(query: Query, needed: Sequence[Delivery]) -> set[str]:
    """Give the month after the newest bill that the query also covers: it may hold estimates only."""
    newest = max((delivery.billing_period for delivery in needed), default="")
    if not newest:
        return set()
    following = f"{next_month(date.fromisoformat(f'{newest}-01')):%Y-%m}"
    if query.billing_months is not None and following not in query.billing_months:
        return set()
    return {following}


def in_scope(query: Query, deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Give the current delivery of every period that can hold charges of the query."""
    current: dict[tuple[str, str], Delivery] = {}
    for delivery in deliveries:
        if query.as_of is None or delivery.seen_at <= query.as_of:
            current[delivery.source, delivery.billing_period] = delivery
    return [delivery for delivery in current.values() if _touches(delivery, query)]


def _touches(delivery: Delivery, query: Query) -> bool:
    if query.billing_months is not None and delivery.billing_period not in query.billing_months:
        return False
    if query.window is None or not delivery.first_day:
        return bool(delivery.first_day)
    first, last = date.fromisoformat(delivery.first_day), date.fromisoformat(delivery.last_day)
    return first < query.window.end_day and last >= query.window.first_day


def _slice(query: Query) -> slices.Slice:
    return slices.Slice(
        by=query.by,
        costs=(COSTS[query.cost],),
        sharing=slices.Sharing(query.sharing.value),
        where=tuple(
            slices.Filter(dimension=one.dimension, values=one.values, negated=one.negated)
            for one in query.where
        ),
        window=query.window,
        billing_months=query.billing_months,
    )


def _row(row: dict[str, Any], query: Query, column: str) -> Row:
    values = tuple(None if row[name] is None else str(row[name]) for name in query.by)
    return Row(values=values, currency=row[CURRENCY], cost=row[column])


def _totals(rows: Iterable[Row]) -> list[Total]:
    sums: dict[str, Decimal | None] = {}
    for row in rows:
        known = sums.setdefault(row.currency, None)
        if row.cost is not None:
            sums[row.currency] = row.cost if known is None else known + row.cost
    return [Total(currency=currency, cost=sums[currency]) for currency in sorted(sums)]


def _from_first_day(window: Window | None, scope: Sequence[Delivery]) -> Window | None:
    """Let a window that begins with everything begin with the first day that is stored."""
    if window is None or not scope or window.first_day != BEGINNING:
        return window
    first = min(date.fromisoformat(delivery.first_day) for delivery in scope)
    return Window(start=max(window.start, midnight(first)), end=window.end)


def _span(scope: Sequence[Delivery], query: Query) -> Window | None:
    """Give the days that the stored charges of a query without a window cover."""
    if not scope:
        return None
    if query.billing_months is not None:
        months = [month_window(delivery.billing_period) for delivery in scope]
        return Window(start=min(m.start for m in months), end=max(m.end for m in months))
    last = max(date.fromisoformat(delivery.last_day) for delivery in scope)
    first = min(date.fromisoformat(delivery.first_day) for delivery in scope)
    return Window.of_days(first, date.fromordinal(last.toordinal() + 1))


def _asked(sources: Iterable[SourceView], query: Query) -> list[SourceView]:
    """Leave out sources that a condition on `source` leaves out."""
    conditions = [
        slices.Filter(dimension="source", values=one.values, negated=one.negated)
        for one in query.where
        if one.dimension == "source"
    ]
    kept = list(sources)
    for condition in conditions:
        if kept:
            mask = condition.keeps(pl.Series([source.name for source in kept]))
            kept = [source for source, keeps in zip(kept, mask, strict=True) if keeps]
    return kept


def _with_estimates(billed: pl.LazyFrame, cells: pl.LazyFrame, star: Star) -> pl.LazyFrame:
    """Give charges as they were billed, and the estimates among the cells."""
    made = star.resources.filter(pl.col(_ESTIMATED).is_not_null())["dim_id"]
    if made.is_empty():
        return billed
    return pl.concat([billed, cells.filter(pl.col("dim_id").is_in(made.implode()))])


def _missing(cells: pl.LazyFrame, query: Query, column: str) -> list[Missing]:
    """Count the charges in the window that do not say this cost."""
    unknown = cells.filter(pl.col(column).is_null())
    if query.window is not None:
        unknown = unknown.filter(
            pl.col("day").is_between(query.window.first_day, query.window.end_day, closed="left")
        )
    rows = pl.col("rows").sum() if query.as_of is not None else pl.len()
    counted = unknown.group_by("source").agg(rows.alias("rows")).sort("source").collect(engine="streaming")
    return [Missing(source=source, rows=count) for source, count in counted.iter_rows()]


def _unread(scope: Iterable[Delivery]) -> list[Missing]:
    """Count the rows in quarantine of what is stored now."""
    rows: dict[str, int] = {}
    for delivery in scope:
        rows[delivery.source] = rows.get(delivery.source, 0) + delivery.rejected
    return [Missing(source=source, rows=count) for source, count in sorted(rows.items()) if count]
