"""One report under every way to split machines: how much a figure depends on the policy.

Computed beside the ledger and not stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, cast, get_args

import polars as pl

from attribution.ownership import assign
from attribution.star import Star
from attribution.sums import sums
from config.allocation import SplitName
from daemon.cluster_bill import read_bill
from daemon.cluster_parts import parts_of
from daemon.cluster_usage import Usage
from daemon.report import ReportResult, in_scope, run
from domain.charge import COSTS, FACT_SCHEMA, RESOURCE_SCHEMA
from domain.money import EXACT

if TYPE_CHECKING:
    from config.allocation import AllocationSettings
    from daemon.cluster_bill import ClusterBill
    from daemon.query import Query
    from daemon.ranking import Row
    from daemon.rooms import Rooms
    from domain.delivery import Delivery
    from domain.ports import Ledger, Progress
    from ledger.charges import ChargeLedger

CONFIGURED = "configured"
"""The name of base prices of one's own."""

_SAME = ("parent_dim_id", "AllocatedResourceId", "AllocatedResourceName", "x_AllocationKind", "Tags")
_FIRST = 2**62
"""Ids of parts begin here; what is stored has ids of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """A report under each policy.

    Attributes:
        results: by the policy's name, the configured one first.
    """

    results: dict[str, ReportResult]

    @property
    def first(self) -> ReportResult:
        """Give the report by the configured policy."""
        return next(iter(self.results.values()))

    def rows(self) -> list[tuple[Row, dict[str, Decimal | None]]]:
        """Give every row of the reports with its cost by policy, in the order of the configured one."""
        costs = {
            name: {(row.values, row.currency): row.cost for row in result.rows}
            for name, result in self.results.items()
        }
        order = {(row.values, row.currency): row for result in self.results.values() for row in result.rows}
        ranked = {key: at for at, key in enumerate(costs[next(iter(costs))])}
        zero = Decimal(0)
        return [
            (order[key], {name: found.get(key, zero) for name, found in costs.items()})
            for key in sorted(order, key=lambda key: ranked.get(key, len(ranked)))
        ]


def spread(costs: Iterable[Decimal | None]) -> Decimal | None:
    """Give the difference between the highest and the lowest; None if one is unknown."""
    known = list(costs)
    if not known or any(cost is None for cost in known):
        return None
    exact = [cost for cost in known if cost is not None]
    return EXACT.subtract(max(exact), min(exact))


def policies(settings: AllocationSettings) -> dict[str, object]:
    """Give the policies to compare by name, the configured one first."""
    named: dict[str, object] = {name: name for name in get_args(SplitName)}
    if isinstance(settings.split, str):
        return {settings.split: settings.split} | named
    return {CONFIGURED: settings.split} | named


def sensitivity(rooms: Rooms, star: Star, query: Query, progress: Progress) -> Sensitivity:
    """Compute a report under each policy, from bills alone: estimates are left out."""
    usage, allocation = Usage(rooms), rooms.settings.allocation
    scope = in_scope(query, rooms.ledger.deliveries())
    bills = [read_bill(rooms.ledger, usage, delivery, allocation) for delivery in scope]
    kept = [bill for bill in bills if bill is not None and not bill.parents.is_empty()]
    sources = rooms.sources(query.as_of)
    results = {}
    asked = policies(allocation)
    progress.start("splitting", len(asked), "policies")
    for name, split in asked.items():
        other = _Split(rooms.ledger, usage, kept, allocation.model_copy(update={"split": split}))
        whole = other.star(star, rooms)
        results[name] = run(replace(query, top=None), cast("Ledger", other), whole, rooms.clock, sources)
        progress.advance(1)
    progress.finish()
    return Sensitivity(results=results)


class _Split:
    """The ledger as it would be by other settings."""

    def __init__(
        self, ledger: ChargeLedger, usage: Usage, bills: Sequence[ClusterBill], settings: AllocationSettings
    ) -> None:
        self._ledger = ledger
        summed = [
            _summed(parts, bill.delivery)
            for bill in bills
            for _day, parts in parts_of(bill, ledger, usage, settings)
        ]
        self._parents = (
            pl.concat(
                [
                    bill.parents.with_columns(
                        source=pl.lit(bill.delivery.source),
                        billing_period=pl.lit(bill.delivery.billing_period),
                    )
                    for bill in bills
                ]
            )
            if bills
            else None
        )
        parts = pl.concat(summed) if summed else None
        self._rows = parts
        if parts is not None:
            named = parts.select(_SAME).unique(maintain_order=True).with_row_index("dim_id")
            self._named = named.with_columns(pl.col("dim_id").cast(pl.Int64) + _FIRST)
            self._rows = parts.join(self._named, on=list(_SAME), nulls_equal=True)

    def star(self, star: Star, rooms: Rooms) -> Star:
        """Give the star with the parts' resources and owners."""
        if self._rows is None:
            return star
        own = ["dim_id", *(name for name in _SAME if name != "parent_dim_id")]
        stored = star.resources.select(RESOURCE_SCHEMA.names())
        copied = stored.drop(own[1:]).rename({"dim_id": "parent_dim_id"})
        rows = self._named.join(copied, on="parent_dim_id")
        rows = rows.with_columns(pl.col("Tags").str.json_decode(RESOURCE_SCHEMA["Tags"]))
        resources = pl.concat([stored, rows.select(RESOURCE_SCHEMA.names())])
        return replace(star, resources=resources, ownership=assign(resources, rooms.rules))

    def deliveries(self, *, since: datetime | None = None) -> list[Delivery]:
        """List committed deliveries, oldest first."""
        return self._ledger.deliveries(since=since)

    def charges(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the charges as they were billed."""
        return self._ledger.charges(sources=sources, periods=periods)

    def attributable(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the charges with these parts in place of what is split."""
        charges = self._ledger.charges(sources=sources, periods=periods)
        if self._rows is None or self._parents is None:
            return charges
        keys = ["source", "billing_period", "dim_id", "ChargePeriodStart", "price_id"]
        left = charges.join(self._parents.lazy(), on=keys, how="anti")
        return pl.concat([left, self._rows.lazy().select(FACT_SCHEMA.names())])


def _summed(parts: pl.DataFrame, delivery: Delivery) -> pl.DataFrame:
    """Add up the parts of an hour: a report needs no single charges."""
    keys = [*_SAME, "price_id", "ChargePeriodStart"]
    rows = parts.group_by(keys).agg(sums(COSTS.values()))
    fixed = {
        "source": pl.lit(delivery.source),
        "billing_period": pl.lit(delivery.billing_period),
        "day": pl.col("ChargePeriodStart").dt.date(),
    }
    known = {*rows.columns, *fixed, "dim_id"}
    rest = {name: pl.lit(None, dtype=dtype) for name, dtype in FACT_SCHEMA.items() if name not in known}
    return rows.with_columns(**fixed, **rest)
