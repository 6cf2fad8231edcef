"""A thing that costs money and can be looked at again: here, gone, or not to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceId:
    """Which thing is meant.

    Attributes:
        place: the cluster, or provider and account, as configured.
        kind: lower case, e.g. `deployment`, `namespace`, `ec2`.
        namespace: "" for what is in none.
        name: its name there.
        uid: what tells it from another of the same name; "" where the place has none.
    """

    place: str
    kind: str
    namespace: str
    name: str
    uid: str = ""

    def __str__(self) -> str:
        """Give it as people write it: `prod-eu/deployment/shop/web`."""
        return "/".join(part for part in (self.place, self.kind, self.namespace, self.name) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A thing as it was found.

    Attributes:
        id: which thing.
        labels, annotations: as they stand on it; anybody who may edit it may have written them.
        owners: what owns it, nearest first.
        state: what its kind has beyond that: replicas, phase, provider id, …
        created_at: aware UTC, None if unknown.
        seen_at: when it was read, aware UTC.
    """

    id: ResourceId
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[ResourceId, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """It does not exist, said by somebody who would know."""

    id: ResourceId
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """It could not be told; never taken for gone.

    Attributes:
        id: which thing.
        reason: why not, one sentence.
    """

    id: ResourceId
    reason: str


Found = Resource | Gone | Unknown
