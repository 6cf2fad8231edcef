"""What is idle, free, too large or abandoned, judged by the rules over the stored hours of usage."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes.merge import merged
from daemon.idle_costs import cost_hours
from daemon.idle_owners import node_teams, teams_of
from domain.finding import Finding, Verdict
from domain.usage import HOUR
from domain.window import Window
from reaper.detectors.judge import judge
from reaper.detectors.observed import Observed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from attribution.star import Star
    from config.idle import Rule
    from daemon.rooms import Rooms

SCHEMA = "costd.idle/1"
WASTE = (Verdict.IDLE_HELD, Verdict.FREE, Verdict.OVERSIZED, Verdict.WRONG_CLASS, Verdict.ABANDONED)
"""Verdicts that something could be saved by."""

STALE = timedelta(hours=6)
"""How old the newest hours of a cluster may be and still be called the present."""

_LISTS = "kubernetes"
_FRAMES = ("node_hours", "pod_hours", "device_hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far the usage of a cluster is known.

    Attributes:
        cluster: its name.
        through: the end of its newest hour.
        gpus: whether GPUs are measured in it.
        is_stale: it is too old to be called the present.
    """

    cluster: str
    through: datetime
    gpus: bool
    is_stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleResult:
    """What the rules find.

    Attributes:
        findings: what could be saved, the dearest first; those at work and unknown behind.
        reach: every cluster with usage.
        rules: those that were asked.
        start, end: the hours that were looked at.
    """

    findings: tuple[Finding, ...]
    reach: tuple[Reach, ...]
    rules: tuple[Rule, ...]
    start: datetime
    end: datetime

    @property
    def waste(self) -> tuple[Finding, ...]:
        """Give what could be saved."""
        return tuple(one for one in self.findings if one.verdict in WASTE)

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """Give what could not be told, which is protected."""
        return tuple(one for one in self.findings if one.verdict is Verdict.UNKNOWN)

    @property
    def stale(self) -> tuple[Reach, ...]:
        """Give the clusters whose newest hours are old; nothing is found in them."""
        return tuple(one for one in self.reach if one.is_stale)


def look(
    rooms: Rooms, star: Star, *, rules: Sequence[Rule] | None = None, clusters: Collection[str] | None = None
) -> IdleResult:
    """Judge everything by the rules that are in force, or by these."""
    asked = tuple(rooms.settings.idle.in_force() if rules is None else rules)
    longest = max((rule.over for rule in asked if hasattr(rule, "over")), default=timedelta(0))
    window = max(rooms.settings.idle.window, longest)
    observed = observe(rooms, star, window, clusters=clusters)
    reach = _reach(observed, rooms.clock.now())
    fresh = _of(observed, [one.cluster for one in reach if not one.is_stale])
    found = [finding for rule in asked for finding in judge(fresh, rule)]
    return IdleResult(
        findings=tuple(sorted(found, key=_order)),
        reach=reach,
        rules=asked,
        start=observed.start,
        end=observed.end,
    )


def _order(one: Finding) -> tuple[bool, str, bool, Decimal, str, str]:
    unpriced = one.wasted is None
    amount = one.wasted if one.wasted is not None else Decimal(0)
    return (
        one.verdict not in WASTE,
        one.verdict.value * unpriced,
        unpriced,
        -amount,
        one.rule,
        str(one.resource),
    )


def observe(
    rooms: Rooms, star: Star, window: timedelta, *, clusters: Collection[str] | None = None
) -> Observed:
    """Read the hours of a window that ends with the last whole hour.

    It begins at a UTC midnight, because bills by the day are spread over whole days.
    """
    end = rooms.clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    start = (end - window).replace(hour=0)
    hours = Window(start=start, end=end)
    frames = {name: frame_of(rooms, name, hours, clusters=clusters) for name in _FRAMES}
    objects = frame_of(rooms, "objects", clusters=clusters)
    pods = frames["pod_hours"]
    return Observed(
        start=start,
        end=end,
        devices=frames["device_hours"],
        pods=pods,
        costs=cost_hours(rooms.ledger, star, frames, rooms.settings.allocation),
        teams=teams_of(pods, objects, star, rooms.rules),
        node_teams=node_teams(frames["node_hours"], star),
    )


def frame_of(
    rooms: Rooms,
    name: str,
    hours: Window | None = None,
    *,
    clusters: Collection[str] | None = None,
    where: pl.Expr | None = None,
) -> pl.DataFrame:
    """Give a frame of usage, one row per key, whatever sources told of it."""
    start, end = (hours.start, hours.end) if hours is not None else (None, None)
    wanted = None if clusters is None else sorted(clusters)
    stored = rooms.ledger.usage(name, clusters=wanted, start=start, end=end)
    rows = (stored if where is None else stored.filter(where)).collect()
    measuring = {source.name: source.type != _LISTS for source in rooms.settings.sources}
    return merged(name, rows, measuring)


def _of(observed: Observed, clusters: Collection[str]) -> Observed:
    mine = pl.col("cluster").is_in(sorted(clusters))
    return replace(
        observed,
        devices=observed.devices.filter(mine),
        pods=observed.pods.filter(mine),
        costs=observed.costs.filter(mine),
    )


def _reach(observed: Observed, now: datetime) -> tuple[Reach, ...]:
    gpus = set(observed.devices.get_column("cluster"))
    frames = [frame.select("cluster", "hour") for frame in (observed.pods, observed.devices)]
    newest = pl.concat(frames).group_by("cluster").agg(pl.col("hour").max()).sort("cluster")
    return tuple(
        Reach(
            cluster=cluster,
            through=hour + HOUR,
            gpus=cluster in gpus,
            is_stale=now - (hour + HOUR) > STALE,
        )
        for cluster, hour in newest.iter_rows()
    )


def waste_totals(found: Iterable[Finding]) -> dict[str, tuple[Decimal, Decimal]]:
    """Give per currency what findings cost an hour, and since they began; each thing counts once.

    What several rules found counts at the dearest: the same hours cannot be saved twice.
    """
    best: dict[tuple[str, str], dict[str, tuple[Decimal, Decimal]]] = {}
    for one in found:
        if one.cost_per_hour is None or one.wasted is None:
            continue
        rules = best.setdefault((one.currency, str(one.workload or one.resource)), {})
        rate, wasted = rules.get(one.rule, (Decimal(0), Decimal(0)))
        rules[one.rule] = (rate + one.cost_per_hour, wasted + one.wasted)
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for (currency, _), rules in sorted(best.items()):
        rate, wasted = max(rules.values(), key=lambda pair: pair[1])
        before = sums.get(currency, (Decimal(0), Decimal(0)))
        sums[currency] = (before[0] + rate, before[1] + wasted)
    return sums
