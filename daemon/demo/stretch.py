"""Whole hours of one cluster, with who ran in them and how hard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daemon.demo.dice import Ints
from daemon.demo.hours import instant_of
from daemon.demo.kubernetes import Workload
from daemon.demo.levels import level
from daemon.demo.naming import pod_name, pod_uid
from daemon.demo.placing import HOUR, Placed, Pod
from daemon.demo.usage import Scene
from domain.charge import INSTANT

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch of whole hours of one cluster.

    Attributes:
        scene: the month that it is part of.
        cluster: its name.
        pools: the cluster's pools, placed over that month.
        first, end: the hours, counted from 1970.
    """

    scene: Scene
    cluster: str
    pools: Sequence[Placed]
    first: int
    end: int

    @property
    def window(self) -> slice:
        """Give the hours as a part of the month's."""
        return slice(self.first - self.scene.span.first, self.end - self.scene.span.first)

    @cached_property
    def hours(self) -> Ints:
        """Give every hour."""
        return np.arange(self.first, self.end, dtype=np.int64)

    @cached_property
    def instants(self) -> pl.Series:
        """Give every hour as an instant."""
        return pl.Series("hour", [instant_of(int(hour)) for hour in self.hours], dtype=INSTANT)

    @cached_property
    def pods(self) -> list[Pod]:
        """Give the pods that ran."""
        low, high = self.first * HOUR, self.end * HOUR
        return [pod for placed in self.pools for pod in placed.pods if pod.start < high and pod.end > low]

    @cached_property
    def names(self) -> list[str]:
        """Name the pods."""
        return [pod_name(pod) for pod in self.pods]

    @cached_property
    def uids(self) -> list[str]:
        """Give the uids of the pods."""
        return [pod_uid(pod) for pod in self.pods]

    @cached_property
    def nodes(self) -> list[str]:
        """Name the nodes of the pods."""
        return [self._node_names[pod.pool.name, pod.slot] for pod in self.pods]

    @cached_property
    def _node_names(self) -> dict[tuple[str, int], str]:
        return {
            (placed.pool.name, slot): node.name
            for placed in self.pools
            for slot, (node, _) in enumerate(placed.nodes)
        }

    @cached_property
    def seconds(self) -> Floats:
        """Give the seconds that each pod ran in each hour."""
        starts = np.array([pod.start for pod in self.pods], dtype=np.int64)[:, None]
        ends = np.array([pod.end for pod in self.pods], dtype=np.int64)[:, None]
        hours = self.hours[None, :] * HOUR
        alive = np.minimum(ends, hours + HOUR) - np.maximum(starts, hours)
        seconds: Floats = np.clip(alive, 0, HOUR).astype(np.float64)
        return seconds

    @cached_property
    def levels(self) -> Floats:
        """Give how busy each pod is in each hour; 1 is as busy as it was made for."""
        of: dict[Workload, Ints] = {}
        for pod in self.pods:
            if pod.workload not in of:
                of[pod.workload] = level(self.scene, pod.workload)[self.window]
        levels: Floats = np.array([of[pod.workload] for pod in self.pods], dtype=np.float64) / 1000
        return levels.reshape(len(self.pods), len(self.hours))

    def each(self, value: Callable[[Workload], float]) -> Floats:
        """Give a figure of every pod's workload."""
        return np.array([value(pod.workload) for pod in self.pods], dtype=np.float64)
