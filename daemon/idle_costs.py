"""What pods cost by the hour, from the parts of the bill; a day's part is spread over the hours they ran."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes.holders import Kind
from attribution.kubernetes.join import nodes_of_parts
from attribution.kubernetes.schema import RESOURCES
from attribution.kubernetes.shares import shares
from domain.charge import MONEY
from domain.window import month_of
from reaper.detectors.observed import COST_HOURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attribution.star import Star
    from config.allocation import AllocationSettings
    from ledger.charges import ChargeLedger

_DAY = timedelta(days=1)
_PERIOD = ["ChargePeriodStart", "ChargePeriodEnd"]
_UNCLAIMED = ["cluster", "node"]
_POD = ["cluster", "uid"]


def cost_hours(
    ledger: ChargeLedger, star: Star, frames: Mapping[str, pl.DataFrame], allocation: AllocationSettings
) -> pl.DataFrame:
    """Give `COST_HOURS` of the hours in the frames: what pods cost, and what nobody claimed of nodes.

    Args:
        ledger: has the parts of split charges, and estimates for what no bill says yet.
        star: its resources.
        frames: `node_hours`, `pod_hours` and `device_hours`, merged, from a UTC midnight on.
        allocation: how machines are split, which says what of a cost is for the GPU.
    """
    hours = frames["pod_hours"].select("hour").vstack(frames["node_hours"].select("hour"))
    if hours.is_empty():
        return COST_HOURS.to_frame()
    start, end = hours["hour"].min(), hours["hour"].max()
    assert isinstance(start, datetime)  # noqa: S101  # there are hours
    assert isinstance(end, datetime)  # noqa: S101  # there are hours
    parts = _parts(ledger, star, start, end)
    if parts.is_empty():
        return COST_HOURS.to_frame()
    pods = frames["pod_hours"].select("cluster", "uid", "hour", "node").unique([*_POD, "hour"], keep="first")
    claimed = _by_hour(parts.filter(pl.col("kind") == Kind.WORKLOAD), pods, _POD)
    joined = nodes_of_parts(frames["node_hours"], star.resources)
    idle = (
        parts.filter(pl.col("kind") == Kind.IDLE)
        .drop("cluster")
        .join(joined.unique("dim_id", keep="first").select("dim_id", "cluster", "node"), on="dim_id")
    )
    nodes = frames["node_hours"].select("cluster", "node", "hour").unique()
    rest = _by_hour(idle, nodes, _UNCLAIMED).with_columns(pl.lit(None, dtype=pl.String()).alias("uid"))
    what = pl.concat([_what_for(frames, allocation), _NOTHING_KNOWN])
    both = pl.concat([claimed.select(_KNOWN), rest.select(_KNOWN)])
    found = both.join(what, on=["cluster", "node", "uid", "hour"], how="left", nulls_equal=True)
    return found.select(COST_HOURS.names()).cast(COST_HOURS)


_KNOWN = ["cluster", "hour", "node", "uid", "currency", "cost"]
_WHAT_FOR = pl.Schema(
    {name: COST_HOURS[name] for name in ("cluster", "node", "uid", "hour", "cpu", "memory", "gpu")}
)
_NOTHING_KNOWN = _WHAT_FOR.to_frame()


def _parts(ledger: ChargeLedger, star: Star, start: datetime, end: datetime) -> pl.DataFrame:
    """Give the parts that fall into these hours, with who holds them."""
    kinds = [Kind.WORKLOAD.value, Kind.IDLE.value]
    wanted = star.resources.filter(pl.col("x_AllocationKind").is_in(kinds)).get_column("dim_id")
    if wanted.is_empty():
        return pl.DataFrame(schema=_PARTS)
    named = (
        star.resource_names(["cluster", "currency", "AllocatedResourceId", "x_AllocationKind"])
        .filter(pl.col("dim_id").is_in(wanted.implode()))
        .rename({"AllocatedResourceId": "uid", "x_AllocationKind": "kind"})
    )
    periods = {month_of(start), month_of(end)} | {month_of(start - _DAY), month_of(end + _DAY)}
    rows = (
        ledger.attributable(periods=sorted(periods))
        .filter(
            (pl.col("ChargePeriodEnd") > start)
            & (pl.col("ChargePeriodStart") <= end)
            # what is for longer than a day is no cost of an hour
            & (pl.col("ChargePeriodEnd") - pl.col("ChargePeriodStart") <= _DAY)
            & pl.col("EffectiveCost").is_not_null()
        )
        .select("dim_id", *_PERIOD, "EffectiveCost")
        .join(named.lazy(), on="dim_id")
        .group_by("dim_id", "cluster", "uid", "kind", "currency", *_PERIOD)
        .agg(pl.col("EffectiveCost").sum().alias("cost"))
    )
    return rows.collect(engine="streaming").select(_PARTS.names())


_PARTS = pl.Schema(
    {
        "dim_id": pl.Int64(),
        "cluster": pl.String(),
        "uid": pl.String(),
        "kind": pl.String(),
        "currency": pl.String(),
        **dict.fromkeys(_PERIOD, COST_HOURS["hour"]),
        "cost": MONEY,
    }
)


def _by_hour(parts: pl.DataFrame, hours: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Spread each part evenly over the hours of its period in which its holder was there."""
    told = parts.with_row_index("part")
    days = told.with_columns(pl.col("ChargePeriodStart").dt.date().alias("day"))
    spread = hours.with_columns(pl.col("hour").dt.date().alias("day")).join(days, on=[*keys, "day"])
    first = pl.col("ChargePeriodStart").dt.truncate("1h")
    mine = spread.filter((pl.col("hour") >= first) & (pl.col("hour") < pl.col("ChargePeriodEnd")))
    each = (pl.col("cost") / pl.len().over("part").cast(MONEY)).cast(MONEY)
    return mine.with_columns(each.alias("cost"))


def _what_for(frames: Mapping[str, pl.DataFrame], allocation: AllocationSettings) -> pl.DataFrame:
    """Give which part of each holder's cost pays for CPU, memory and GPU."""
    return pl.concat([_NOTHING_KNOWN, *_shares_of_clusters(frames, allocation)])


def _shares_of_clusters(
    frames: Mapping[str, pl.DataFrame], allocation: AllocationSettings
) -> Iterator[pl.DataFrame]:
    for cluster in frames["node_hours"].get_column("cluster").unique().sort():
        mine = {name: frame.filter(pl.col("cluster") == cluster) for name, frame in frames.items()}
        found = shares(mine["node_hours"], mine["pod_hours"], mine["device_hours"], allocation)
        part = [(pl.col(name) / pl.col("weight")).fill_nan(None).alias(name) for name in RESOURCES]
        once = found.filter(pl.col("weight") > 0).unique(["cluster", "node", "uid", "hour"], keep="first")
        yield once.select("cluster", "node", "uid", "hour", *part).cast(_WHAT_FOR)
