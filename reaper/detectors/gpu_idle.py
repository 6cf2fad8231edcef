"""GPUs that a pod holds: at work, idle, or not to be told; one finding per pod that holds any now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from config.idle import GpuIdle
from domain.finding import Confidence, Evidence, Finding, Verdict
from domain.resource import ResourceId
from reaper.detectors.gpu_partly import partly_idle
from reaper.detectors.gpu_states import POD, device_states, newest_hours, pod_states, with_gpus
from reaper.detectors.money import Cost, cost_of
from reaper.detectors.observed import Observed, in_scope, pod_id, workload_id
from reaper.detectors.spells import State, numbered, seen, spells
from reaper.detectors.wording import (
    NOT_MEASURED,
    hours_text,
    length_text,
    memory_evidence,
    money_evidence,
    named,
    share_text,
    unmeasured,
)

Row = Mapping[str, Any]


def detect(observed: Observed, rule: GpuIdle) -> list[Finding]:
    """Judge every pod that holds a GPU in the newest hour, the dearest waste first."""
    newest, observed = newest_hours(observed), with_gpus(observed)
    devices = device_states(observed, rule)
    hours = pod_states(devices, observed).filter(in_scope(rule))
    if hours.is_empty():
        return []
    now = _now(hours, newest)
    numbers = numbered(hours, POD, rule.bridge)
    judged = _judged(now, spells(numbers, POD, seen(hours, POD)), rule)
    costs = cost_of(_idle_hours(numbers, judged), observed.costs, POD)
    figures = _figures(hours, judged)
    whole = [
        _finding(row, rule, observed, figures, costs.get((row["cluster"], row["uid"]))) for row in judged
    ]
    return [*whole, *partly_idle(devices, judged, observed, rule)]


def _now(hours: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """Give the row of the newest hour of every pod that is still there."""
    first = hours.group_by(POD).agg(pl.col("hour").min().alias("first_hour"))
    return hours.join(newest, on="cluster").filter(pl.col("hour") == pl.col("newest")).join(first, on=POD)


def _judged(now: pl.DataFrame, stretches: pl.DataFrame, rule: GpuIdle) -> list[dict[str, Any]]:
    """Give each pod's newest row with its verdict, the reason of an unknown, and its stretch."""
    last = stretches.sort(*POD, "spell").group_by(POD, maintain_order=True).last()
    before = stretches.group_by(POD).agg((pl.col("state") == State.WORKING).any().alias("has_worked"))
    columns = [*POD, "spell", pl.col("state").alias("spell_state"), "start", "end", "hours"]
    rows = now.join(last.select(columns), on=POD, how="left").join(before, on=POD, how="left").sort(POD)
    least = rule.lasting.total_seconds() / 3600
    return [{**row, **_verdict(row, rule, least)} for row in rows.iter_rows(named=True)]


def _verdict(row: Row, rule: GpuIdle, least: float) -> dict[str, Any]:
    if row["state"] == State.UNKNOWN:
        return {"verdict": Verdict.UNKNOWN, "reason": row["why"]}
    if row["state"] == State.WORKING:
        return {"verdict": Verdict.WORKING, "reason": ""}
    if row["hours"] >= least:
        return {"verdict": Verdict.IDLE_HELD, "reason": ""}
    if row["has_worked"]:
        return {"verdict": Verdict.WORKING, "reason": f"worked until {row['start']:%Y-%m-%d %H:%MZ}"}
    reason = f"too young: {hours_text(row['hours'])} measured, the rule asks for {length_text(rule.lasting)}"
    return {"verdict": Verdict.UNKNOWN, "reason": reason}


def _idle_hours(numbers: pl.DataFrame, judged: list[dict[str, Any]]) -> pl.DataFrame:
    """Give the hours of the stretches that were found idle."""
    idle = [row for row in judged if row["verdict"] is Verdict.IDLE_HELD]
    which = pl.DataFrame(
        [{"cluster": row["cluster"], "uid": row["uid"], "spell": row["spell"]} for row in idle],
        schema={"cluster": pl.String(), "uid": pl.String(), "spell": pl.Int64()},
    )
    return numbers.join(which, on=[*POD, "spell"], how="semi")


def _figures(hours: pl.DataFrame, judged: list[dict[str, Any]]) -> Mapping[tuple[str, str], Row]:
    """Give the measured figures of each pod since its stretch began."""
    since = pl.DataFrame(
        [{"cluster": row["cluster"], "uid": row["uid"], "since": row["start"]} for row in judged],
        schema={"cluster": pl.String(), "uid": pl.String(), "since": hours.schema["hour"]},
    )
    found = (
        hours.join(since, on=POD)
        .filter(pl.col("since").is_null() | (pl.col("hour") >= pl.col("since")))
        .group_by(POD)
        .agg(
            pl.col("activity_max", "tensor", "memory_used_mib", "memory_total_mib", "requests").max(),
            pl.col("activity", "power_watts").mean(),
            pl.col("shared", "server").any(),
            (pl.col("state") == State.UNKNOWN).sum().alias("unmeasured"),
        )
    )
    return {(row["cluster"], row["uid"]): row for row in found.iter_rows(named=True)}


