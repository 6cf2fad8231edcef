"""GPUs of a node that no pod has claimed; one finding per node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from config.idle import GpuFree
from domain.finding import Confidence, Evidence, Finding, Verdict
from domain.resource import ResourceId
from domain.usage import HOUR
from reaper.detectors.gpu_states import cleaned, newest_hours
from reaper.detectors.money import Cost, Key, cost_of
from reaper.detectors.observed import Observed, in_scope
from reaper.detectors.spells import State, numbered, seen, spells
from reaper.detectors.wording import hours_text, length_text, money_evidence, unmeasured

NODE = ["cluster", "node"]
SLOT = [*NODE, "device", "profile", "instance"]
_ACTIVE = 0.05
_UNTOLD = "pods of the node hold GPUs that no metric names"
_OUTSIDE = "runs something although no pod has claimed it"


def free_states(observed: Observed, rule: GpuFree) -> pl.DataFrame:
    """Give every device (or MIG profile of one) per hour: free is `idle`, claimed is `working`."""
    rows = cleaned(observed.devices).with_columns(
        (pl.col("uid").is_null() & pl.col("pod").is_null()).alias("free"),
        pl.lit(None, dtype=pl.String()).alias("workload"),
    )
    slots = rows.group_by(*SLOT, "hour").agg(
        pl.col("model", "sharing").first(),
        pl.lit(3600.0).alias("seconds"),
        pl.col("namespace", "workload").first(),
        pl.col("share").filter(pl.col("free")).sum().alias("free_share"),
        pl.col("free").all().alias("unclaimed"),
        (pl.col("free") & (pl.col("sharing") == "mig")).any().alias("slice_free"),
        (pl.col("free") & (pl.col("activity_max") >= _ACTIVE)).any().fill_null(False).alias("active"),
    )
    slots = slots.filter(in_scope(rule)).join(_untold(rows, observed), on=[*NODE, "hour"], how="left")
    free = pl.col("unclaimed") | pl.col("slice_free").fill_null(False)
    untold = pl.col("untold").fill_null(False)
    state = (
        pl.when(~free)
        .then(pl.lit(State.WORKING))
        .when(untold | pl.col("active"))
        .then(pl.lit(State.UNKNOWN))
        .otherwise(pl.lit(State.IDLE))
    )
    why = pl.when(untold).then(pl.lit(_UNTOLD)).otherwise(pl.lit(_OUTSIDE))
    every = pl.col("free_share").sum().over(*NODE, "hour").alias("all_free")
    return slots.with_columns(state.alias("state"), why.alias("why"), every)


def _untold(rows: pl.DataFrame, observed: Observed) -> pl.DataFrame:
    """Tell in which hours pods of a node asked for more GPUs than the metrics say they hold."""
    asked = (
        observed.pods.filter((pl.col("gpu_request_hours") > 0) & (pl.col("alive_seconds") > 0))
        .group_by(*NODE, "hour")
        .agg(pl.col("gpu_request_hours").sum().alias("asked"))
    )
    share = pl.col("share") * pl.col("seconds").fill_null(3600.0) / 3600
    told = rows.filter(~pl.col("free")).group_by(*NODE, "hour").agg(share.sum().alias("told"))
    return asked.join(told, on=[*NODE, "hour"], how="left").select(
        *NODE, "hour", (pl.col("asked") > pl.col("told").fill_null(0.0) * 1.1 + 0.01).alias("untold")
    )


def detect(observed: Observed, rule: GpuFree) -> list[Finding]:
    """Find the nodes with GPUs that nobody has claimed for the rule's time, or of which it cannot be told."""
    hours = free_states(observed, rule)
    if hours.is_empty():
        return []
    newest = newest_hours(observed)
    current = hours.join(newest, on="cluster").filter(pl.col("hour") == pl.col("newest"))
    numbers = numbered(hours, SLOT, rule.bridge)
    last = spells(numbers, SLOT, seen(hours, SLOT)).group_by(SLOT, maintain_order=True).last()
    least = rule.lasting.total_seconds() / 3600
    last = last.drop("newest").join(newest, on="cluster")
    free = last.filter(
        (pl.col("state") == State.IDLE)
        & (pl.col("hours") >= least)
        & (pl.col("end") == pl.col("newest") + HOUR)
    )
    costs = costs_of(numbers.join(free, on=[*SLOT, "spell"], how="semi"), observed)
    missing = hours.join(free.select(*SLOT, "start"), on=SLOT).filter(pl.col("hour") >= pl.col("start"))
    gaps = missing.group_by(NODE).agg((pl.col("state") == State.UNKNOWN).sum().alias("unmeasured"))
    found = (
        free.join(current.select(*SLOT, "model", "free_share"), on=SLOT)
        .group_by(NODE)
        .agg(
            pl.len().alias("count"),
            pl.col("start").max().alias("since"),
            pl.col("hours").min(),
            pl.col("model").first(),
            pl.col("free_share").sum(),
        )
        .join(current.group_by(NODE).agg(pl.struct("device").n_unique().alias("of")), on=NODE)
        .join(gaps, on=NODE, how="left")
        .sort(NODE)
    )
    rows = found.iter_rows(named=True)
    return [
        *(_free(row, rule, observed, costs.get((row["cluster"], row["node"]))) for row in rows),
        *_unknown(current, rule, observed),
    ]


