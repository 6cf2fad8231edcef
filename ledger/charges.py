"""The charge ledger: Delta tables behind the port `Ledger`.

Readers see committed deliveries only. Nothing here knows who owns a charge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from domain.allocation import SPLIT_SCHEMA
from domain.charge import CUBE_SCHEMA, FACT_SCHEMA, PRICE_SCHEMA, RESOURCE_SCHEMA
from domain.delivery import Batch, Cursor, Delivery, PeriodResult
from ledger import cube, promotion, recovery, tags, upkeep
from ledger.clusters import ClusterLedger, narrowed
from ledger.history import History
from ledger.judging import Terms
from ledger.recovery import Recovered
from ledger.replace import Replacement
from ledger.sparse import without_empty
from ledger.store import Table
from ledger.tables import every_table
from ledger.usage_upkeep import tidy

if TYPE_CHECKING:
    from deltalake import DeltaTable

MAX_LOSS = Decimal("0.05")
"""Share by which a replacement may shrink before it is refused."""


KEEP_USAGE = timedelta(days=400)
"""How long hours of usage are kept."""

RETAIN = 3
"""Full versions kept of every period, beside the one that closed it."""


def _nobody(_rows: int) -> None:
    """Listen to no progress."""


class ChargeLedger(ClusterLedger):
    """The charges of every source, replaced period by period.

    Args:
        root: folder or `s3://bucket/prefix` below which the tables lie.
        storage_options: of the object store, as delta-rs and polars name them.
        promote: tag keys that `resources` gives as columns of their own.
        retain: full versions that maintenance keeps of every period, beside the one that
            closed it.
        max_loss: share by which a replacement may shrink before it is refused; 0 refuses
            every shrinking one.
    """

    def __init__(
        self,
        root: str,
        *,
        storage_options: Mapping[str, str] | None = None,
        promote: Sequence[str] = (),
        retain: int = RETAIN,
        max_loss: Decimal = MAX_LOSS,
    ) -> None:
        self.root = root
        self.is_local = "://" not in root
        self.storage_options = dict(storage_options or {})
        self._retain = retain
        self._promote = tuple(promote)
        self._max_loss = max_loss
        self.tables = {spec.name: Table(spec, root, storage_options) for spec in every_table(promote)}
        self._history = History(self.tables["charges"])
        super().__init__(self.tables, self._history)

    def replace(
        self,
        batch: Batch,
        *,
        seen_at: datetime,
        force: bool = False,
        on_rows: Callable[[int], None] = _nobody,
    ) -> list[PeriodResult]:
        """Store every period of a batch whole, or say per period why not."""
        terms = Terms(now=seen_at, seen_at=batch.seen_at or seen_at, max_loss=self._max_loss, force=force)
        return Replacement(self.tables, self._history, batch, terms).run(on_rows)

    def charges(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the facts (`FACT_SCHEMA`) of committed deliveries."""
        return narrowed(self.tables["charges"].scan(), sources, periods).select(FACT_SCHEMA.names())

    def charges_at(self, delivery: Delivery) -> pl.LazyFrame:
        """Give the facts of one period as a delivery left them.

        Raises:
            StorageError: maintenance has removed that version.
        """
        rows = recovery.rows_of(self.tables["charges"], delivery)
        return narrowed(rows, [delivery.source], [delivery.billing_period]).select(FACT_SCHEMA.names())

    def resources(self) -> pl.LazyFrame:
        """Give the resource dimension (`RESOURCE_SCHEMA`, promoted `x_tag_*`), one row per dim_id."""
        rows = promotion.with_columns(without_empty(self.tables["resources"]), self._promote)
        rows = _one_per_id(rows, "dim_id")
        promoted = (tags.column_of(key) for key in tags.normalised(self._promote))
        return rows.select(*RESOURCE_SCHEMA.names(), *promoted)

    def prices(self) -> pl.LazyFrame:
        """Give the price dimension (`PRICE_SCHEMA`), one row per price_id."""
        return _one_per_id(without_empty(self.tables["prices"]), "price_id").select(PRICE_SCHEMA.names())

    def allocations(self) -> pl.LazyFrame:
        """Give how providers split resources themselves (`SPLIT_SCHEMA`, source and billing period).

        Only what came with the current delivery of each period.
        """
        current = {(one.source, one.billing_period): one for one in self.deliveries()}
        ids = sorted(one.id for one in current.values() if one.allocations)
        kept = self.tables["allocations"].scan().filter(pl.col("delivery_id").is_in(ids))
        return kept.select("source", "billing_period", *SPLIT_SCHEMA.names())

    def cube(self) -> pl.LazyFrame:
        """Give every changed cell of every committed delivery (`CUBE_SCHEMA`)."""
        deliveries = self.deliveries()
        return cube.committed(self.tables["cube"].scan(), deliveries).select(CUBE_SCHEMA.names())

    def as_first_seen(self, at: datetime) -> pl.LazyFrame:
        """Give the daily cube (`CUBE_SCHEMA`) as it was known at an instant."""
        known = [delivery for delivery in self.deliveries() if delivery.seen_at <= at]
        return cube.state(self.tables["cube"].scan(), known)

    def deliveries_of(self, table: DeltaTable) -> list[Delivery]:
        """List the deliveries that a version of the charges holds, oldest first."""
        return [entry.delivery for entry in self._history.entries(table)]

    def deliveries(self, *, since: datetime | None = None) -> list[Delivery]:
        """List committed deliveries, oldest first."""
        found = [entry.delivery for entry in self._history.entries()]
        return found if since is None else [delivery for delivery in found if delivery.seen_at >= since]

    def recover(self) -> Recovered:
        """List what is committed, and find what a failing disk took from it."""
        return recovery.recover(self.tables["charges"], self._history)

    def maintain(
        self, now: datetime, *, grace: timedelta = upkeep.GRACE, keep_usage: timedelta = KEEP_USAGE
    ) -> upkeep.Upkeep:
        """Join small files and delete what no kept version names, unless younger than `grace`.

        Hours of usage that are older than `keep_usage` go.
        """
        joined = tidy(self.tables, self.deliveries(), now=now, keep=keep_usage)
        done = upkeep.maintain(self.tables, self._history, now=now, retain=self._retain, grace=grace)
        return replace(done, joined=done.joined | joined)

    def versions(self, source: str, period: str) -> list[Delivery]:
        """List the deliveries of one period, oldest first."""
        return [
            delivery
            for delivery in self.deliveries()
            if delivery.source == source and delivery.billing_period == period
        ]

    def cursors(self, source: str) -> dict[str, Cursor]:
        """Give what the collector stored per period at its last successful delivery.

        A damaged period has none, so that it is collected anew.
        """
        latest = [entry.delivery for entry in self._history.latest(source).values()]
        damaged = recovery.faults_of(self.tables["charges"], latest)
        return {one.billing_period: dict(one.cursor) for one in latest if one.id not in damaged}


def _one_per_id(rows: pl.LazyFrame, key: str) -> pl.LazyFrame:
    """Give each id once: two collectors may both have added a row, and equal ids mean equal rows."""
    ids = rows.select(pl.len().alias("rows"), pl.col(key).n_unique().alias("ids")).collect()
    return rows if ids["rows"].item() == ids["ids"].item() else rows.unique(key, keep="any")
