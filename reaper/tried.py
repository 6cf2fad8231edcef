"""Sizes by the first half of a window and tries them on the second: what would have been too small.

Rules about size have no spells. What they suggest from the past is right if the future fits into it, so
the window is halved at its middle; each half is judged whatever the rule's `over` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from config.idle import CpuMemorySlack, GpuWrongClass
from domain.usage import HOUR
from reaper.backtest import Replay, Spell
from reaper.detectors import cpu_memory_slack, gpu_wrong_class
from reaper.detectors.catalogue import gpu_of
from reaper.detectors.money import Cost, Key, cost_of
from reaper.detectors.observed import Observed
from reaper.detectors.stretch import WORKLOAD, named_pods, pod_hours_of, too_little, workload_of

Row = Mapping[str, Any]


def tried(observed: Observed, rule: CpuMemorySlack | GpuWrongClass) -> Replay:
    """Give what the second half of the window makes of what the first half suggests."""
    half = max((observed.end - observed.start) // 2 // HOUR, 1) * HOUR
    middle = observed.start + half
    before, after = _cut(observed, observed.start, middle), _cut(observed, middle, observed.end)
    sized = rule.model_copy(update={"over": half})
    if isinstance(sized, CpuMemorySlack):
        rows, hours, costs, unknown = _requests(before, after, sized)
    else:
        rows, hours, costs, unknown = _cards(before, after, sized)
    found = tuple(_spells(rows, hours, costs, (after, middle)))
    idle = sum(spell.hours for spell in found)
    return Replay(
        start=observed.start,
        end=observed.end,
        working=hours.height - idle,
        idle=idle,
        unknown=unknown,
        spells=found,
        came_back=observed.end - middle,
    )


def _cut(observed: Observed, start: datetime, end: datetime) -> Observed:
    mine = (pl.col("hour") >= start) & (pl.col("hour") < end)
    return replace(
        observed,
        start=start,
        end=end,
        devices=observed.devices.filter(mine),
        pods=observed.pods.filter(mine),
        costs=observed.costs.filter(mine),
    )


Tried = tuple[list[dict[str, Any]], pl.DataFrame, Mapping[Key, Cost], float]
"""What was suggested, the second half with `over` where it would not fit, its costs, and unknown hours."""


def _requests(before: Observed, after: Observed, rule: CpuMemorySlack) -> Tried:
    past = pod_hours_of(before, rule)
    every = cpu_memory_slack.sizes(past, rule)
    rows = [row for row in every if not row["why"]]
    limits = _limits(
        rows,
        {
            "cpu_limit": lambda row: row["cpu_wanted"] if row["cpu_spare"] else None,
            "memory_limit": lambda row: row["memory_wanted"] if row["memory_spare"] else None,
        },
    )
    hours = named_pods(after).join(limits, on=WORKLOAD, how="left")
    over = (pl.col("cpu_used") > pl.col("cpu_limit")).fill_null(False) | (
        pl.col("memory_used") > pl.col("memory_limit")
    ).fill_null(False)
    names = [workload_of(row) for row in every if row["reason"]]
    unknown = _count(past, names)
    return (
        rows,
        hours.with_columns(over.alias("over")),
        cpu_memory_slack.costs_of(hours, rows, after),
        unknown,
    )


def _cards(before: Observed, after: Observed, rule: GpuWrongClass) -> Tried:
    rows: list[dict[str, Any]] = []
    lacking = []
    past = gpu_wrong_class.whole_gpus(before, rule)
    for row in gpu_wrong_class.figures(past).iter_rows(named=True):
        own = gpu_of(row["model"])
        if own is None or too_little(row, rule, row["measured"]):
            lacking.append(workload_of(row))
            continue
        instead = gpu_wrong_class.fit(own, row["memory"] / 1024, row["busy"], rule)
        if instead is None or row["most"] < gpu_wrong_class.ACTIVE:
            continue
        part, card = instead.part, instead.card
        memory = part.memory_gib if part else card.memory_gib if card else own.memory_gib
        speed = part.share if part else card.tflops / own.tflops if card else 1.0
        rows.append({**row, "memory_limit": memory * 1024, "speed": speed, "part": part})
    limits = _limits(
        rows, {"memory_limit": lambda row: row["memory_limit"], "speed": lambda row: row["speed"]}
    )
    mine = gpu_wrong_class.whole_gpus(after, rule)
    hours = mine.join(limits, on=WORKLOAD, how="left")
    over = (pl.col("memory_used_mib") > pl.col("memory_limit")).fill_null(False) | (
        pl.col("activity") > pl.col("speed")
    ).fill_null(False)
    sliced = [row for row in rows if row["part"] is not None and row["devices"] == 1]
    saved = {tuple(row[name] for name in WORKLOAD) for row in sliced}
    costs = cost_of(hours, after.costs, WORKLOAD, factor=pl.col("gpu") * (1 - pl.col("speed")))
    kept = {key: cost for key, cost in costs.items() if key in saved}
    return rows, hours.with_columns(over.alias("over")), kept, _count(past, lacking)


def _limits(rows: Sequence[Row], of: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {**{name: row[name] for name in WORKLOAD}, **{name: get(row) for name, get in of.items()}}
            for row in rows
        ],
        schema={**dict.fromkeys(WORKLOAD, pl.String()), **dict.fromkeys(of, pl.Float64())},
    ).unique(WORKLOAD, keep="first")


def _count(hours: pl.DataFrame, which: Sequence[object]) -> float:
    names = {str(one) for one in which}
    rows = hours.select(WORKLOAD).iter_rows(named=True)
    return float(sum(1 for row in rows if str(workload_of(row)) in names))


def _spells(
    rows: Sequence[Row], hours: pl.DataFrame, costs: Mapping[Key, Cost], when: tuple[Observed, datetime]
) -> Iterator[Spell]:
    after, middle = when
    counts = hours.group_by(WORKLOAD).agg(
        pl.len().alias("hours"), pl.col("hour").filter(pl.col("over")).min().alias("over_at")
    )
    found = {tuple(row[name] for name in WORKLOAD): row for row in counts.iter_rows(named=True)}
    for row in rows:
        key = tuple(row[name] for name in WORKLOAD)
        mine, cost = found.get(key), costs.get(key)
        if mine is None:
            continue  # it was gone in the second half: nothing was saved, nothing was too small
        yield Spell(
            resource=workload_of(row),
            team=after.teams.get((row["cluster"], row["uid"])),
            start=middle,
            end=after.end,
            hours=float(mine["hours"]),
            fired_at=middle,
            freed_hours=float(mine["hours"]),
            freed=cost.total if cost else None,
            currency=cost.currency if cost else "",
            back_at=mine["over_at"],
        )