def _finding(
    row: Row, rule: GpuIdle, observed: Observed, figures: Mapping[tuple[str, str], Row], cost: Cost | None
) -> Finding:
    key = (row["cluster"], row["uid"])
    pod, workload = pod_id(row), workload_id(row)
    idle = row["verdict"] is Verdict.IDLE_HELD
    measured = figures[key]
    # What is idle since the window begins was so before, for how long nobody looked.
    length = hours_text(row["hours"] or 0) + (" at least" if row["start"] == observed.start else "")
    evidence = (
        *_evidence({**row, "length": length}, measured, rule),
        *(money_evidence(cost) if idle else ()),
    )
    return Finding(
        rule=rule.name,
        verdict=row["verdict"],
        resource=pod,
        workload=workload,
        owner_team=observed.teams.get(key),
        since=row["start"] if row["verdict"] is not Verdict.UNKNOWN else None,
        evidence=evidence,
        confidence=_confidence(row, measured, rule) if idle else Confidence.LOW,
        suggestion=_suggestion(workload or pod, measured) if idle else _calm(row),
        cost_per_hour=cost.per_hour if cost else None,
        currency=cost.currency if cost else "",
        wasted=cost.total if cost else None,
    )


def _evidence(row: Row, measured: Row, rule: GpuIdle) -> Iterator[Evidence]:
    if row["reason"]:
        yield Evidence(metric="why", value=row["reason"], speaks_for=None)
    if row["verdict"] is Verdict.IDLE_HELD:
        asked = f"{row['length']}, the rule asks for {length_text(rule.lasting)}"
        yield Evidence(metric="idle without a break", value=asked, speaks_for=True)
    line = float(rule.gpu_active_below)
    for name, column in (("highest", "activity_max"), ("average", "activity")):
        value = measured[column]
        speaks = None if value is None else value < line
        yield Evidence(metric=f"GPU activity, {name}", value=share_text(value), speaks_for=speaks)
    if measured["tensor"] is not None:
        quiet = rule.tensor_below is None or measured["tensor"] < float(rule.tensor_below)
        yield Evidence(metric="tensor cores", value=share_text(measured["tensor"]), speaks_for=quiet)
    yield memory_evidence(measured)
    if measured["power_watts"] is not None:
        yield Evidence(metric="power, average", value=f"{measured['power_watts']:.0f} W", speaks_for=True)
    yield _requests(measured)
    if measured["shared"]:
        yield Evidence(metric="shared GPU", value="figures are of the whole GPU", speaks_for=None)
    yield from unmeasured(measured["unmeasured"])


def _requests(measured: Row) -> Evidence:
    requests = measured["requests"]
    if requests is None:
        return Evidence(metric="requests at once, most", value=NOT_MEASURED, speaks_for=None)
    return Evidence(metric="requests at once, most", value=f"{requests:,.0f}", speaks_for=requests == 0)


def _confidence(row: Row, measured: Row, rule: GpuIdle) -> Confidence:
    """Say how much it carries: more signals and a longer time carry more, missing hours less."""
    signals = [measured["tensor"], measured["power_watts"], measured["requests"]]
    least = rule.lasting.total_seconds() / 3600
    missing = measured["unmeasured"] / max(measured["unmeasured"] + row["hours"], 1)
    if missing > 0.25 or (row["hours"] < 2 * least and not any(s is not None for s in signals)):
        return Confidence.LOW
    long = row["hours"] >= max(3 * least, 12)
    if long and not measured["unmeasured"] and not measured["server"] and any(s is not None for s in signals):
        return Confidence.HIGH
    return Confidence.MEDIUM


def _suggestion(which: ResourceId, measured: Row) -> str:
    what = named(which)
    if measured["server"]:
        return f"Scale {what} down while nobody asks it, or keep it as a warm spare on purpose."
    if which.kind in {"deployment", "statefulset", "notebook", "raycluster"}:
        return f"Scale {what} to 0 until it is needed."
    if which.kind in {"job", "cronjob", "pytorchjob", "mpijob"}:
        return f"Ask whether {what} hangs; end it if nobody waits for it."
    return f"Stop {what}, or let it give its GPUs back."


def _calm(row: Row) -> str:
    if row["verdict"] is Verdict.WORKING:
        return "Leave it alone."
    return "Leave it alone until it can be measured."
