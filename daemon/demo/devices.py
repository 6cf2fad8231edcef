"""What the GPUs of the clusters do: whole ones, slices, shared ones, and one that nobody measures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
import polars as pl

from daemon.demo import dice
from daemon.demo.hours import instant_of
from daemon.demo.kubernetes import Pool
from daemon.demo.placing import HOUR, Pod
from daemon.demo.stretch import Floats, Stretch
from domain.usage import DEVICE_HOURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A model of GPU: its memory in MiB and its power limit in W."""

    model: str
    memory: int
    watts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What one pod can hold of a GPU: all of it, a slice, or a turn.

    Attributes:
        share: part of the device.
        sharing: `mig`, `time-slicing`, or None for the whole device.
        profile: of a MIG slice.
        memory: MiB of a slice; 0 for all that the card has.
        instance: number of a slice on its device.
    """

    share: float = 1.0
    sharing: str | None = None
    profile: str | None = None
    memory: int = 0
    instance: str | None = None


CARDS = {
    "gpu-inference": Card(model="NVIDIA A10G", memory=23028, watts=300),
    "gpu-notebooks": Card(model="Tesla T4", memory=15360, watts=70),
    "a100": Card(model="NVIDIA A100-SXM4-40GB", memory=40960, watts=400),
    "l4": Card(model="NVIDIA L4", memory=23034, watts=72),
}
"""Which GPU the nodes of a pool have."""

_SEATS = {
    ("ml-train", "a100", 0): (
        Seat(share=4 / 7, sharing="mig", profile="4g.20gb", memory=20096, instance="1"),
        Seat(share=2 / 7, sharing="mig", profile="2g.10gb", memory=9856, instance="3"),
        Seat(share=1 / 7, sharing="mig", profile="1g.5gb", memory=4864, instance="13"),
    ),
    ("prod-eu", "gpu-notebooks", 1): (
        Seat(share=0.5, sharing="time-slicing"),
        Seat(share=0.5, sharing="time-slicing"),
    ),
}

UNMEASURED = frozenset({("ml-train", "l4", 0)})
"""Nodes on which the exporter of GPU metrics does not run: their GPUs are unknown, not idle."""


def seats(pool: Pool, slot: int) -> tuple[Seat, ...]:
    """Give what pods can hold of the GPU of a node; none where it has none."""
    return _SEATS.get((pool.cluster, pool.name, slot), (Seat(),)) if pool.gpus else ()


def share(pod: Pod) -> float:
    """Give the part of its node's GPU that a pod holds; 0 for most pods."""
    found = _seat(pod)
    return 0.0 if found is None else seats(pod.pool, pod.slot)[found].share


def _seat(pod: Pod) -> int | None:
    if pod.workload.gpus:
        return 0
    return 1 if pod.workload.gpu_mib else None  # a guest, beside whoever holds the first


@lru_cache(maxsize=4096)
def device_of(node: str) -> str:
    """Give the UUID of a node's GPU."""
    raw = f"{dice.number('gpu', node):016x}{dice.number('gpu2', node):016x}"
    return f"GPU-{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A pod on a GPU: its names, and per hour its seconds, what the GPU does for it, and what it is asked."""

    pod: Pod
    name: str
    uid: str
    seconds: Floats
    activity: Floats
    requests: Floats | None


def device_hours(stretch: Stretch) -> pl.DataFrame:
    """Give what GPUs did."""
    on_node: dict[tuple[str, int], list[_Held]] = defaultdict(list)
    for index, pod in enumerate(stretch.pods):
        if share(pod):
            on_node[pod.pool.name, pod.slot].append(_held(stretch, index))
    rows: list[dict[str, object]] = []
    for placed in stretch.pools:
        for slot, (node, on) in enumerate(placed.nodes if placed.pool.gpus else ()):
            if (stretch.cluster, placed.pool.name, slot) not in UNMEASURED:
                gpu = _Gpu(pool=placed.pool, slot=slot, node=node.name, held=on_node[placed.pool.name, slot])
                for hour in np.flatnonzero(on[stretch.window]).tolist():
                    rows += gpu.rows(hour, instant_of(stretch.first + hour))
    return pl.DataFrame(rows, schema=DEVICE_HOURS)


def _held(stretch: Stretch, index: int) -> _Held:
    pod, work = stretch.pods[index], stretch.pods[index].workload
    key = dice.number("gpu", work.entity.name, pod.number, pod.slot) % 2**40
    drawn = dice.noise(stretch.scene.seed, stretch.hours + key, 80) / 1000
    asked = work.entity.use.requests_per_hour / max(work.replicas, 1) * stretch.levels[index]
    return _Held(
        pod=pod,
        name=stretch.names[index],
        uid=stretch.uids[index],
        seconds=stretch.seconds[index],
        activity=np.minimum(work.entity.use.busy / 1000 * stretch.levels[index] * drawn, 0.98),
        # What runs at once, when an answer takes two seconds and calls come in bursts.
        requests=np.ceil(asked / 3600 * 2 * 3) if work.entity.kind == "deployment" else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gpu:
    """The GPU of one node, with the pods that held any of it."""

    pool: Pool
    slot: int
    node: str
    held: list[_Held]

    def rows(self, hour: int, instant: datetime) -> Iterator[dict[str, object]]:
        """Give who held what in an hour, and what was free."""
        present = [one for one in self.held if one.seconds[hour] > 0]
        for number, seat in enumerate(seats(self.pool, self.slot)):
            mine = [one for one in present if _seat(one.pod) == number]
            # Where pods take turns, what is measured is the device as a whole.
            common = self._seat(seat) | {"hour": instant}
            for one in mine:
                shown = present if seat.sharing == "time-slicing" else [one]
                yield common | _holder(one, hour) | self._measured(seat, shown, hour)
            left = HOUR - sum(float(one.seconds[hour]) for one in mine)
            if left > 0:
                shown = present if seat.sharing == "time-slicing" else []
                yield common | {"seconds": left} | self._measured(seat, shown, hour)

    def _seat(self, seat: Seat) -> dict[str, object]:
        card = CARDS[self.pool.name]
        return {
            "cluster": self.pool.cluster,
            "node": self.node,
            "device": device_of(self.node),
            "model": card.model,
            "profile": seat.profile,
            "instance": seat.instance,
            "sharing": seat.sharing,
            "share": seat.share,
            "memory_total_mib": float(seat.memory or card.memory),
            "xid": 0.0,
        }

    def _measured(self, seat: Seat, holders: list[_Held], hour: int) -> dict[str, object]:
        card = CARDS[self.pool.name]
        activity = min(sum(float(one.activity[hour]) for one in holders), 0.98)
        memory = sum(one.pod.workload.gpu_mib for one in holders)
        asleep = 0.3 if memory else 0.12  # a card that holds memory does not go to sleep
        part = seat.share if seat.sharing == "mig" else 1.0
        return {
            "activity": activity,
            # A GPU at work is all at work for a moment at least; an idle one never is.
            "activity_max": min(0.99, max(activity * 1.2, 0.55)) if activity > 0 else 0.0,
            "tensor": activity * 0.45,
            "memory_used_mib": float(min(memory + 3, seat.memory or card.memory)),
            "power_watts": card.watts * (asleep + 0.6 * activity) * part,
        }


def _holder(one: _Held, hour: int) -> dict[str, object]:
    return {
        "namespace": one.pod.workload.namespace,
        "pod": one.name,
        "uid": one.uid,
        "seconds": float(one.seconds[hour]),
        "requests": None if one.requests is None else float(one.requests[hour]),
    }
