"""Which pod is on which node, and since when: what a scheduler does, from the first of a month on.

Every month begins with new machines, so a month is placed by itself: hour by hour pods come, go with
their nodes, are rolled out anew, and stay where they are otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from daemon.demo import dice
from daemon.demo.dice import Ints
from daemon.demo.entities import Entity
from daemon.demo.hours import Span, day_of
from daemon.demo.kubernetes import Pool, PoolHours, Workload, nodes, pool_hours
from daemon.demo.riders import riders
from daemon.demo.seasons import office_factor
from daemon.demo.usage import Scene

HOUR = 3600
"""Seconds in an hour."""

_SYSTEM = frozenset({"platform"})
"""Teams whose workloads are rolled out rarely."""

_ABANDONED_BUSY = 20
"""A workload that does less than this (permille) has nobody who would release it anew."""


@dataclass(slots=True, kw_only=True)
class Pod:
    """One pod on its node.

    Attributes:
        workload: what it belongs to.
        pool: whose node it is on.
        slot: which of the pool's nodes.
        number: place among the pods of its workload, as a StatefulSet counts.
        start, end: seconds since 1970 between which it ran; `end` may move until it is over.
    """

    workload: Workload
    pool: Pool
    slot: int
    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A pool's nodes and pods over a month: `nodes` with the hours in which each is on."""

    pool: Pool
    nodes: tuple[tuple[Entity, Ints], ...]
    pods: tuple[Pod, ...]


