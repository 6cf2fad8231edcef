"""What providers changed about days that were complete already, from the daily cube.

A change is a restatement when its day ended before the point the source had reached with
the delivery before; a day that was still growing is simply late, not restated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import polars as pl

from daemon.labels import Labels
from domain.charge import COSTS
from domain.delivery import Delivery
from domain.ports import Ledger
from domain.window import midnight

CELL = ("source", "billing_period", "day", "dim_id", "price_id")
_ZERO = pl.lit(Decimal(0)).cast(pl.Decimal(38, 12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restatement:
    """One past day, or part of it, whose cost is not what it was first said to be.

    Attributes:
        source: whose bill it is.
        day: UTC day.
        values: the dimensions asked for, in their order.
        currency: of the amounts.
        old: cost before the first of these changes.
        new: cost as known now.
        gross: sum of the absolute changes of all cells; more than the change where they cancel.
        first_seen: when the first of these changes was seen.
    """

    source: str
    day: date
    values: tuple[str | None, ...]
    currency: str
    old: Decimal
    new: Decimal
    gross: Decimal
    first_seen: datetime

    @property
    def change(self) -> Decimal:
        """Give new minus old."""
        return self.new - self.old


@dataclass(frozen=True, slots=True)
class _Restating:
    """The deliveries that can hold restatements, each with the day it must be before."""

    before: dict[str, date] = field(default_factory=dict)
    scope: set[tuple[str, str]] = field(default_factory=set)


def find_restatements(
    ledger: Ledger,
    labels: Labels,
    *,
    since: datetime,
    cost: str,
    through: Mapping[str, datetime | None] = MappingProxyType({}),
) -> list[Restatement]:
    """Give what changed since an instant, newest day first, the largest change first within a day.

    `through` says how far sources reach by their own word, where it is known: a day that
    is not complete even now was never restated, whatever its rows look like.
    """
    restating = _restating(ledger.deliveries(), since, through)
    if not restating.before:
        return []
    column = COSTS[cost]
    keys = ["source", "day", *labels.by, "currency"]
    changes = labels.of(_changes(ledger, restating, column))
    net = (
        changes.group_by(keys)
        .agg(
            pl.col("delta").sum().alias("net"),
            pl.col("delta").abs().sum().alias("gross"),
            pl.col("seen_at").min().alias("first_seen"),
        )
        .filter(pl.col("gross") != 0)
        .collect()
    )
    if net.is_empty():
        return []
    now = labels.of(_present(ledger, net, restating.scope, column))
    totals = now.group_by(keys).agg(pl.col(column).sum().alias("new")).collect()
    found = net.join(totals, on=keys, how="left", nulls_equal=True).with_columns(
        pl.col("new").fill_null(_ZERO)
    )
    rows = [_restatement(row, labels.by) for row in found.iter_rows(named=True)]
    return sorted(rows, key=lambda row: (-row.day.toordinal(), -abs(row.change), row.source, str(row.values)))


def _restating(
    deliveries: Sequence[Delivery], since: datetime, complete: Mapping[str, datetime | None]
) -> _Restating:
    found = _Restating()
    reached: dict[str, datetime] = {}
    known: defaultdict[str, set[str]] = defaultdict(set)
    for delivery in deliveries:
        source, period = delivery.source, delivery.billing_period
        if period in known[source] and delivery.seen_at >= since and source in reached:
            until = min(reached[source], complete.get(source) or reached[source])
            found.before[delivery.id] = until.astimezone(UTC).date()
            found.scope.add((source, period))
        known[source].add(period)
        through = delivery.through or _last_day(delivery)
        if through is not None:
            reached[source] = max(through, reached.get(source, through))
    return found


def _last_day(delivery: Delivery) -> datetime | None:
    return midnight(date.fromisoformat(delivery.last_day)) if delivery.last_day else None


def _changes(ledger: Ledger, restating: _Restating, column: str) -> pl.LazyFrame:
    """Give one row per changed cell and delivery: `delta`, and when it was seen."""
    limits = pl.LazyFrame(
        {"delivery_id": list(restating.before), "before": list(restating.before.values())},
        schema={"delivery_id": pl.String, "before": pl.Date},
    )
    cube = ledger.cube().filter(
        pl.col("source").is_in(sorted({source for source, _ in restating.scope}))
        & pl.col("billing_period").is_in(sorted({period for _, period in restating.scope}))
    )
    changed = cube.join(limits, on="delivery_id").filter(pl.col("day") < pl.col("before"))
    cells = changed.select(CELL).unique()
    history = cube.join(cells, on=CELL, how="semi").sort("seen_at", "delivery_id")
    amount = pl.col(column).fill_null(_ZERO)
    return (
        history.with_columns((amount - amount.shift(1).over(CELL).fill_null(_ZERO)).alias("delta"))
        .join(limits, on="delivery_id")
        .filter(pl.col("day") < pl.col("before"))
        .select(*CELL, "seen_at", "delta")
    )


def _present(
    ledger: Ledger, net: pl.DataFrame, scope: Iterable[tuple[str, str]], column: str
) -> pl.LazyFrame:
    sources = sorted({source for source, _ in scope})
    days = net["day"].unique().to_list()
    facts = ledger.charges(sources=sources).filter(pl.col("day").is_in(days))
    return facts.select("source", "day", "dim_id", "price_id", column)


def _restatement(row: dict[str, Any], by: tuple[str, ...]) -> Restatement:
    return Restatement(
        source=row["source"],
        day=row["day"],
        values=tuple(row[name] for name in by),
        currency=row["currency"],
        old=row["new"] - row["net"],
        new=row["new"],
        gross=row["gross"],
        first_seen=row["first_seen"],
    )
