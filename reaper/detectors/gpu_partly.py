"""GPUs that a pod at work leaves idle: it asked for more than it uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from config.idle import GpuIdle
from domain.finding import Confidence, Evidence, Finding, Verdict
from domain.usage import HOUR
from reaper.detectors.gpu_states import DEVICE, POD
from reaper.detectors.money import Cost, cost_of
from reaper.detectors.observed import Observed, pod_id, workload_id
from reaper.detectors.spells import State, numbered, seen, spells
from reaper.detectors.wording import hours_text, money_evidence, named

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Unused:
    """GPUs of a working pod that stood idle: how many, of how many, and since when."""

    count: int
    since: datetime
    hours: float


def partly_idle(
    devices: pl.DataFrame, judged: list[dict[str, Any]], observed: Observed, rule: GpuIdle
) -> Iterator[Finding]:
    """Find pods at work that leave some of their GPUs idle."""
    working = {
        (row["cluster"], row["uid"]): row
        for row in judged
        if row["verdict"] is Verdict.WORKING and row["state"] == State.WORKING and row["devices"] > 1
    }
    if not working:
        return
    mine = devices.join(
        pl.DataFrame(list(working), schema=["cluster", "uid"], orient="row"), on=POD, how="semi"
    )
    numbers = numbered(mine, DEVICE, rule.bridge)
    last = spells(numbers, DEVICE, seen(mine, DEVICE)).group_by(DEVICE, maintain_order=True).last()
    newest = pl.col("end") == pl.col("newest") + HOUR
    enough = pl.col("hours") >= rule.lasting.total_seconds() / 3600
    idle = last.filter((pl.col("state") == State.IDLE) & newest & enough)
    hours = _idle_shares(numbers.join(idle, on=[*DEVICE, "spell"], how="semi"), mine)
    costs = cost_of(hours, observed.costs, POD, factor=pl.col("share") / pl.col("whole") * pl.col("gpu"))
    grouped = idle.group_by(POD, maintain_order=True).agg(
        pl.len().alias("count"), pl.col("start").max().alias("since"), pl.col("hours").min()
    )
    for found in grouped.iter_rows(named=True):
        key = (found["cluster"], found["uid"])
        unused = _Unused(found["count"], found["since"], found["hours"])
        yield _partial(working[key], unused, observed, rule, costs.get(key))


def _idle_shares(idle: pl.DataFrame, mine: pl.DataFrame) -> pl.DataFrame:
    """Give per hour how much of a GPU a pod left idle, and how much it held."""
    at = [*POD, "hour"]
    held = mine.group_by(at).agg(pl.col("share").sum().alias("whole"))
    return idle.group_by(at).agg(pl.col("share").sum()).join(held, on=at)


def _partial(row: Row, unused: _Unused, observed: Observed, rule: GpuIdle, cost: Cost | None) -> Finding:
    pod, workload = pod_id(row), workload_id(row)
    said = f"{unused.count} of {row['devices']} for {hours_text(unused.hours)}"
    return Finding(
        rule=rule.name,
        verdict=Verdict.OVERSIZED,
        resource=pod,
        workload=workload,
        owner_team=observed.teams.get((row["cluster"], row["uid"])),
        since=unused.since,
        evidence=(
            Evidence(metric="GPUs idle", value=said, speaks_for=True),
            Evidence(metric="its other GPUs", value="at work", speaks_for=False),
            *money_evidence(cost),
        ),
        confidence=Confidence.MEDIUM if unused.hours >= 24 else Confidence.LOW,
        suggestion=f"Ask for {row['devices'] - unused.count} instead of {row['devices']} GPUs in "
        f"{named(workload or pod)}, or find out why the others wait.",
        cost_per_hour=cost.per_hour if cost else None,
        currency=cost.currency if cost else "",
        wasted=cost.total if cost else None,
    )
