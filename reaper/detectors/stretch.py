"""The newest stretch of hours, workload by workload, and whether enough of it was measured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from config.idle import LookBackRule
from domain.finding import Confidence, Evidence, Finding, Verdict
from domain.resource import ResourceId
from domain.usage import HOUR
from reaper.detectors.observed import Observed, in_scope
from reaper.detectors.wording import hours_text

WORKLOAD = ["cluster", "namespace", "workload_kind", "workload"]


def named_pods(observed: Observed) -> pl.DataFrame:
    """Give the pod-hours with what was used and requested per hour; a bare pod is its own workload."""
    hours = pl.col("alive_seconds") / 3600
    return observed.pods.filter(pl.col("alive_seconds") > 0).with_columns(
        pl.col("workload").fill_null(pl.col("pod")),
        pl.col("workload_kind").fill_null("Pod"),
        (pl.col("cpu_used_hours") / hours).alias("cpu_used"),
        (pl.col("cpu_request_hours") / hours).alias("cpu_request"),
        (pl.col("memory_used_hours") / hours).alias("memory_used"),
        (pl.col("memory_request_hours") / hours).alias("memory_request"),
    )


def pod_hours_of(observed: Observed, rule: LookBackRule) -> pl.DataFrame:
    """Give the pod-hours of the stretch, of workloads that are still there."""
    newest = observed.pods.group_by("cluster").agg(pl.col("hour").max().alias("newest"))
    rows = named_pods(observed).join(newest, on="cluster")
    recent = rows.filter(pl.col("hour") > pl.col("newest") - rule.over).with_columns(covered(rule))
    stretch = recent.filter(in_scope(rule))
    alive = stretch.filter(pl.col("hour") == pl.col("newest")).select(WORKLOAD).unique()
    return stretch.join(alive, on=WORKLOAD, how="semi")


def too_little(row: Mapping[str, Any], rule: LookBackRule, measured: float) -> str:
    """Say why a stretch cannot be judged; "" where it can. `row` has what `extent` gives."""
    least = float(rule.measured_at_least)
    if row["span"] < rule.over / HOUR * least:
        return f"too young: seen for {hours_text(row['span'])}, the rule looks at {length(rule.over)}"
    if min(measured, row["covered"]) < least:
        return f"only {min(measured, row['covered']):.0%} of it is measured".replace("%", " %")
    return ""


def length(over: timedelta) -> str:
    """Write the length of a stretch."""
    return hours_text(over / HOUR)


def workload_of(row: Mapping[str, Any]) -> ResourceId:
    """Give the workload of a row."""
    return ResourceId(
        place=row["cluster"],
        kind=row["workload_kind"].lower(),
        namespace=row["namespace"],
        name=row["workload"],
    )


def unknown(row: Mapping[str, Any], rule: LookBackRule, why: str, team: str | None) -> Finding:
    """Give the finding of a workload that cannot be judged."""
    return Finding(
        rule=rule.name,
        verdict=Verdict.UNKNOWN,
        resource=workload_of(row),
        owner_team=team,
        evidence=(Evidence(metric="why", value=why, speaks_for=None),),
        confidence=Confidence.LOW,
        suggestion="Leave it alone until it can be measured.",
    )


def covered(rule: LookBackRule) -> pl.Expr:
    """Give which share of the stretch's hours anything of the cluster was measured in."""
    return (pl.col("hour").n_unique().over("cluster") / (rule.over / HOUR)).alias("covered")


def extent() -> tuple[pl.Expr, pl.Expr]:
    """Give `span`, the hours from a group's first to the newest, and `covered`."""
    hours = (pl.col("newest").first() - pl.col("hour").min()).dt.total_seconds() / 3600 + 1
    return hours.alias("span"), pl.col("covered").first()
