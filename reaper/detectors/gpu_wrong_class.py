"""Whole GPUs whose work would fit a smaller card, or a slice of the same one, with headroom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from config.idle import GpuWrongClass
from domain.finding import Confidence, Evidence, Finding, Verdict
from domain.usage import HOUR
from reaper.detectors.catalogue import GPUS, Gpu, Part, gpu_of
from reaper.detectors.gpu_states import held, newest_hours, with_gpus
from reaper.detectors.money import Cost, cost_of
from reaper.detectors.observed import Observed, in_scope
from reaper.detectors.stretch import WORKLOAD, covered, extent, length, too_little, unknown, workload_of
from reaper.detectors.wording import money_evidence, named, share_text

MODEL = [*WORKLOAD, "model"]
ACTIVE = 0.05  # what never computes is idle, and another rule's business


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What would do instead of a whole card.

    Attributes:
        part: the smallest slice of the same card; None if none would do.
        card: the slowest other card; None if none would do.
        busy: how busy the tighter of them would be, 0 to 1.
    """

    part: Part | None
    card: Gpu | None
    busy: float


def fit(own: Gpu, memory_gib: float, busy: float, rule: GpuWrongClass) -> Fit | None:
    """Give what would hold the memory and do the work with the rule's headroom; None if nothing would.

    `busy` is the share of the time that the own card computes. A slower card is busy for longer, by the
    ratio of their throughput: a bound for work that computes, and too careful for work that waits.
    """
    need, most = memory_gib * (1 + float(rule.memory_headroom)), float(rule.busy_at_most)
    parts = [p for p in own.parts if p.memory_gib >= need and busy / p.share <= most]
    cards = [
        gpu
        for gpu in GPUS
        if gpu.memory_gib >= need
        and gpu.tflops < own.tflops
        and gpu.memory_gib <= own.memory_gib
        and busy * own.tflops / gpu.tflops <= most
    ]
    part = min(parts, key=lambda one: (one.share, one.memory_gib), default=None)
    card = min(cards, key=lambda one: (one.tflops, one.memory_gib), default=None)
    if part is None and card is None:
        return None
    would = [busy / part.share] if part else []
    would += [busy * own.tflops / card.tflops] if card else []
    return Fit(part=part, card=card, busy=max(would))


def detect(observed: Observed, rule: GpuWrongClass) -> list[Finding]:
    """Find workloads on whole GPUs whose work a smaller card, or a part, would do."""
    hours = whole_gpus(observed, rule)
    if hours.is_empty():
        return []
    found = []
    for row in figures(hours).iter_rows(named=True):
        team = observed.teams.get((row["cluster"], row["uid"]))
        own, reason = gpu_of(row["model"]), too_little(row, rule, row["measured"])
        if own is None and not reason:
            reason = f"the model {row['model'] or '(none)'} is not in the catalogue"
        if reason or own is None:
            found.append(unknown(row, rule, reason, team))
            continue
        instead = fit(own, row["memory"] / 1024, row["busy"], rule)
        if instead is not None and row["most"] >= ACTIVE:
            found.append(_finding(row, rule, instead, _cost(row, instead, hours, observed), team))
    return found


def whole_gpus(observed: Observed, rule: GpuWrongClass) -> pl.DataFrame:
    """Give the hours of whole devices in the stretch, of workloads that still hold one."""
    rows = held(with_gpus(observed)).filter(pl.col("sharing").is_null() & (pl.col("profile") == ""))
    rows = rows.with_columns(
        pl.col("workload").fill_null(pl.col("pod")), pl.col("workload_kind").fill_null("Pod")
    ).join(newest_hours(observed), on="cluster")
    recent = rows.filter(
        (pl.col("hour") > pl.col("newest") - rule.over) & (pl.col("hour") < pl.col("newest") + HOUR)
    ).with_columns(covered(rule))
    stretch = recent.filter(in_scope(rule))
    alive = stretch.filter(pl.col("hour") == pl.col("newest")).select(MODEL).unique()
    return stretch.join(alive, on=MODEL, how="semi", nulls_equal=True)


