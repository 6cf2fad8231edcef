"""What the pods of the clusters request and use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from daemon.demo import dice
from daemon.demo.devices import share
from daemon.demo.dice import Ints
from daemon.demo.kubernetes import Workload
from daemon.demo.naming import kind_of, short
from daemon.demo.placing import HOUR
from daemon.demo.stretch import Floats, Stretch
from domain.usage import POD_HOURS, STEP

_STEPS = int(HOUR // STEP.total_seconds())
_GIB_A_REQUEST = 12 / 1024**2
_CHATTER_GIB = 0.0004
"""What a pod sends in an hour when nobody talks to it: health checks, metrics."""

_HOST_NETWORK = frozenset({"kube-proxy", "aws-node", "node-exporter"})
"""Workloads whose traffic is their node's, so that nobody can tell how much is theirs."""


def pod_hours(stretch: Stretch) -> pl.DataFrame:
    """Give what pods requested and used."""
    rows = _Rows.of(stretch)
    if not len(rows.pod):
        return pl.DataFrame(schema=POD_HOURS)
    part = rows.alive / HOUR
    held = rows.each(np.array([share(pod) for pod in stretch.pods]))
    figures: dict[str, Floats] = {"alive_seconds": rows.alive, "gpu_request_hours": held * part}
    for name, request, used in (
        ("cpu", stretch.each(lambda w: w.cpu_m / 1000), _cpu(rows)),
        ("memory", stretch.each(lambda w: w.memory_mi / 1024), _memory(rows)),
    ):
        asked = rows.each(request)
        steps = asked[:, None] * used
        figures[f"{name}_request_hours"] = asked * part
        figures[f"{name}_used_hours"] = steps.mean(axis=1) * part
        figures[f"{name}_hours"] = np.maximum(steps, asked[:, None]).mean(axis=1) * part
    return (
        _who(stretch)[rows.pod]
        .with_columns(
            stretch.instants[rows.hour],
            *(pl.Series(name, values) for name, values in figures.items()),
            egress_gib=pl.when("is_host").then(None).otherwise(pl.Series(_sent(rows) * part)),
        )
        .select(POD_HOURS.names())
    )


def _who(stretch: Stretch) -> pl.DataFrame:
    """Give what does not change of every pod."""
    works = [pod.workload for pod in stretch.pods]
    return pl.DataFrame(
        {
            "cluster": [stretch.cluster] * len(works),
            "node": stretch.nodes,
            "namespace": [work.namespace for work in works],
            "pod": stretch.names,
            "uid": stretch.uids,
            "workload_kind": [kind_of(work) for work in works],
            "workload": [short(work) for work in works],
            "is_host": [short(work) in _HOST_NETWORK for work in works],
        }
    )


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """One row per pod and hour: which pod, which hour of the stretch, for how many seconds."""

    stretch: Stretch
    pod: Ints
    hour: Ints
    alive: Floats

    @classmethod
    def of(cls, stretch: Stretch) -> _Rows:
        pod, hour = np.nonzero(stretch.seconds)
        return cls(stretch=stretch, pod=pod, hour=hour, alive=stretch.seconds[pod, hour])

    @property
    def level(self) -> Floats:
        return self.stretch.levels[self.pod, self.hour]

    def each(self, of_pods: Floats) -> Floats:
        return of_pods[self.pod]

    def drawn(self, what: str, width: int) -> Floats:
        """Draw a factor per row and step."""
        keys = np.array(
            [
                dice.number(what, pod.workload.entity.name, pod.number, pod.slot) % 2**40
                for pod in self.stretch.pods
            ],
            dtype=np.int64,
        )
        hours = self.stretch.hours[self.hour]
        ticks = (keys[self.pod] + hours * _STEPS)[:, None] + np.arange(_STEPS)[None, :]
        return dice.noise(self.stretch.scene.seed, ticks, width) / 1000


def _cpu(rows: _Rows) -> Floats:
    """Give CPU used per step, as part of the request."""
    busy = rows.each(rows.stretch.each(lambda w: w.cpu_used / 1000))
    return (busy * (0.03 + 0.97 * rows.level))[:, None] * rows.drawn("cpu", 220)


def _memory(rows: _Rows) -> Floats:
    """Give memory used per step, as part of the request: caches stay when nobody asks for anything."""
    busy = rows.each(rows.stretch.each(lambda w: w.memory_used / 1000))
    return (busy * (0.8 + 0.2 * np.minimum(rows.level, 1)))[:, None] * rows.drawn("memory", 25)


def _sent(rows: _Rows) -> Floats:
    """Give what a pod sends in an hour."""
    return rows.each(rows.stretch.each(_gib)) * rows.level + _CHATTER_GIB


def _gib(workload: Workload) -> float:
    return workload.entity.use.requests_per_hour * _GIB_A_REQUEST / max(workload.replicas, 1)
