"""What is really there: committed deliveries, and files that a failing disk took from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from domain.delivery import Delivery
from domain.errors import StorageError
from ledger.commit import Member
from ledger.cube import sum_or_null
from ledger.gates import Sums
from ledger.history import History
from ledger.staging import COST_COLUMNS
from ledger.store import Table


class Stored(Protocol):
    """The part of the ledger that sums are recomputed from."""

    def charges(self) -> pl.LazyFrame:
        """Give the facts of committed deliveries."""
        ...

    def resources(self) -> pl.LazyFrame:
        """Give the resource dimension."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a start finds.

    Attributes:
        deliveries: committed ones, oldest first; the state database mirrors them.
        damage: one sentence per period whose files are not as they were committed, with
            what to do.
    """

    deliveries: tuple[Delivery, ...]
    damage: tuple[str, ...]


def recover(charges: Table, history: History) -> Recovered:
    """Read the log, and compare every current period with the files that hold it.

    Raises:
        StorageError: the log itself cannot be read.
    """
    charges.refuse_torn()
    table = charges.open()
    if table is None:
        return Recovered(deliveries=(), damage=())
    deliveries = tuple(entry.delivery for entry in history.entries(table))
    current = {(delivery.source, delivery.billing_period): delivery for delivery in deliveries}
    faults = faults_of(charges, [current[place] for place in sorted(current)])
    return Recovered(deliveries=deliveries, damage=tuple(faults.values()))


def faults_of(charges: Table, current: Sequence[Delivery]) -> dict[str, str]:
    """Say, by delivery id, what is wrong with the files of deliveries that are current."""
    table = charges.open()
    wanted = {(delivery.source, delivery.billing_period): delivery for delivery in current}
    if table is None or not wanted:
        return {}
    members: dict[tuple[str, str], list[Member]] = defaultdict(list)
    for member in charges.members(table):
        place = member.partition["source"], member.partition["billing_period"]
        if place in wanted:
            members[place].append(member)
    sizes = charges.files.sizes(member.path for group in members.values() for member in group)
    found = {one.id: _fault(one, members.get(place, []), sizes) for place, one in wanted.items()}
    return {name: fault for name, fault in found.items() if fault}


def _fault(delivery: Delivery, members: list[Member], sizes: dict[str, int]) -> str:
    rows = sum(member.rows for member in members)
    wrong = [member.path for member in members if sizes.get(member.path) != member.size_bytes]
    if wrong:
        what = f"{len(wrong)} of its files are missing or cut off, first {wrong[0]}"
    elif rows != delivery.rows:
        what = f"its files hold {rows:,} rows, but {delivery.rows:,} were committed"
    else:
        return ""
    return (
        f"{delivery.billing_period} of {delivery.source} is damaged: {what}; "
        f"run `costd collect {delivery.source}`, or restore a backup"
    )


def rows_of(charges: Table, delivery: Delivery) -> pl.LazyFrame:
    """Give the facts at the version of a delivery.

    Raises:
        StorageError: maintenance has removed some of its files.
    """
    table = charges.open(delivery.version)
    place = {"source": delivery.source, "billing_period": delivery.billing_period}
    paths = [member.path for member in charges.members(table, place)] if table is not None else []
    if table is None or len(charges.files.sizes(paths)) < len(paths):
        raise StorageError(
            f"the charges of {delivery.billing_period} of {delivery.source} as of "
            f"{delivery.seen_at:%Y-%m-%d %H:%M} UTC are no longer kept row by row",
            hint="its daily sums are kept for ever: ask with `--as-of`; `ledger.keep_versions` keeps more",
        )
    return charges.scan(delivery.version)


def unequal(ledger: Stored, current: Iterable[Delivery]) -> list[str]:
    """Recompute the sums of current periods from their charges; say which are not as committed."""
    currencies = ledger.resources().select("dim_id", "BillingCurrency")
    found = (
        ledger.charges()
        .join(currencies, on="dim_id", how="left")
        .group_by("source", "billing_period", "BillingCurrency")
        .agg(pl.len().alias("rows"), *(sum_or_null(name) for name in COST_COLUMNS))
        .collect()
    )
    rows: dict[tuple[str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str], Sums] = defaultdict(dict)
    for row in found.iter_rows(named=True):
        place = row["source"], row["billing_period"]
        rows[place] += row["rows"]
        sums[place][row["BillingCurrency"]] = {
            name: row[name] for name in COST_COLUMNS if row[name] is not None
        }
    return [
        f"{delivery.billing_period} of {delivery.source}"
        for delivery in current
        if (place := (delivery.source, delivery.billing_period))
        and (rows[place], sums[place]) != (delivery.rows, delivery.sums)
    ]