def figures(hours: pl.DataFrame) -> pl.DataFrame:
    """Give per workload and model how much memory it held and how busy it was."""
    now = pl.col("hour") == pl.col("newest")
    measured = pl.col("activity").is_not_null() & pl.col("memory_used_mib").is_not_null()
    devices = pl.col("device").n_unique().over("cluster", "uid", "hour").alias("devices")
    return (
        hours.with_columns(devices)
        .group_by(MODEL)
        .agg(
            pl.col("uid").filter(now).first(),
            pl.col("devices").max(),
            pl.col("memory_used_mib").max().alias("memory"),
            pl.col("activity").quantile(0.95, "higher").alias("busy"),
            pl.max_horizontal(pl.col("activity_max").max(), pl.col("activity").max()).alias("most"),
            measured.mean().alias("measured"),
            *extent(),
        )
        .sort(MODEL)
    )


def _cost(row: Mapping[str, Any], instead: Fit, hours: pl.DataFrame, observed: Observed) -> Cost | None:
    """Give what the part that is not needed cost; None for another card, whose price is not known here."""
    if instead.part is None or row["devices"] > 1:
        return None
    mine = hours.filter(pl.all_horizontal(pl.col(name).eq_missing(pl.lit(row[name])) for name in MODEL))
    costs = cost_of(mine, observed.costs, WORKLOAD, factor=pl.col("gpu") * (1 - instead.part.share))
    return costs.get(tuple(row[name] for name in WORKLOAD))


def _finding(
    row: Mapping[str, Any], rule: GpuWrongClass, instead: Fit, cost: Cost | None, team: str | None
) -> Finding:
    return Finding(
        rule=rule.name,
        verdict=Verdict.WRONG_CLASS,
        resource=workload_of(row),
        owner_team=team,
        evidence=(*_evidence(row, rule, instead), *_price(instead, cost)),
        confidence=Confidence.LOW if row["most"] > 0.95 or row["devices"] > 1 else Confidence.MEDIUM,
        suggestion=_suggestion(row, instead),
        cost_per_hour=cost.per_hour if cost else None,
        currency=cost.currency if cost else "",
        wasted=cost.total if cost else None,
    )


def _evidence(row: Mapping[str, Any], rule: GpuWrongClass, instead: Fit) -> Iterator[Evidence]:
    over = length(rule.over)
    memory = f"{row['memory'] / 1024:.1f} GiB of a {row['model']}"
    yield Evidence(metric=f"GPU memory held, most of {over}", value=memory, speaks_for=True)
    busy = f"{share_text(row['busy'])}; on what is suggested {share_text(instead.busy)}"
    yield Evidence(metric="GPU activity, 95th percentile of hours", value=busy, speaks_for=True)
    bursts = row["most"] > 0.95
    yield Evidence(metric="GPU activity, highest", value=share_text(row["most"]), speaks_for=not bursts)
    if row["devices"] > 1:
        said = f"{row['devices']} GPUs at once, which may need each other's memory"
        yield Evidence(metric="GPUs per pod", value=said, speaks_for=False)


def _price(instead: Fit, cost: Cost | None) -> tuple[Evidence, ...]:
    if instead.part is None:
        return (Evidence(metric="saving", value="the other card's price is not known here", speaks_for=None),)
    return money_evidence(cost)


def _suggestion(row: Mapping[str, Any], instead: Fit) -> str:
    choices = []
    if instead.part is not None and row["devices"] == 1:
        choices.append(f"a MIG slice {instead.part.profile} of the same card")
    if instead.card is not None:
        choices.append(f"a card like {instead.card.name}")
    choices = choices or [f"a MIG slice {instead.part.profile}" if instead.part else "a smaller card"]
    return f"Try {named(workload_of(row))} on {' or '.join(choices)}."
