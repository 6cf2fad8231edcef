"""Rows of the API that no command prints in this form: owners, and what was delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

import polars as pl

from daemon.output import Field, Listing, Row, Value
from domain.allocation import OWNER_FIELDS
from domain.money import plain

if TYPE_CHECKING:
    from daemon.rooms import Rooms
    from domain.delivery import Delivery


def owners_listing(ownership: pl.DataFrame, field: str | None) -> Listing:
    """Give every owner that the rules give to any resource, and to how many; null is nobody."""
    return Listing(
        fields=(Field(name="field"), Field(name="owner"), Field(name="resources", number=True)),
        rows=[row for name in OWNER_FIELDS if field in {None, name} for row in _owners(ownership, name)],
        document={"schema": "costd.owners/1", "rows": []},
    )


def _owners(ownership: pl.DataFrame, name: str) -> Iterator[Row]:
    counted = ownership.group_by(name).agg(pl.len().alias("resources")).sort(name, nulls_last=True)
    for owner, resources in counted.iter_rows():
        yield {"field": name, "owner": owner, "resources": resources}


def explained(rooms: Rooms, resource: str) -> tuple[Listing, bool]:
    """Give which rule gave a resource its owner, or the resources it may be and False.

    Raises:
        UsageError: no resource fits.
    """
    from attribution.why import explain
    from daemon.commands.why_owner import find_resource
    from daemon.why_listing import candidates_listing, why_listing

    found = find_resource(rooms, resource)
    if found.select("ResourceId", "ResourceName").unique().height > 1:
        return candidates_listing(found, resource), False
    return why_listing(found, explain(found, rooms.rules)), True


def deliveries_listing(kept: Sequence[Delivery], every: Iterable[Delivery], limit: int) -> Listing:
    """Give deliveries, the newest first; what is stored now of each period is `current`."""
    current = {(one.source, one.billing_period): one.id for one in every}
    newest = kept[::-1][:limit]
    return Listing(
        fields=(
            Field(name="id"),
            Field(name="source"),
            Field(name="period"),
            Field(name="seen_at"),
            Field(name="current"),
            Field(name="charges", number=True),
            Field(name="quarantined", number=True),
            Field(name="first_day"),
            Field(name="last_day"),
            Field(name="through"),
            Field(name="focus_version"),
            Field(name="forced"),
            Field(name="notes"),
        ),
        rows=[_delivery(one, current) for one in newest],
        document={"schema": "costd.deliveries/1", "rows": [], "more": len(kept) - len(newest)},
    )


def _delivery(one: Delivery, current: dict[tuple[str, str], str]) -> Row:
    sums = {
        currency: {cost: plain(amount) for cost, amount in sorted(amounts.items())}
        for currency, amounts in sorted(one.sums.items())
    }
    return {
        "id": one.id,
        "source": one.source,
        "period": one.billing_period,
        "seen_at": one.seen_at,
        "current": current[one.source, one.billing_period] == one.id,
        "charges": one.rows,
        "quarantined": one.rejected,
        "first_day": one.first_day or None,
        "last_day": one.last_day or None,
        "through": one.through,
        "focus_version": one.focus_version or None,
        "forced": one.forced,
        "notes": list(one.notes),
        "sums": cast("Value", sums),  # in json and ndjson only, where a cell may hold more than text
    }
