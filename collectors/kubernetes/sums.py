"""The hours as observed so far: seconds and requests of nodes and pods, added up slice by slice. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from collectors.kubernetes.kept import Kept
from domain.usage import HOUR


@dataclass(slots=True, kw_only=True)
class NodeSum:
    """A node's hour: how long it was seen, and what it offered when it was last seen."""

    node: str
    provider_id: str
    labels: dict[str, str]
    cpu: float
    memory: float
    gpus: float
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class PodSum:
    """A pod's hour on a node: how long it ran, and its requests over that time."""

    node: str
    namespace: str
    pod: str
    uid: str
    workload_kind: str
    workload: str
    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0


@dataclass(slots=True, kw_only=True)
class VolumeSum:
    """A volume's hour: its size when last seen, and the pods that held it."""

    volume: str
    volume_id: str
    claim: str
    namespace: str
    size: float
    pods: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An object as it was when it was last seen."""

    kind: str
    kept: Kept
    at: datetime


@dataclass(slots=True, kw_only=True)
class HourSum:
    """One hour.

    Attributes:
        seconds: how much of it was observed.
        nodes, pods, volumes: by what tells them apart.
        quotas: hard and used by `namespace/resource`.
        objects: by uid, what is new or changed, and what ended.
        notes: what is to be said of it.
    """

    seconds: float = 0.0
    nodes: dict[str, NodeSum] = field(default_factory=dict)
    pods: dict[str, PodSum] = field(default_factory=dict)
    volumes: dict[str, VolumeSum] = field(default_factory=dict)
    quotas: dict[str, list[float]] = field(default_factory=dict)
    objects: dict[str, Seen] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say a thing once."""
        if text not in self.notes:
            self.notes.append(text)


def hour_of(at: datetime) -> datetime:
    """Give the start of the hour of an instant."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def slices(start: datetime, end: datetime) -> Iterator[tuple[datetime, float]]:
    """Cut a time into its hours: the hour, and how many seconds lie in it."""
    at = start
    while at < end:
        hour = hour_of(at)
        upto = min(hour + HOUR, end)
        yield hour, (upto - at) / timedelta(seconds=1)
        at = upto
