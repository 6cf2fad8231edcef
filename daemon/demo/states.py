"""What the company's things are doing at an instant: running or not, used or not, since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from daemon.demo import kubernetes
from daemon.demo.dice import Ints
from daemon.demo.entities import Entity
from daemon.demo.hours import DAY, Span, hour_of, instant_of
from daemon.demo.levels import used
from daemon.demo.previews import pull_requests
from daemon.demo.riders import guests
from daemon.demo.seasons import load
from daemon.demo.usage import Scene, at_work, entities

LOOKED_BACK = 8
"""Days of activity that are looked through for the last sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One thing at one instant.

    Attributes:
        entity: which, with its tags, owner and meters.
        created_at: when it was made.
        is_running: whether it is switched on; what only exists (a volume) counts as on.
        replicas: pods of a workload; 1 for what runs as one, 0 for what is off.
        requests_per_hour: calls it answers.
        busy: part of its capacity at work, in permille: GPU where it has one, else CPU.
        last_activity: last hour somebody used it, None if never in memory.
    """

    entity: Entity
    created_at: datetime
    is_running: bool
    replicas: int
    requests_per_hour: int
    busy: int
    last_activity: datetime | None


def recent(at: datetime) -> Span:
    """Give the whole days to simulate so that the state at an instant is known."""
    day = hour_of(at) // DAY
    return Span(first=(day - LOOKED_BACK) * DAY, end=(day + 1) * DAY)


def states(scene: Scene, at: datetime) -> list[State]:
    """Give everything that exists at an instant; the scene spans `recent(at)`."""
    hour = hour_of(at) - scene.span.first
    alone = ((entity, np.ones(len(scene.span), dtype=np.int64)) for entity in entities(scene))
    found = (_state(scene, entity, counts, hour) for entity, counts in (*alone, *_clustered(scene)))
    return [state for state in found if state is not None]


def _clustered(scene: Scene) -> Iterator[tuple[Entity, Ints]]:
    """Give namespaces, workloads and nodes of the clusters, with their number per hour."""
    span, ones = scene.span, np.ones(len(scene.span), dtype=np.int64)
    seen: set[str] = set()
    for workload in kubernetes.workloads():
        name = workload.entity.parent
        if name not in seen:
            seen.add(name)
            yield namespace(name, workload.entity), ones
        entity = replace(workload.entity, use=used(scene.seed, workload, span.end - 1))
        yield entity, scene.replicas(entity.name, workload.wanted(span), span)
    for guest in guests():
        yield guest.entity, scene.controls.replicas(guest.entity.name, ones, span)
    for pull in pull_requests(scene.seed, span):
        yield pull.namespace, ones
    for pool in kubernetes.pools():
        hours = kubernetes.pool_hours(pool, span, scene)
        for node, on in kubernetes.nodes(scene.seed, hours, span):
            yield node, on // 1_000_000


def namespace(name: str, like: Entity) -> Entity:
    """Give the namespace that a workload runs in."""
    return Entity(
        name=name,
        kind="namespace",
        account=like.account,
        region=like.region,
        team=like.team,
        tags={"team": like.team},
        parent=name.partition("/")[0],
    )


def _state(
    scene: Scene,
    entity: Entity,
    counts: Ints,
    hour: int,
) -> State | None:
    now = scene.span.first + hour
    existing = scene.controls.existing(entity, scene.span)
    if not entity.born <= now < entity.gone or (existing is not None and existing[hour] == 0):
        return None
    if entity.kind == "node" and counts[hour] == 0:
        return None
    on = scene.controls.running(entity, scene.span)
    running = counts > 0 if on is None else (counts > 0) & (on > 0)
    if entity.schedule == "office":
        running = running & (at_work(scene.span) > 0)
    shape = np.where(running, load(entity.use.load, scene.span), 0)
    shape = np.where(scene.span.hours < entity.use.until, shape, 0)
    return State(
        entity=entity,
        created_at=instant_of(entity.born),
        is_running=bool(running[hour]),
        replicas=int(counts[hour]) if running[hour] else 0,
        requests_per_hour=int(entity.use.requests_per_hour * shape[hour] // 1000),
        busy=entity.use.busy if shape[hour] else 0,
        last_activity=_last_activity(entity, shape[: hour + 1], scene.span),
    )


def _last_activity(entity: Entity, shape: Ints, span: Span) -> datetime | None:
    if not entity.use.busy and not entity.use.requests_per_hour:
        return None
    used = np.flatnonzero(shape)
    if used.size:
        return instant_of(span.first + int(used[-1]))
    return instant_of(entity.use.until) if entity.use.until < span.first else None
