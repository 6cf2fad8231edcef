"""Maintenance: few large files instead of many small ones, nothing kept that nobody can ask for.

Never touched: the log (it is the history) and the cube of committed deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import polars as pl

from domain.delivery import Delivery
from domain.window import month_window
from ledger import cube, promotion
from ledger.history import History
from ledger.rewriting import MANY_FILES, partitions, rewrite
from ledger.store import Table
from ledger.tables import PROMOTED, keys_of

GRACE = timedelta(days=1)
"""Younger files may belong to a collector that is still at work, or to a reader."""

CLOSES_AFTER = timedelta(days=14)
"""A period is closed by the delivery that is current this long after the period's end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """What one run of maintenance did: files joined into fewer, and files deleted, per table."""

    joined: dict[str, int]
    deleted: dict[str, int]


def maintain(
    tables: Mapping[str, Table], history: History, *, now: datetime, retain: int, grace: timedelta = GRACE
) -> Upkeep:
    """Join small files, then delete what no kept version names.

    Raises:
        StorageError: a table cannot be read or written.
    """
    deliveries = [entry.delivery for entry in history.entries()]
    joined = {
        "resources": _join_dimension(tables["resources"], "dim_id", now),
        "prices": _join_dimension(tables["prices"], "price_id", now),
        "cube": _join_cube(tables["cube"], deliveries, now, now - grace),
        "price_book": _join_book(tables["price_book"], now),
    }
    versions = kept_versions(deliveries, retain)
    deleted = {
        name: table.vacuum(grace, versions if name == "charges" else ()) for name, table in tables.items()
    }
    return Upkeep(joined=joined, deleted=deleted)


def kept_versions(deliveries: Sequence[Delivery], retain: int) -> list[int]:
    """Name the versions that hold the newest deliveries of each period and the one that closed it."""
    kept: set[int] = set()

    def period(delivery: Delivery) -> tuple[str, str]:
        return delivery.source, delivery.billing_period

    for (_, name), group in groupby(sorted(deliveries, key=lambda one: (*period(one), one.version)), period):
        mine = list(group)
        kept.update(delivery.version for delivery in mine[-retain:])
        closing = month_window(name).end + CLOSES_AFTER
        kept.add(next((one for one in reversed(mine) if one.seen_at <= closing), mine[0]).version)
    return sorted(kept)


def _join_dimension(table: Table, key: str, now: datetime) -> int:
    joined = 0
    for place, members in partitions(table):
        paths = [member.path for member in members]
        rows = table.read(paths)
        if table.spec.name == "resources" and _lacks_promoted(rows, table):
            rows = promotion.apply(rows.collect(), table.spec).lazy()
        elif len(members) < MANY_FILES:
            continue
        joined += rewrite(table, place, members, rows.unique(key, keep="any"), now)
    return joined


def _lacks_promoted(rows: pl.LazyFrame, table: Table) -> bool:
    wanted = ",".join(keys_of(table.spec))
    return bool(rows.select(pl.col(PROMOTED).ne_missing(wanted).any()).collect().item())


def _join_cube(table: Table, deliveries: Sequence[Delivery], now: datetime, before: datetime) -> int:
    """Join the files of each period, without rows of deliveries that never came to be."""
    joined = 0
    ids = {delivery.id for delivery in deliveries}
    for place, members in partitions(table):
        settled = [member for member in members if member.written_at <= before]
        rows = table.read([member.path for member in settled])
        found = set(rows.select(pl.col("delivery_id").unique()).collect().to_series()) if settled else set()
        if len(settled) >= MANY_FILES or found - ids:
            kept = rows.filter(pl.col("delivery_id").is_in(sorted(found & ids)))
            joined += rewrite(table, place, settled, kept.sort("delivery_id", *cube.CELL), now)
    return joined


def _join_book(table: Table, now: datetime) -> int:
    """Join the files of each provider's prices; every row is history and stays."""
    return sum(
        rewrite(table, place, members, table.read([member.path for member in members]), now)
        for place, members in partitions(table)
        if len(members) >= MANY_FILES
    )
