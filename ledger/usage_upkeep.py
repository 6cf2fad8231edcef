"""Maintenance of what clusters gave: few files, no hours older than they are kept, no stale parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from domain.errors import ConflictError
from ledger.commit import Commit, Member
from ledger.log_files import trim
from ledger.rewriting import MANY_FILES, partitions, rewrite
from ledger.split import NO_DELIVERY
from ledger.tables import OBJECTS, USAGE
from ledger.usage_put import newest

if TYPE_CHECKING:
    from domain.delivery import Delivery
    from ledger.store import Table


def tidy(
    tables: Mapping[str, Table], deliveries: Sequence[Delivery], *, now: datetime, keep: timedelta
) -> dict[str, int]:
    """Join the files of days that are over, and let go of what is too old or stale; count files joined.

    Raises:
        StorageError: a table cannot be read or written.
    """
    joined = {}
    for spec in USAGE:
        table = tables[spec.name]
        if spec.name == OBJECTS:
            joined[spec.name] = _join_objects(table, now, now - keep)
        else:
            _let_go_of_days(table, now, now - keep)
            joined[spec.name] = _join_days(table, now)
        trim(table)
    _let_go_of_stale(tables["split_charges"], "source", deliveries, now)
    _let_go_of_stale(tables["estimates"], "bill_source", deliveries, now)
    return joined


def _let_go_of_days(table: Table, now: datetime, before: datetime) -> None:
    _let_go(table, now, lambda member: member.partition["day"] < f"{before:%Y-%m-%d}")


def _let_go_of_stale(table: Table, bill: str, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Let go of what was made beside deliveries that something replaced; `bill` names their source."""
    current = {(one.source, one.billing_period): one.id for one in deliveries}

    def is_stale(member: Member) -> bool:
        place = member.partition
        return current.get((place[bill], place["billing_period"]), NO_DELIVERY) != place["delivery_id"]

    _let_go(table, now, is_stale)


def _let_go(table: Table, now: datetime, goes: Callable[[Member], bool]) -> None:
    opened = table.open()
    old = [member for member in table.members(opened) if goes(member)] if opened is not None else []
    if opened is not None and old:
        # Somebody who replaces them at this moment does it as well; then it is theirs to tell.
        with suppress(ConflictError):
            table.commit(opened, Commit(add=[], remove=old, metadata="", at=now))


def _join_days(table: Table, now: datetime) -> int:
    """Join the files of each day that is over; hours of today still come."""
    return sum(
        rewrite(table, place, members, table.read([one.path for one in members]).sort("hour"), now)
        for place, members in partitions(table)
        if len(members) >= MANY_FILES and place["day"] < f"{now:%Y-%m-%d}"
    )


def _join_objects(table: Table, now: datetime, before: datetime) -> int:
    """Keep the newest state of every object, and none that was last seen too long ago."""
    joined = 0
    for place, members in partitions(table):
        rows = table.read([one.path for one in members])
        old = pl.col("seen_at") < before
        if len(members) >= MANY_FILES or rows.select(old.any()).collect().item():
            joined += rewrite(table, place, members, newest(rows).filter(~old.fill_null(value=False)), now)
    return joined