def costs_of(free: pl.DataFrame, observed: Observed, keys: Sequence[str] = NODE) -> Mapping[Key, Cost]:
    """Give what free GPUs cost, by key: their part of what nobody claimed of the node.

    Args:
        free: rows of `free_states` whose GPUs count.
        observed: where the costs are.
        keys: what they are summed by.
    """
    rest = observed.costs.filter(pl.col("uid").is_null())
    by = list(dict.fromkeys([*NODE, "hour", *keys]))
    shares = free.group_by(by).agg(pl.col("free_share").sum(), pl.col("all_free").first())
    factor = pl.col("free_share") / pl.col("all_free") * pl.col("gpu")
    return cost_of(shares, rest, keys, at=NODE, factor=factor)


def _free(row: Mapping[str, Any], rule: GpuFree, observed: Observed, cost: Cost | None) -> Finding:
    model = row["model"] or "GPU"
    long = row["hours"] >= 24
    return Finding(
        rule=rule.name,
        verdict=Verdict.FREE,
        resource=ResourceId(place=row["cluster"], kind="node", namespace="", name=row["node"]),
        owner_team=observed.node_teams.get((row["cluster"], row["node"])),
        since=row["since"],
        evidence=(
            Evidence(
                metric="unclaimed",
                value=f"{row['count']} of {row['of']} {model} for {hours_text(row['hours'])}, "
                f"the rule asks for {length_text(rule.lasting)}",
                speaks_for=True,
            ),
            *money_evidence(cost),
            *unmeasured(row["unmeasured"] or 0),
        ),
        confidence=Confidence.HIGH if long and not row["unmeasured"] else Confidence.MEDIUM,
        suggestion=f"Let the autoscaler take node {row['node']} away, or place waiting work on it.",
        cost_per_hour=cost.per_hour if cost else None,
        currency=cost.currency if cost else "",
        wasted=cost.total if cost else None,
    )


def _unknown(current: pl.DataFrame, rule: GpuFree, observed: Observed) -> list[Finding]:
    rows = (
        current.filter(pl.col("state") == State.UNKNOWN)
        .group_by(NODE)
        .agg(pl.len().alias("count"), pl.col("why").first())
        .sort(NODE)
    )
    return [
        Finding(
            rule=rule.name,
            verdict=Verdict.UNKNOWN,
            resource=ResourceId(place=row["cluster"], kind="node", namespace="", name=row["node"]),
            owner_team=observed.node_teams.get((row["cluster"], row["node"])),
            evidence=(Evidence(metric="why", value=row["why"], speaks_for=None),),
            confidence=Confidence.LOW,
            suggestion="Leave it alone until it can be measured.",
        )
        for row in rows.iter_rows(named=True)
    ]
