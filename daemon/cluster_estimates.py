"""Estimates of what clusters cost on the days that the bill has not reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes import carve, holders
from attribution.kubernetes.estimate import days_to_estimate, estimated
from attribution.kubernetes.join import join_nodes
from attribution.kubernetes.part_rows import json_of, names_of, part_rows
from attribution.kubernetes.platform import SERVICES
from attribution.sums import sums
from daemon.cluster_parts import held_on
from daemon.cluster_usage import Usage
from domain.charge import FACT_SCHEMA, RAW_SCHEMA
from domain.price import Offer
from domain.window import month_of, month_window

if TYPE_CHECKING:
    from daemon.rooms import Rooms

_BACK = timedelta(days=35)
"""How old a machine's last charge may be for its bill to be the one that is waited for."""

_DAY = timedelta(days=1)
_MOST_DAYS = 7
"""Days that are estimated at most; a bill that is later than this is not late but broken."""

_COSTS = ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost")
_STORED = ("ChargePeriodStart", *_COSTS)
_TOLD = ("ResourceId", "AllocatedResourceId", "x_AllocationKind", "x_EstimatedUntil", "Tags")
"""What estimates are compared by with those before: what they cost, and of whom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """Node-hours that have no known price: they are in no figure, and never 0."""

    cluster: str
    node: str
    hours: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bill:
    """The bill that a cluster's estimates wait for."""

    source: str
    cluster: str
    machine: pl.DataFrame
    through: datetime


def estimate_clusters(rooms: Rooms, usage: Usage) -> list[Unpriced]:
    """Replace the estimates of every source of usage; give what has no price."""
    unpriced: list[Unpriced] = []
    found: dict[tuple[str, str], list[pl.DataFrame]] = {}
    # named before anything is read: a bill that comes meanwhile must find these estimates to be old
    beside: dict[str, dict[str, str]] = {}
    for one in rooms.ledger.deliveries():
        beside.setdefault(one.billing_period, {})[one.source] = one.id
    for bill in _bills(rooms, usage):
        for day in _days(rooms, usage, bill):
            rows, without = _day(rooms, usage, bill, day)
            unpriced += without
            for (source,), part in rows.group_by("source"):
                found.setdefault((str(source), month_of(day)), []).append(part.drop("source"))
    for source, period in sorted(found.keys() | _stored(rooms, usage)):
        parts = found.get((source, period), [])
        rows = pl.concat(parts) if parts else RAW_SCHEMA.to_frame()
        if _differs(rooms, source, period, rows):
            rooms.ledger.replace_estimates(
                source, period, rows, seen_at=rooms.clock.now(), based_on=beside.get(period, {})
            )
    return unpriced


def unpriced_now(rooms: Rooms) -> list[Unpriced]:
    """Give what has no price on the days that no bill has reached, and write nothing."""
    usage, found = Usage(rooms), []
    for bill in _bills(rooms, usage):
        for day in _days(rooms, usage, bill):
            nodes = usage.frame("node_hours", day, day + _DAY, [bill.cluster])
            book = estimated(nodes, rooms.price_book).unpriced
            found += [Unpriced(**row) for row in book.iter_rows(named=True)]
    return found


def _stored(rooms: Rooms, usage: Usage) -> set[tuple[str, str]]:
    """Give the sources of usage and periods that have estimates."""
    kept = rooms.ledger.attributable(sources=usage.sources).select("source", "billing_period").unique()
    return set(kept.collect(engine="streaming").iter_rows())


def _differs(rooms: Rooms, source: str, period: str, rows: pl.DataFrame) -> bool:
    """Tell whether what is stored says something else: nothing is written that says the same."""
    facts = rooms.ledger.attributable(sources=[source], periods=[period]).select(*_STORED, "dim_id")
    mine = rooms.ledger.resources().filter(pl.col("source") == source).select("dim_id", *_TOLD)
    kept = facts.join(mine, on="dim_id").drop("dim_id").collect(engine="streaming")
    tags = [json_of(dict(one or {})) for one in kept["Tags"].to_list()]
    said = kept.with_columns(pl.Series("Tags", tags, dtype=pl.String))
    return not _sorted(said).equals(_sorted(rows))


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(*_STORED, *_TOLD).sort(*_STORED, *_TOLD)


def _bills(rooms: Rooms, usage: Usage) -> Iterator[_Bill]:
    """Give per cluster the bill that names its machines, and how far it reaches."""
    now = rooms.clock.now()
    nodes = usage.nodes(now - _BACK, now)
    if nodes.is_empty():
        return
    views = {view.name: view.through for view in rooms.sources()}
    reached = {one.source: one.through for one in rooms.ledger.deliveries() if one.through is not None}
    resources = rooms.ledger.resources().filter(
        pl.col("ResourceId").is_not_null(),
        pl.col("AllocatedResourceId").is_null(),
        pl.col("x_AllocationKind").is_null(),
        pl.col("ChargeCategory") == "Usage",
    )
    kept = resources.collect(engine="streaming")
    joined = join_nodes(nodes, kept).joined.filter(pl.col("by") == "instance")
    machines = joined.join(kept, on="dim_id").sort("cluster", "source", "dim_id")
    for (cluster,), rows in machines.group_by("cluster", maintain_order=True):
        source = rows["source"].mode().sort()[0]
        through = max((at for at in (views.get(source), reached.get(source)) if at is not None), default=None)
        if through is not None:
            one = rows.filter(pl.col("source") == source).head(1)
            yield _Bill(source=source, cluster=str(cluster), machine=one, through=through)


