"""The clusters of the demo company, hour by hour, as `domain.usage` has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import polars as pl

from daemon.demo.cluster_objects import objects
from daemon.demo.devices import device_hours
from daemon.demo.holdings import quota_hours, volume_hours
from daemon.demo.hours import Span, hour_of
from daemon.demo.kubernetes import pools
from daemon.demo.machines import node_hours
from daemon.demo.placing import Placed, placed
from daemon.demo.pod_hours import pod_hours
from daemon.demo.stretch import Stretch
from daemon.demo.usage import Scene
from domain.errors import UsageError
from domain.window import month_of

_FRAMES: Mapping[str, Callable[[Stretch], pl.DataFrame]] = MappingProxyType(
    {
        "node_hours": node_hours,
        "pod_hours": pod_hours,
        "device_hours": device_hours,
        "volume_hours": volume_hours,
        "quota_hours": quota_hours,
        "objects": objects,
    }
)

_KEPT = 4


class Clusters:
    """The clusters of one world; months that were placed once are remembered."""

    def __init__(self, scene: Callable[[Span, datetime], Scene]) -> None:
        self._scene = scene
        self._placed: dict[tuple[object, ...], tuple[Scene, tuple[Placed, ...]]] = {}

    @staticmethod
    def names() -> tuple[str, ...]:
        """Name the clusters."""
        return tuple(dict.fromkeys(pool.cluster for pool in pools()))

    def usage(self, cluster: str, start: datetime, end: datetime) -> dict[str, pl.DataFrame]:
        """Give the frames of whole hours of one UTC day.

        Raises:
            UsageError: no such cluster, or the hours are not of one day.
        """
        if cluster not in self.names():
            raise UsageError(
                f"the demo company has no cluster {cluster!r}", hint=f"use one of {', '.join(self.names())}"
            )
        first, until = hour_of(start), hour_of(end)
        if start >= end or start.date() != (end - timedelta(microseconds=1)).date():
            raise UsageError(f"{start:%Y-%m-%d %H:%M}Z to {end:%Y-%m-%d %H:%M}Z are not hours of one day")
        scene, found = self._month(cluster, start, end)
        stretch = Stretch(scene=scene, cluster=cluster, pools=found, first=first, end=until)
        return {name: frame(stretch) for name, frame in _FRAMES.items()}

    def _month(self, cluster: str, start: datetime, end: datetime) -> tuple[Scene, tuple[Placed, ...]]:
        """Give the month that hours are of, with what was done before they ended."""
        scene = self._scene(Span.of_month(month_of(start)), end)
        key = (cluster, scene.span.first, scene.actions)
        if key not in self._placed:
            while len(self._placed) >= _KEPT:
                del self._placed[next(iter(self._placed))]
            own = (pool for pool in pools() if pool.cluster == cluster)
            self._placed[key] = (scene, tuple(placed(scene, pool) for pool in own))
        return self._placed[key]
