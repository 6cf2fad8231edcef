"""How much of everything is used, per hour: lives, loads, incidents and actions in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from daemon.demo import dice, kubernetes
from daemon.demo.actions import Action
from daemon.demo.churn import forgotten
from daemon.demo.company import ACCOUNT
from daemon.demo.controls import WHOLE, Controls
from daemon.demo.dice import Ints
from daemon.demo.entities import Entity, Meter, Metered
from daemon.demo.fleet import standing
from daemon.demo.happening import Happening
from daemon.demo.hours import Span, day_of
from daemon.demo.previews import environment, pull_requests
from daemon.demo.seasons import load, office_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that decides what is used in a span.

    Attributes:
        seed: of the world.
        span: which hours.
        happening: events that touch the span.
        controls: what recorded actions did.
        actions: those actions, so that two scenes can be told apart.
    """

    seed: int
    span: Span
    happening: Happening
    controls: Controls
    actions: tuple[Action, ...] = ()

    def replicas(self, name: str, wanted: Ints, span: Span) -> Ints:
        """Give the pods of a workload: events first, then people have the last word."""
        return self.controls.replicas(name, self.happening.replicas(name, wanted, span), span)


def entities(scene: Scene) -> Iterator[Entity]:
    """Give everything that exists in a span, nodes of clusters left out: pools make those."""
    yield from standing(scene.seed)
    for pull in pull_requests(scene.seed, scene.span):
        yield from environment(pull)
    yield from forgotten(scene.seed, scene.span)
    yield from scene.happening.spawned()


def metered(scene: Scene, provider: str) -> list[Metered]:
    """Give all that a provider meters in a span, in a fixed order."""
    found = [
        Metered(entity=entity, sku=meter.sku, quantity=quantity, tags=entity.tags)
        for entity in entities(scene)
        if entity.provider == provider and entity.born < scene.span.end
        for meter in entity.meters
        if (quantity := used(scene, entity, meter)).any()
    ]
    for pool in kubernetes.pools():
        if ACCOUNT[pool.account].provider == provider:
            found += _pool(scene, pool)
    return found


def used(scene: Scene, entity: Entity, meter: Meter) -> Ints:
    """Give what an entity uses of one meter, in millionths of a pricing unit per hour."""
    span = scene.span
    held = "monthly" in meter.sku.traits
    quantity = np.where((span.hours >= entity.born) & (span.hours < entity.gone), meter.amount, 0)
    if meter.load != "steady":
        quantity = quantity * load(meter.load, span) // 1000
    if entity.schedule == "office" and not held:
        quantity = quantity * at_work(span)
    if meter.noise:
        key = dice.number(scene.seed, "noise", entity.name, meter.sku.key)
        quantity = quantity * dice.noise(key, span.days, meter.noise) // 1000
    factor = scene.happening.factor(entity, meter, span)
    if factor is not None:
        quantity = quantity * factor // 1000
    on = (scene.controls.existing if held else scene.controls.running)(entity, span)
    if on is not None:
        quantity = quantity * on // WHOLE
    return quantity // len(span) if held else quantity


@lru_cache(maxsize=32)
def at_work(span: Span) -> Ints:
    """Give 1 in the hours at which machines for working hours run, else 0."""
    days = [office_factor(day_of(number)) == 1000 for number in range(span.first_day, span.end_day)]
    working = np.repeat(np.array(days), 24) & (span.weekday < 5)
    return (working & (span.of_day >= 7) & (span.of_day < 19)).astype(np.int64)


def _pool(scene: Scene, pool: kubernetes.Pool) -> Iterator[Metered]:
    """Give what the nodes of a pool cost; Google splits it by workload on the bill itself."""
    hours = kubernetes.pool_hours(pool, scene.span, scene)
    split = ACCOUNT[pool.account].provider == "gcp"
    for entity, on in kubernetes.nodes(scene.seed, hours, scene.span):
        for meter in entity.meters:
            held = "monthly" in meter.sku.traits
            quantity = on * meter.amount // WHOLE
            quantity = quantity // len(scene.span) if held else quantity
            if split and not held:
                yield from _split(hours, entity, meter, quantity)
            else:
                yield Metered(entity=entity, sku=meter.sku, quantity=quantity, tags=entity.tags)


def _split(hours: kubernetes.PoolHours, entity: Entity, meter: Meter, quantity: Ints) -> Iterator[Metered]:
    """Share a node's hours among the pool's workloads; what nobody asked for stays unallocated."""
    left = quantity
    for workload, share in hours.shares:
        part = np.minimum(quantity * share // hours.capacity, left)
        left = left - part
        labels = {**entity.tags, **kubernetes.workload_labels(workload)}
        if part.any():
            yield Metered(entity=entity, sku=meter.sku, quantity=part, tags=labels)
    if left.any():
        labels = {**entity.tags, "k8s-namespace": "kube:unallocated"}
        yield Metered(entity=entity, sku=meter.sku, quantity=left, tags=labels)