def _days(rooms: Rooms, usage: Usage, bill: _Bill) -> list[datetime]:
    through = usage.through(bill.cluster)
    measured = min(through, rooms.clock.now()) if through is not None else bill.through
    return list(days_to_estimate(bill.through, measured))[:_MOST_DAYS]


def _day(rooms: Rooms, usage: Usage, bill: _Bill, day: datetime) -> tuple[pl.DataFrame, list[Unpriced]]:
    """Give a day's estimates (`RAW_SCHEMA` and the `source` of the usage), and what has no price."""
    nodes = usage.frame("node_hours", day, day + _DAY, [bill.cluster])
    book = estimated(nodes, rooms.price_book)
    mine = pl.col("currency") == bill.machine["BillingCurrency"][0]
    without = [Unpriced(**row) for row in book.unpriced.iter_rows(named=True)]
    foreign = book.priced.filter(~mine).group_by("node", "currency").len().sort("node")
    for node, currency, hours in foreign.iter_rows():
        reason = f"its price is in {currency}, which its bill is not"
        without.append(Unpriced(cluster=bill.cluster, node=node, hours=float(hours), reason=reason))
    priced = book.priced.filter(mine)
    if priced.is_empty():
        return RAW_SCHEMA.to_frame().with_columns(source=pl.lit("")), without
    distinct = priced.select("node").unique().sort("node")
    named = distinct.with_row_index("dim_id").cast({"dim_id": pl.Int64})
    things = holders.things(named.with_columns(cluster=pl.lit(bill.cluster)), "node", "node")
    held = held_on(usage, day, {bill.cluster}, rooms.settings.allocation)
    daily = _shared(_charges(priced.join(named, on="node"), day), things, held)
    fact = {name: pl.lit(None, dtype=FACT_SCHEMA[name]) for name in FACT_SCHEMA if name not in daily.columns}
    full = daily.with_columns(**fact).with_columns(
        ChargePeriodStart=pl.lit(day), ChargePeriodEnd=pl.lit(day + _DAY)
    )
    parts = part_rows(full, _resources(bill, named, nodes), names_of(usage.objects))
    return _raw(parts, bill, day).with_columns(source=pl.lit(usage.source_of(bill.cluster))), without


def _shared(charges: pl.DataFrame, things: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Give who has which part of priced node-hours, added up over the day."""
    windows = carve.windows_of(charges, things)
    alone = holders.alone(things, pl.DataFrame(schema=SERVICES))
    weights = carve.filled(carve.weigh(windows, things, held), windows, alone)
    hourly = carve.carve(charges, windows, weights)
    return hourly.group_by("dim_id", "price_id", *holders.HOLDER).agg(sums(_COSTS))


def _charges(priced: pl.DataFrame, day: datetime) -> pl.DataFrame:
    """Give priced node-hours as charges; `price_id` tells the offers apart."""
    listed = pl.when(pl.col("offer") == Offer.LIST).then("cost")
    costs = {name: listed if name == "ListCost" else pl.col("cost") for name in _COSTS}
    columns = {
        **{name: pl.lit(None, dtype=dtype) for name, dtype in FACT_SCHEMA.items()},
        **costs,
        "dim_id": pl.col("dim_id"),
        "price_id": (pl.col("offer") == "spot").cast(pl.Int64),
        "day": pl.lit(day.date()),
        "ChargePeriodStart": pl.col("hour"),
        "ChargePeriodEnd": pl.col("hour").dt.offset_by("1h"),
    }
    return priced.select(value.alias(name) for name, value in columns.items()).cast(FACT_SCHEMA)


def _resources(bill: _Bill, named: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Give what the bill will say of the nodes: as of another machine of the cluster."""
    last = nodes.sort("hour").unique("node", keep="last").select("node", "provider_id", "zone", "region")
    mine = named.join(last, on="node").with_columns(machine=pl.col("provider_id").str.extract(r"([^/]+)$"))
    like = bill.machine.drop("dim_id", "node", "cluster", "by", "source")
    copied = mine.join(like, how="cross")
    return copied.with_columns(
        ResourceId=pl.col("machine"),
        ResourceName=pl.col("node"),
        AvailabilityZone=pl.coalesce("zone", "AvailabilityZone"),
        RegionId=pl.coalesce("region", "RegionId"),
        x_EstimatedUntil=pl.lit(bill.source),
        Tags=pl.lit(None, dtype=bill.machine.schema["Tags"]),
    )


def _raw(parts: pl.DataFrame, bill: _Bill, day: datetime) -> pl.DataFrame:
    """Give parts as charges of their own."""
    month = month_window(month_of(day))
    price = {
        "BillingPeriodStart": pl.lit(month.start),
        "BillingPeriodEnd": pl.lit(month.end),
        "ChargeDescription": pl.lit(f"Estimate from the price book, until {bill.source} bills it"),
        "ChargeFrequency": pl.lit("Usage-Based"),
        "PricingCategory": pl.when(pl.col("price_id") == 1)
        .then(pl.lit("Dynamic"))
        .otherwise(pl.lit("Standard")),
        "x_Origin": pl.lit("price-book"),
    }
    rest = {
        name: pl.lit(None, dtype=dtype)
        for name, dtype in RAW_SCHEMA.items()
        if name not in parts.columns and name not in price
    }
    return parts.with_columns(**price, **rest).select(RAW_SCHEMA.names()).cast(RAW_SCHEMA)
