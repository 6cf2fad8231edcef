"""What ran where, hour by hour: the usage that a cluster's bill is split by.

Every collector of usage gives whole UTC hours in these frames, one row per thing and hour. Amounts
are physical (cores, GiB, seconds, fractions), never money, so they may be floats. Null means that it
was not measured, which is not 0.

How an hour is folded: usage and request are compared in steps of five minutes and the greater counts
(`*_hours`), so that hours add up to days and no average hides a peak.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import polars as pl

from domain.charge import INSTANT, TAGS
from domain.delivery import Coverage

if TYPE_CHECKING:
    from domain.delivery import Cursor

STEP = timedelta(minutes=5)
"""The grid on which request and usage are compared."""

HOUR = timedelta(hours=1)

_TEXT, _NUMBER = pl.String(), pl.Float64()
_PLACE = {"cluster": _TEXT, "hour": INSTANT}

NODE_HOURS = pl.Schema(
    {
        **_PLACE,
        "node": _TEXT,
        "provider_id": _TEXT,
        "instance_type": _TEXT,
        "region": _TEXT,
        "zone": _TEXT,
        "capacity_type": _TEXT,
        "alive_seconds": _NUMBER,
        "cpu_cores": _NUMBER,
        "memory_gib": _NUMBER,
        "gpus": _NUMBER,
        "gpu_model": _TEXT,
    }
)
"""What a node offered: `(cluster, hour, node)` is the key.

`provider_id` is `spec.providerID` as Kubernetes has it (`aws:///eu-central-1a/i-0abc`,
`gce://project/zone/name`, `azure:///subscriptions/…`); `capacity_type` is `spot` or `on-demand`;
`cpu_cores`, `memory_gib` and `gpus` (whole devices) are the node's capacity, not an amount per hour.
"""

POD_HOURS = pl.Schema(
    {
        **_PLACE,
        "node": _TEXT,
        "namespace": _TEXT,
        "pod": _TEXT,
        "uid": _TEXT,
        "workload_kind": _TEXT,
        "workload": _TEXT,
        "alive_seconds": _NUMBER,
        "cpu_request_hours": _NUMBER,
        "cpu_used_hours": _NUMBER,
        "cpu_hours": _NUMBER,
        "memory_request_hours": _NUMBER,
        "memory_used_hours": _NUMBER,
        "memory_hours": _NUMBER,
        "gpu_request_hours": _NUMBER,
        "egress_gib": _NUMBER,
    }
)
"""What a pod held: `(cluster, hour, node, uid)` is the key; another uid is another pod.

CPU in core-hours, memory in GiB-hours, GPU in device-hours (fractions of a device as fractions):
what was requested, what was used, and the greater of the two folded in steps of `STEP`.
`workload` is the top of the owner chain (a Deployment, not its ReplicaSet).
"""

DEVICE_HOURS = pl.Schema(
    {
        **_PLACE,
        "node": _TEXT,
        "device": _TEXT,
        "model": _TEXT,
        "profile": _TEXT,
        "sharing": _TEXT,
        "namespace": _TEXT,
        "pod": _TEXT,
        "uid": _TEXT,
        "share": _NUMBER,
        "seconds": _NUMBER,
        "activity": _NUMBER,
        "activity_max": _NUMBER,
        "tensor": _NUMBER,
        "memory_used_mib": _NUMBER,
        "memory_total_mib": _NUMBER,
        "power_watts": _NUMBER,
        "xid": _NUMBER,
        "requests": _NUMBER,
        "instance": _TEXT,
    }
)
"""What a GPU did, one row per device (or MIG instance) and holder.

Without a holder `pod` and `uid` are null; a holder of which only the name is known has no `uid`.

`device` is the UUID, `profile` a MIG profile such as `3g.40gb`, `instance` the number that tells the
instances of one device apart (null for a whole device); `sharing` is `mig`, `time-slicing`, `mps`,
`hami`, `dra` or null for a whole device. `share` is the part of the physical device that the row
stands for (0 to 1), `seconds` how long in the hour. `activity`, `activity_max` and `tensor` are 0 to 1.
`requests` is the most requests that a model server on it ran at once. Where several holders share a
device, figures of the device as a whole stand on each of their rows: never add them up.
"""

VOLUME_HOURS = pl.Schema(
    {
        **_PLACE,
        "volume": _TEXT,
        "volume_id": _TEXT,
        "claim": _TEXT,
        "namespace": _TEXT,
        "uid": _TEXT,
        "size_gib": _NUMBER,
        "used_gib": _NUMBER,
    }
)
"""Which pod held a persistent volume: `volume_id` is the provider's (`vol-0abc`, a disk's path); `uid` is
null while no pod mounts it."""

OBJECTS = pl.Schema(
    {
        "cluster": _TEXT,
        "kind": _TEXT,
        "namespace": _TEXT,
        "name": _TEXT,
        "uid": _TEXT,
        "labels": TAGS,
        "annotations": TAGS,
        "address": _TEXT,
        "created_at": INSTANT,
        "seen_at": INSTANT,
    }
)
"""What things are called and labelled, newest state first: pods, namespaces, nodes, workloads, Services.

`kind` is lower case (`pod`, `namespace`, `node`, `deployment`, `service`); `address` is the provider's name
or address of a Service's load balancer.
"""

QUOTA_HOURS = pl.Schema(
    {
        **_PLACE,
        "namespace": _TEXT,
        "resource": _TEXT,
        "hard": _NUMBER,
        "used": _NUMBER,
    }
)
"""What a namespace may request and does: `resource` is `cpu` (cores), `memory` (GiB) or `gpu` (devices)."""

FRAMES: Mapping[str, pl.Schema] = MappingProxyType(
    {
        "node_hours": NODE_HOURS,
        "pod_hours": POD_HOURS,
        "device_hours": DEVICE_HOURS,
        "volume_hours": VOLUME_HOURS,
        "quota_hours": QUOTA_HOURS,
        "objects": OBJECTS,
    }
)
"""Every frame of usage by the name of its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageBatch:
    """Whole hours of one cluster, stored at once.

    Attributes:
        source: name from the configuration.
        cluster: the cluster, as configured.
        start, end: the hours that are replaced, `[start, end)`, both whole UTC hours of one day.
        frames: by name of `FRAMES`; one that is left out says nothing and replaces nothing.
        cursor: what the collector gets back at its next fetch, stored in the same commit.
        notes: things worth showing in `status`, e.g. metrics that are absent.
    """

    source: str
    cluster: str
    start: datetime
    end: datetime
    frames: Mapping[str, pl.DataFrame]
    cursor: Cursor = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse frames of another shape: what is stored must be readable for years."""
        for name, frame in self.frames.items():
            if frame.schema != FRAMES[name]:
                raise ValueError(f"{name} of {self.source} has another schema than domain.usage gives it")
        if self.start >= self.end or self.start.date() != (self.end - timedelta(microseconds=1)).date():
            raise ValueError(f"usage of {self.source} must be whole hours of one UTC day")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFetch:
    """What a fetch of usage gives: batches in the order of time, and how far the source reaches.

    Attributes:
        batches: lazily made, in the order of time; each is stored within moments of being given (quick
            ones together), so a fetch that stops midway goes on where it stopped.
        coverage: `delivered_through` is the end of the last whole hour.
        notes: things worth showing in `status`.
    """

    batches: Iterator[UsageBatch]
    coverage: Coverage
    notes: tuple[str, ...] = ()
