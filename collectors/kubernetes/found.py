"""Objects as the port `Inventory` gives them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from collectors.kubernetes.facts import ClaimFacts, NodeFacts, PodFacts, QuotaFacts, ServiceFacts, VolumeFacts
from collectors.kubernetes.feed import instant
from collectors.kubernetes.kept import Kept
from collectors.kubernetes.kinds import Kind
from domain.resource import Resource, ResourceId

_SCALED = frozenset({"deployment", "replicaset", "statefulset"})


def resource_of(place: str, kind: Kind, kept: Kept, seen_at: datetime) -> Resource:
    """Give a cached object."""
    owner = kept.owner
    return Resource(
        id=ResourceId(place=place, kind=kind.name, namespace=kept.namespace, name=kept.name, uid=kept.uid),
        labels=dict(kept.labels),
        annotations=dict(kept.annotations),
        owners=(_owner_id(place, kept.namespace, owner.kind, owner.name, owner.uid),) if owner else (),
        state=_state(kept),
        created_at=instant(kept.created),
        seen_at=seen_at,
    )


def resource_read(place: str, kind: Kind, found: Mapping[str, Any], seen_at: datetime) -> Resource:
    """Give an object that was just read: with everything its kind's spec and status say of its size."""
    meta = found["metadata"]
    namespace = str(meta.get("namespace") or "")
    owners = [one for one in meta.get("ownerReferences") or () if one.get("controller")]
    return Resource(
        id=ResourceId(place=place, kind=kind.name, namespace=namespace, name=meta["name"], uid=meta["uid"]),
        labels={str(key): str(value) for key, value in (meta.get("labels") or {}).items()},
        annotations={str(key): str(value) for key, value in (meta.get("annotations") or {}).items()},
        owners=tuple(_owner_id(place, namespace, one["kind"], one["name"], one["uid"]) for one in owners),
        state=dict(_read_state(kind, found)),
        created_at=instant(str(meta.get("creationTimestamp") or "")),
        seen_at=seen_at,
    )


def _owner_id(place: str, namespace: str, kind: str, name: str, uid: str) -> ResourceId:
    return ResourceId(place=place, kind=kind.lower(), namespace=namespace, name=name, uid=uid)


def _state(kept: Kept) -> dict[str, Any]:
    facts = kept.facts
    names: tuple[str, ...] = ()
    if isinstance(facts, PodFacts):
        names = ("node", "phase", "cpu", "memory", "devices", "volumes")
    elif isinstance(facts, NodeFacts):
        names = ("provider_id", "cpu", "memory", "gpus")
    elif isinstance(facts, VolumeFacts):
        names = ("volume_id", "size", "claim_namespace", "claim")
    elif isinstance(facts, ClaimFacts):
        names = ("volume", "devices", "holders")
    elif isinstance(facts, QuotaFacts):
        names = ("hard", "used")
    elif isinstance(facts, ServiceFacts):
        names = ("address",)
    return {name: getattr(facts, name) for name in names}


def _read_state(kind: Kind, found: Mapping[str, Any]) -> dict[str, Any]:
    spec, status, meta = (found.get(part) or {} for part in ("spec", "status", "metadata"))
    state: dict[str, Any] = {
        "resource_version": meta.get("resourceVersion"),
        "terminating": bool(meta.get("deletionTimestamp")),
    }
    if kind.name in _SCALED:  # the API leaves numbers out that are 0
        state |= {"replicas": spec.get("replicas", 0), "ready": status.get("readyReplicas", 0)}
    elif kind.name in {"cronjob", "job"}:
        state |= {"suspended": bool(spec.get("suspend")), "active": bool(status.get("active"))}
    elif kind.name == "pod":
        state |= {"node": spec.get("nodeName"), "phase": status.get("phase")}
    elif kind.name == "node":
        state |= {"provider_id": spec.get("providerID"), "unschedulable": bool(spec.get("unschedulable"))}
    elif kind.name == "namespace":
        state |= {"phase": status.get("phase")}
    return state