def placed(scene: Scene, pool: Pool) -> Placed:
    """Place the pods of a pool over the scene's month."""
    hours = pool_hours(pool, scene.span, scene)
    machines = tuple((node, on // 1_000_000) for node, on in nodes(scene.seed, hours, scene.span))
    own = _Pool(scene=scene, hours=hours)
    return Placed(
        pool=pool,
        nodes=machines,
        pods=(*own.run(), *_riding(scene, pool, [on for _, on in machines])),
    )


def _riding(scene: Scene, pool: Pool, on: Iterable[Ints]) -> Iterator[Pod]:
    """Give the pods that are there as long as their node is."""
    for slot, running in enumerate(on):
        for rider in riders():
            if not rider.rides(pool, slot):
                continue
            ones = np.ones(len(scene.span), dtype=np.int64)
            wanted = scene.controls.replicas(rider.workload.entity.name, ones, scene.span)
            for first, end in _runs((running > 0) & (wanted > 0)):
                yield Pod(
                    workload=rider.workload,
                    pool=pool,
                    slot=slot,
                    number=0,
                    start=(scene.span.first + first) * HOUR + 15,
                    end=(scene.span.first + end) * HOUR,
                )


def _runs(on: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Iterator[tuple[int, int]]:
    """Give the first index and the one after the last of every stretch that is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


@dataclass(slots=True, kw_only=True)
class _Pool:
    """A pool on its way through a month."""

    scene: Scene
    hours: PoolHours
    alive: list[Pod] = field(default_factory=list)
    over: list[Pod] = field(default_factory=list)

    def run(self) -> list[Pod]:
        """Go through the hours in which anything changes."""
        span, pool = self.scene.span, self.hours.pool
        unit = "gpus" if pool.gpus else "cpu_m"
        counts = {w: share // getattr(w, unit) for w, share in self.hours.shares}
        releases = {w: _releases(self.scene.seed, w, span) for w in counts}
        changes = [np.flatnonzero(np.diff(one)) + 1 for one in (self.hours.nodes, *counts.values())]
        released = [np.array(sorted(found), dtype=np.int64) for found in releases.values()]
        waiting = False
        moments = set(np.concatenate([[0], *changes, *released]).tolist())
        for hour in range(len(span)):
            if hour in moments or waiting:
                wanted = {workload: int(count[hour]) for workload, count in counts.items()}
                waiting = self._settle(span.first + hour, int(self.hours.nodes[hour]), wanted)
                for workload, found in releases.items():
                    if hour in found:
                        self._release(workload, span.first + hour, found[hour])
        self._end(self.alive, span.end * HOUR)
        return [pod for pod in self.over if pod.start < pod.end]

    def _release(self, workload: Workload, hour: int, second: int) -> None:
        """Replace the pods of a workload, each on its node, in the middle of an hour."""
        old = [pod for pod in self.alive if pod.workload is workload]
        self._end(old, hour * HOUR + second)
        self.alive += [replace(pod, start=hour * HOUR + second + 25, end=0) for pod in old]

    def _end(self, pods: list[Pod], second: int) -> None:
        gone = {id(pod) for pod in pods}
        for pod in pods:
            pod.end = second
        self.over += pods
        self.alive = [pod for pod in self.alive if id(pod) not in gone]

    def _settle(self, hour: int, count: int, wanted: dict[Workload, int]) -> bool:
        """Let pods go and come; tell whether one found no room and waits."""
        self._end([pod for pod in self.alive if pod.slot >= count], hour * HOUR)
        missing: list[tuple[Workload, int]] = []
        for workload, number in wanted.items():
            mine = sorted((p for p in self.alive if p.workload is workload), key=lambda p: (p.slot, p.start))
            self._end(mine[number:], hour * HOUR)
            taken = {pod.number for pod in mine[:number]}
            free = (n for n in range(number + len(taken)) if n not in taken)
            missing += [(workload, next(free)) for _ in range(number - len(taken))]
        missing.sort(key=lambda one: (_size(one[0]), one[0].entity.name, one[1]), reverse=True)
        if not self._place(hour, count, missing):
            return False
        return self._pack_anew(hour, count, missing)

    def _place(self, hour: int, count: int, missing: list[tuple[Workload, int]]) -> bool:
        """Put pods where there is room; those that were placed leave the list. True: some are left."""
        room = _Room.of(self.hours.pool, count, self.alive)
        for workload, number in tuple(missing):
            slot = room.take(workload)
            if slot is not None:
                self.alive.append(self._pod(workload, slot, number, hour))
                missing.remove((workload, number))
        return bool(missing)

    def _pack_anew(self, hour: int, count: int, missing: list[tuple[Workload, int]]) -> bool:
        """Move pods so that all find room, the largest first; those that can stay do."""
        room = _Room.of(self.hours.pool, count, [])
        everybody: list[tuple[Workload, int, Pod | None]]
        everybody = [(pod.workload, pod.number, pod) for pod in self.alive]
        everybody += [(workload, number, None) for workload, number in missing]
        everybody.sort(key=lambda one: (_size(one[0]), one[0].entity.name, one[1]), reverse=True)
        found = [(workload, number, pod, room.take(workload)) for workload, number, pod in everybody]
        if any(slot is None for *_, slot in found):
            return True
        self._end([pod for *_, pod, slot in found if pod is not None and pod.slot != slot], hour * HOUR)
        self.alive += [
            self._pod(workload, slot, number, hour)
            for workload, number, pod, slot in found
            if slot is not None and (pod is None or pod.slot != slot)
        ]
        return False

    def _pod(self, workload: Workload, slot: int, number: int, hour: int) -> Pod:
        # Pulling the image takes a while, longer for what needs a GPU.
        delay = dice.between(20, 180 if workload.gpus else 60, "pull", workload.entity.name, number, hour)
        start = hour * HOUR + delay
        return Pod(workload=workload, pool=self.hours.pool, slot=slot, number=number, start=start, end=0)


@dataclass(frozen=True, slots=True)
class _Room:
    """What is left on each node: millicores, MiB, devices."""

    left: list[list[int]]

    @classmethod
    def of(cls, pool: Pool, count: int, pods: Iterable[Pod]) -> _Room:
        room = cls([[pool.cpu_m, pool.memory_mi, pool.gpus] for _ in range(count)])
        for slot in range(count):
            for rider in riders():
                if not rider.is_agent and rider.rides(pool, slot):
                    room._put(slot, rider.workload)
        for pod in pods:
            room._put(pod.slot, pod.workload)
        return room

    def take(self, workload: Workload) -> int | None:
        """Take room on the first node that has it."""
        need = _size(workload)
        for slot, left in enumerate(self.left):
            if need[1] <= left[0] and need[2] <= left[1] and need[0] <= left[2]:
                self._put(slot, workload)
                return slot
        return None

    def _put(self, slot: int, workload: Workload) -> None:
        gpus, cpu, memory = _size(workload)
        left = self.left[slot]
        left[0], left[1], left[2] = left[0] - cpu, left[1] - memory, left[2] - gpus


def _size(workload: Workload) -> tuple[int, int, int]:
    return (workload.gpus, workload.cpu_m, workload.memory_mi)


def _releases(seed: int, workload: Workload, span: Span) -> dict[int, int]:
    """Give the hours of the span at which a workload is rolled out anew, with the second of the hour."""
    if workload.entity.kind == "job" or workload.entity.use.busy < _ABANDONED_BUSY:
        return {}
    name = workload.entity.name
    permille = 25 if workload.entity.team in _SYSTEM or workload.gpus else 160
    found = {}
    for day in range(span.first_day, span.end_day):
        at_work = day_of(day).weekday() < 5 and office_factor(day_of(day)) == 1000
        if at_work and dice.chance(permille, seed, "release", name, day):
            hour = day * 24 + dice.between(8, 15, seed, "release-hour", name, day) - span.first
            found[hour] = dice.between(300, 3300, seed, "release-second", name, day)
    return found
