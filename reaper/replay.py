"""Replays rules over history: spell by spell, or sized by the first half and tried on the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from config.idle import Abandoned, CpuMemorySlack, GpuFree, GpuIdle, GpuWrongClass, Rule
from domain.resource import ResourceId
from domain.usage import HOUR
from reaper.backtest import Replay, Spell
from reaper.detectors import abandoned, gpu_free, gpu_states
from reaper.detectors.money import Cost, cost_of
from reaper.detectors.observed import Observed, in_scope, pod_id
from reaper.detectors.spells import Ending, State, numbered, seen, spells
from reaper.detectors.stretch import WORKLOAD, workload_of
from reaper.tried import tried

_SLIGHT = 1e-6


def replay(observed: Observed, rule: Rule, *, came_back: timedelta) -> Replay:
    """Give what a rule would have done in the hours that were observed."""
    match rule:
        case GpuIdle():
            held = gpu_states.with_gpus(observed)
            hours = gpu_states.pod_states(gpu_states.device_states(held, rule), held)
            hours = hours.filter(in_scope(rule))
            return _by_spells(observed, hours, gpu_states.POD, (rule.lasting, rule.bridge), came_back)
        case GpuFree():
            hours = gpu_free.free_states(observed, rule)
            return _by_spells(observed, hours, gpu_free.SLOT, (rule.lasting, rule.bridge), came_back)
        case Abandoned():
            hours = abandoned.quiet_states(observed, rule)
            bridge = rule.over * (1 - float(rule.measured_at_least))
            return _by_spells(observed, hours, WORKLOAD, (rule.over, bridge), came_back)
        case GpuWrongClass() | CpuMemorySlack():
            return tried(observed, rule)


def _by_spells(
    observed: Observed,
    hours: pl.DataFrame,
    keys: Sequence[str],
    times: tuple[timedelta, timedelta],
    came_back: timedelta,
) -> Replay:
    lasting, bridge = times
    length = pl.col("seconds").fill_null(3600.0) / 3600
    sums = dict(hours.group_by("state").agg(length.sum().alias("sum")).select("state", "sum").iter_rows())
    numbers = numbered(hours, keys, bridge).with_columns(
        (pl.col("elapsed") - pl.col("length") >= lasting / HOUR - _SLIGHT).alias("after"),
        (pl.col("elapsed") >= lasting / HOUR - _SLIGHT).alias("fired"),
    )
    idle = spells(numbers, keys, seen(hours, keys)).filter(pl.col("state") == State.IDLE)
    by = [*keys, "spell"]
    fired = numbers.group_by(by).agg(
        (pl.col("hour").filter(pl.col("fired")).min() + HOUR).alias("fired_at"),
        pl.col("length").filter(pl.col("after")).sum().alias("freed_hours"),
    )
    names = hours.group_by(keys).agg(_names(hours, keys))
    found = idle.join(fired, on=by).join(names, on=list(keys)).sort("start", *keys)
    costs = _costs(observed, numbers.filter(pl.col("after") & (pl.col("state") == State.IDLE)), keys)
    return Replay(
        start=observed.start,
        end=observed.end,
        working=sums.get(State.WORKING, 0.0),
        idle=sums.get(State.IDLE, 0.0),
        unknown=sums.get(State.UNKNOWN, 0.0),
        spells=tuple(
            _spell(row, observed, keys, costs.get(tuple(row[name] for name in by)))
            for row in found.iter_rows(named=True)
        ),
        came_back=came_back,
    )


def _names(hours: pl.DataFrame, keys: Sequence[str]) -> list[pl.Expr]:
    wanted = ("uid", "namespace", "pod", "workload_kind", "workload", "node", "model")
    return [pl.col(name).drop_nulls().last() for name in wanted if name in hours.columns and name not in keys]


def _costs(observed: Observed, freed: pl.DataFrame, keys: Sequence[str]) -> Mapping[tuple[str, ...], Cost]:
    """Give what freed hours cost, by key and spell."""
    by = [*keys, "spell"]
    if "device" in keys:
        return gpu_free.costs_of(freed, observed, by)
    if "uid" in keys:
        return cost_of(freed, observed.costs, by)
    pods = observed.pods.select(
        "cluster",
        "namespace",
        pl.col("workload_kind").fill_null("Pod"),
        pl.col("workload").fill_null(pl.col("pod")),
        "uid",
        "hour",
    )
    mine = pods.join(freed.select(*by, "hour"), on=[*keys, "hour"])
    return cost_of(mine, observed.costs, by)


def _spell(row: Mapping[str, Any], observed: Observed, keys: Sequence[str], cost: Cost | None) -> Spell:
    return Spell(
        resource=_resource(row, keys),
        team=observed.teams.get((row["cluster"], row.get("uid") or "")),
        start=row["start"],
        end=row["end"],
        hours=row["hours"],
        fired_at=row["fired_at"],
        freed_hours=row["freed_hours"],
        freed=cost.total if cost else None,
        currency=cost.currency if cost else "",
        back_at=row["next_start"] if row["ending"] == Ending.WORK else None,
    )


def _resource(row: Mapping[str, Any], keys: Sequence[str]) -> ResourceId:
    if "device" in keys:
        name = "/".join(part for part in (row["node"], row["device"], row["instance"]) if part)
        return ResourceId(place=row["cluster"], kind="gpu", namespace="", name=name)
    return pod_id(row) if "uid" in keys else workload_of(row)
