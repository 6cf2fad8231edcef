"""Kubernetes objects as the API holds them, with everything but the interesting part filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def at(text: str) -> datetime:
    """Give an instant of the day that tests play on: `at("10:05")`."""
    return datetime.fromisoformat(f"2026-11-20T{text}").replace(tzinfo=UTC)


def stamp(text: str) -> str:
    return at(text).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_namespace(name: str, **labels: str) -> Json:
    return {"metadata": {"name": name, "labels": labels}, "status": {"phase": "Active"}}


def a_node(
    name: str = "node-1",
    *,
    cpu: str = "8",
    memory: str = "32Gi",
    labels: Json | None = None,
    provider_id: str = "aws:///eu-central-1a/i-0abc",
    created: str = "00:00",
    **capacity: str,
) -> Json:
    return {
        "metadata": {"name": name, "labels": labels or {}, "creationTimestamp": stamp(created)},
        "spec": {"providerID": provider_id} if provider_id else {},
        "status": {"capacity": {"cpu": cpu, "memory": memory, **capacity}},
    }


def owned_by(kind: str, name: str, uid: str) -> list[Json]:
    return [{"apiVersion": "v1", "kind": kind, "name": name, "uid": uid, "controller": True}]


def a_pod(
    name: str = "web-1",
    *,
    namespace: str = "shop",
    node: str = "node-1",
    uid: str = "",
    started: str = "08:00",
    ended: str = "",
    phase: str = "Running",
    labels: Json | None = None,
    owners: list[Json] | None = None,
    claims: tuple[str, ...] = (),
    written: str = "",
    **requests: str,
) -> Json:
    """Name requests with `_` for what Python forbids: pass others as `**{"nvidia.com/gpu": "1"}`."""
    meta: Json = {"name": name, "namespace": namespace, "labels": labels or {}}
    meta |= {"creationTimestamp": stamp(started)}
    meta |= {"uid": uid} if uid else {}
    meta |= {"ownerReferences": owners} if owners else {}
    meta |= {"managedFields": [{"manager": "kubelet", "time": stamp(written)}]} if written else {}
    state: Json = {"running": {"startedAt": stamp(started)}}
    if ended:
        state = {"terminated": {"startedAt": stamp(started), "finishedAt": stamp(ended)}}
    statuses = [{"name": "main", "state": state}] if phase != "Pending" else []
    return {
        "metadata": meta,
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "image": "x", "resources": {"requests": requests}}],
            "volumes": [{"name": claim, "persistentVolumeClaim": {"claimName": claim}} for claim in claims],
        },
        "status": {"phase": phase, "startTime": stamp(started), "containerStatuses": statuses},
    }


def owned(kind: str, name: str, namespace: str = "shop", owners: list[Json] | None = None) -> Json:
    """Give a workload object; its kind is where it is stored."""
    meta: Json = {"name": name, "namespace": namespace, "uid": f"{kind.lower()}-{name}"}
    meta |= {"ownerReferences": owners} if owners else {}
    return {"metadata": meta, "spec": {"replicas": 1}}
