"""Running workloads that nobody talks to: no traffic, no requests, next to no CPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from config.idle import Abandoned
from domain.finding import Confidence, Evidence, Finding, Verdict
from reaper.detectors.gpu_states import POD, cleaned
from reaper.detectors.money import Cost, cost_of
from reaper.detectors.observed import Observed, in_scope
from reaper.detectors.spells import State
from reaper.detectors.stretch import (
    WORKLOAD,
    extent,
    length,
    named_pods,
    pod_hours_of,
    too_little,
    unknown,
    workload_of,
)
from reaper.detectors.wording import money_evidence, named

_GIB = 2**30
_ACTIVE = 0.05


def detect(observed: Observed, rule: Abandoned) -> list[Finding]:
    """Find workloads that sent next to nothing in any hour of the stretch."""
    hours = pod_hours_of(observed, rule).filter(_of_kind(rule))
    if hours.is_empty():
        return []
    hours = _with_signs(hours, observed)
    quiet = traffic_of(hours)
    costs = cost_of(hours.select(*WORKLOAD, "uid", "hour"), observed.costs, WORKLOAD)
    found = []
    for row in quiet.iter_rows(named=True):
        team = observed.teams.get((row["cluster"], row["uid"]))
        if _at_work(row, rule):
            continue
        reason = too_little(row, rule, row["measured"])
        if reason:
            reason = "its traffic is not measured" if row["measured"] == 0 else reason
            found.append(unknown(row, rule, reason, team))
        else:
            found.append(_finding(row, rule, team, costs.get(tuple(row[name] for name in WORKLOAD))))
    return found


def _of_kind(rule: Abandoned) -> pl.Expr:
    return pl.col("workload_kind").str.to_lowercase().is_in([kind.lower() for kind in rule.workload_kinds])


def quiet_states(observed: Observed, rule: Abandoned) -> pl.DataFrame:
    """Give every workload per hour: quiet is `idle`, anything seen is `working`, else unknown."""
    hours = named_pods(observed).filter(in_scope(rule) & _of_kind(rule))
    rows = _with_signs(hours, observed)
    signs = [
        pl.col("egress_gib").max() * _GIB >= rule.traffic_below,
        pl.col("cpu_used").max() >= float(rule.cpu_below),
        pl.col("activity_max").max() >= _ACTIVE,
        pl.col("requests").max() > 0,
    ]
    measured = (pl.col("egress_gib").is_not_null() & pl.col("cpu_used").is_not_null()).all()
    state = (
        pl.when(pl.any_horizontal(*(sign.fill_null(False) for sign in signs)))
        .then(pl.lit(State.WORKING))
        .when(measured)
        .then(pl.lit(State.IDLE))
        .otherwise(pl.lit(State.UNKNOWN))
    )
    return rows.group_by(*WORKLOAD, "hour").agg(
        pl.col("uid").first(), pl.lit(3600.0).alias("seconds"), state.alias("state")
    )


def _with_signs(hours: pl.DataFrame, observed: Observed) -> pl.DataFrame:
    """Add what the GPUs of a pod say: requests of its model server, and computing."""
    signs = (
        cleaned(observed.devices)
        .filter(pl.col("uid").is_not_null())
        .group_by(*POD, "hour")
        .agg(pl.col("requests").max(), pl.col("activity_max").max())
    )
    return hours.join(signs, on=[*POD, "hour"], how="left")


def traffic_of(hours: pl.DataFrame) -> pl.DataFrame:
    """Give per workload the most that one of its pods sent, used or was asked in an hour."""
    now = pl.col("hour") == pl.col("newest")
    return (
        hours.group_by(WORKLOAD)
        .agg(
            pl.col("uid").filter(now).first(),
            pl.col("hour").min().alias("since"),
            (pl.col("egress_gib") * _GIB).max().alias("sent"),
            pl.col("cpu_used", "requests", "activity_max").max(),
            (pl.col("egress_gib").is_not_null() & pl.col("cpu_used").is_not_null()).mean().alias("measured"),
            *extent(),
        )
        .sort(WORKLOAD)
    )


def _at_work(row: Mapping[str, Any], rule: Abandoned) -> bool:
    signs = (
        (row["sent"], rule.traffic_below),
        (row["cpu_used"], float(rule.cpu_below)),
        (row["activity_max"], _ACTIVE),
    )
    return any(value is not None and value >= line for value, line in signs) or (row["requests"] or 0) > 0


def _finding(row: Mapping[str, Any], rule: Abandoned, team: str | None, cost: Cost | None) -> Finding:
    return Finding(
        rule=rule.name,
        verdict=Verdict.ABANDONED,
        resource=workload_of(row),
        owner_team=team,
        since=row["since"],
        evidence=(*_evidence(row, rule), *money_evidence(cost)),
        confidence=Confidence.MEDIUM if row["measured"] >= 0.99 else Confidence.LOW,
        suggestion=f"Ask who needs {named(workload_of(row))}; scale it to 0 if nobody does.",
        cost_per_hour=cost.per_hour if cost else None,
        currency=cost.currency if cost else "",
        wasted=cost.total if cost else None,
    )


def _evidence(row: Mapping[str, Any], rule: Abandoned) -> Iterator[Evidence]:
    over = length(rule.over)
    sent = f"{row['sent'] / 2**20:.2f} MiB"
    yield Evidence(metric=f"sent by a pod, busiest hour of {over}", value=sent, speaks_for=True)
    yield Evidence(metric="CPU of a pod, busiest hour", value=f"{row['cpu_used']:.3f}", speaks_for=True)
    if row["requests"] is not None:
        yield Evidence(metric="requests at once, most", value=f"{row['requests']:,.0f}", speaks_for=True)
    if row["measured"] < 1:
        said = f"{1 - row['measured']:.1%} of pod-hours".replace("%", " %")
        yield Evidence(metric="hours that could not be told", value=said, speaks_for=None)
