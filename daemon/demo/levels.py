"""How hard the pods of a workload work, hour by hour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from daemon.demo import dice
from daemon.demo.dice import Ints
from daemon.demo.entities import FOREVER, Use
from daemon.demo.hours import DAY, Span, instant_of
from daemon.demo.kubernetes import Workload
from daemon.demo.seasons import load
from daemon.demo.usage import Scene
from domain.window import month_of

OVERLOADED = 1400
"""What one pod does at most, in permille of what it was made for, when there are too few."""

LEFT = {"prod-eu/notebooks/notebook-greta": (3, 9)}
"""Workloads that somebody leaves behind every month, with the first and last day on which it may happen."""


def left_at(seed: int, name: str, period: str) -> int:
    """Give the hour of a month after which nobody uses a workload; never, for most."""
    if name not in LEFT:
        return FOREVER
    day = dice.between(*LEFT[name], seed, "left", name, period)
    return (
        Span.of_month(period).first + (day - 1) * DAY + dice.between(15, 18, seed, "left-hour", name, period)
    )


def used(seed: int, workload: Workload, hour: int) -> Use:
    """Give what is done with a workload, as of the month of an hour."""
    use = workload.entity.use
    return replace(use, until=left_at(seed, workload.entity.name, month_of(instant_of(hour))))


def level(scene: Scene, workload: Workload) -> Ints:
    """Give how busy each pod is, in permille of what it does when busy; 0 where nobody asks for anything."""
    span, name = scene.span, workload.entity.name
    if workload.load == "steady":
        return np.where(span.hours < used(scene.seed, workload, span.first).until, 1000, 0)
    wanted = workload.wanted(span)
    pods = np.maximum(scene.replicas(name, wanted, span), 1)
    if workload.entity.kind == "job":  # each works or waits: those that nobody asked for wait
        return 1000 * np.minimum(wanted, pods) // pods
    asked = workload.replicas * load(workload.load, span)
    if workload.load == "audience":
        asked = asked * scene.happening.audience(workload.entity.team, span) // 1000
    return np.minimum(asked // pods, OVERLOADED)
