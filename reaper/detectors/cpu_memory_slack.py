"""Workloads that request more CPU or memory than they use, with the request that would do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from config.idle import CpuMemorySlack
from domain.finding import Confidence, Evidence, Finding, Verdict
from reaper.detectors.money import Cost, cost_of
from reaper.detectors.observed import Observed
from reaper.detectors.stretch import WORKLOAD, extent, length, pod_hours_of, too_little, unknown, workload_of
from reaper.detectors.wording import money_evidence, named

_CPU_STEP = 0.01  # cores: ten millicores
_MEMORY_STEP = 1 / 64  # GiB: 16 MiB
_PERCENTILE = 0.95


def detect(observed: Observed, rule: CpuMemorySlack) -> list[Finding]:
    """Find the workloads whose requests are larger than what they used with room to spare."""
    hours = pod_hours_of(observed, rule)
    rows = sizes(hours, rule)
    costs = costs_of(hours, [row for row in rows if not row["why"]], observed)
    found = []
    for row in rows:
        team = observed.teams.get((row["cluster"], row["uid"]))
        if row["why"] or row["reason"]:
            if row["reason"]:
                found.append(unknown(row, rule, row["reason"], team))
            continue
        key = tuple(row[name] for name in WORKLOAD)
        found.append(_finding(row, rule, team, costs.get(key)))
    return found


def sizes(hours: pl.DataFrame, rule: CpuMemorySlack) -> list[dict[str, Any]]:
    """Give per workload what it could request, which share that spares, and why nothing is said if so."""
    return [{**row, **_spare(row, rule)} for row in sized(hours).iter_rows(named=True)]


def sized(hours: pl.DataFrame) -> pl.DataFrame:
    """Give per workload what its pods request now, and what they used over the stretch."""
    now = pl.col("hour") == pl.col("newest")
    return (
        hours.group_by(WORKLOAD)
        .agg(
            pl.col("uid").filter(now).first(),
            pl.col("uid").filter(now).n_unique().alias("pods"),
            pl.col("cpu_request").filter(now).max(),
            pl.col("memory_request").filter(now).max(),
            pl.col("cpu_used").quantile(_PERCENTILE, "higher").alias("cpu_p95"),
            pl.col("cpu_used").max().alias("cpu_most"),
            pl.col("memory_used").max().alias("memory_most"),
            pl.col("cpu_used").is_not_null().mean().alias("cpu_measured"),
            pl.col("memory_used").is_not_null().mean().alias("memory_measured"),
            (pl.col("cpu_hours") > pl.col("cpu_request_hours") * 1.001).mean().alias("bursts"),
            *extent(),
        )
        .sort(WORKLOAD)
    )


def _spare(row: Mapping[str, Any], rule: CpuMemorySlack) -> dict[str, Any]:
    asks = {"cpu": row["cpu_request"] or 0.0, "memory": row["memory_request"] or 0.0}
    if not any(asks.values()):
        return {"why": "requests nothing", "reason": "", "cpu_spare": 0.0, "memory_spare": 0.0}
    measured = min(row[f"{name}_measured"] for name, asked in asks.items() if asked)
    reason = too_little(row, rule, measured)
    if reason:
        return {"why": "unknown", "reason": reason, "cpu_spare": 0.0, "memory_spare": 0.0}
    cpu = up(row["cpu_p95"] or 0.0, float(rule.cpu_headroom), _CPU_STEP)
    memory = up(row["memory_most"] or 0.0, float(rule.memory_headroom), _MEMORY_STEP)
    least = float(rule.least_saving)
    spare = {"cpu": share(asks["cpu"], cpu, least), "memory": share(asks["memory"], memory, least)}
    return {
        "why": "" if any(spare.values()) else "fits",
        "reason": "",
        "cpu_wanted": cpu,
        "memory_wanted": memory,
        "cpu_spare": spare["cpu"],
        "memory_spare": spare["memory"],
    }


def up(used: float, headroom: float, step: float) -> float:
    """Give a use with headroom, in whole steps, one at least."""
    return max(math.ceil(round(used * (1 + headroom) / step, 6)), 1) * step


def share(asked: float, wanted: float, least: float) -> float:
    """Give which share of a request is spare; 0 where that is less than what is worth a change."""
    spare = 1 - wanted / asked if asked else 0.0
    return spare if spare >= least and spare > 0 else 0.0


def costs_of(
    hours: pl.DataFrame, rows: list[dict[str, Any]], observed: Observed
) -> Mapping[tuple[str, ...], Cost]:
    """Give what the spare part of requests cost over the stretch."""
    spare = pl.DataFrame(
        [{name: row[name] for name in (*WORKLOAD, "cpu_spare", "memory_spare")} for row in rows],
        schema={
            **dict.fromkeys(WORKLOAD, pl.String()),
            "cpu_spare": pl.Float64(),
            "memory_spare": pl.Float64(),
        },
    )
    factor = pl.col("cpu_spare") * pl.col("cpu") + pl.col("memory_spare") * pl.col("memory")
    asked = hours.select(*WORKLOAD, "uid", "hour").join(spare, on=WORKLOAD)
    return cost_of(asked, observed.costs, WORKLOAD, factor=factor)


def _finding(row: Mapping[str, Any], rule: CpuMemorySlack, team: str | None, cost: Cost | None) -> Finding:
    bursts = row["bursts"] or 0.0
    return Finding(
        rule=rule.name,
        verdict=Verdict.OVERSIZED,
        resource=workload_of(row),
        owner_team=team,
        evidence=(*_evidence(row, rule), *money_evidence(cost)),
        # An hour's average hides a short peak, so it is never sure.
        confidence=Confidence.LOW if bursts > 0.01 else Confidence.MEDIUM,
        suggestion=_suggestion(row),
        cost_per_hour=cost.per_hour if cost else None,
        currency=cost.currency if cost else "",
        wasted=cost.total if cost else None,
    )


def _evidence(row: Mapping[str, Any], rule: CpuMemorySlack) -> Iterator[Evidence]:
    over = length(rule.over)
    cpu, memory = row["cpu_spare"] > 0, row["memory_spare"] > 0
    if row["cpu_request"]:
        used = f"{cores(row['cpu_p95'])} of {cores(row['cpu_request'])} requested"
        yield Evidence(metric=f"CPU per pod, 95th percentile of {over}", value=used, speaks_for=cpu)
        if cpu and row["cpu_most"] > row["cpu_wanted"]:
            most = cores(row["cpu_most"])
            yield Evidence(metric="CPU per pod, busiest hour", value=most, speaks_for=False)
    if row["memory_request"]:
        used = f"{row['memory_most']:.2f} of {row['memory_request']:.2f} GiB requested"
        yield Evidence(metric=f"memory per pod, most of {over}", value=used, speaks_for=memory)
    if row["bursts"]:
        said = f"in {row['bursts']:.0%} of hours".replace("%", " %")
        yield Evidence(metric="used more CPU than requested", value=said, speaks_for=False)
    yield Evidence(metric="peaks within an hour", value="not measured", speaks_for=None)


def _suggestion(row: Mapping[str, Any]) -> str:
    wanted = []
    if row["cpu_spare"]:
        wanted.append(f"{cores(row['cpu_wanted'])} CPU instead of {cores(row['cpu_request'])}")
    if row["memory_spare"]:
        wanted.append(f"{row['memory_wanted']:.2f} GiB instead of {row['memory_request']:.2f}")
    return f"Request {' and '.join(wanted)} per pod of {named(workload_of(row))}."


def cores(value: float | None) -> str:
    """Write cores: `0.25`, `12`."""
    return "-" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")
