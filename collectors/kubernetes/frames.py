"""An observed hour as the frames of `domain.usage`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

import polars as pl

from collectors.kubernetes.devices import model_of
from collectors.kubernetes.feed import instant
from collectors.kubernetes.sums import HourSum, NodeSum, Seen
from domain.charge import TAGS
from domain.usage import FRAMES

_ROWS_AT_ONCE = 2_000
_PAIRS = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))
"""What maps are made from: six times as quick, and a fraction of the memory."""
_TYPE = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
_REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
_SPOT = (
    "karpenter.sh/capacity-type",
    "eks.amazonaws.com/capacityType",
    "cloud.google.com/gke-spot",
    "cloud.google.com/gke-preemptible",
    "cloud.google.com/gke-provisioning",
    "kubernetes.azure.com/scalesetpriority",
    "node.kubernetes.io/lifecycle",
)


def to_usage(cluster: str, at: datetime, hour: HourSum) -> dict[str, pl.DataFrame]:
    """Give the frames of one hour; without Prometheus nothing says what was used, so that is null."""
    place = {"cluster": cluster, "hour": at}
    rows: Mapping[str, Iterator[dict[str, Any]]] = {
        "node_hours": (place | _node(node) for node in hour.nodes.values() if node.seconds),
        "pod_hours": (place | row for row in _pods(hour)),
        "volume_hours": (place | row for row in _volumes(hour)),
        "quota_hours": (place | row for row in _quotas(hour)),
        "objects": (_object(cluster, seen) for seen in hour.objects.values()),
    }
    return {name: _frame(found, FRAMES[name]) for name, found in rows.items()}


def _frame(rows: Iterator[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    """Make a frame piece by piece: rows as Python holds them take many times what columns take."""
    pieces = [pl.DataFrame(schema=schema)]
    listed = {name: _PAIRS if kind == TAGS else kind for name, kind in schema.items()}
    while piece := list(islice(rows, _ROWS_AT_ONCE)):
        pieces.append(pl.DataFrame(piece, schema=listed).cast(schema))
    return pl.concat(pieces)


def _node(node: NodeSum) -> dict[str, Any]:
    labels = node.labels
    return {
        "node": node.node,
        "provider_id": node.provider_id or None,
        "instance_type": _first(labels, _TYPE),
        "region": _first(labels, _REGION),
        "zone": _first(labels, _ZONE),
        "capacity_type": capacity_type(labels),
        "alive_seconds": node.seconds,
        "cpu_cores": node.cpu,
        "memory_gib": node.memory,
        "gpus": node.gpus,
        "gpu_model": (model_of(labels) or None) if node.gpus else None,
    }


def capacity_type(labels: Mapping[str, str]) -> str:
    """Tell spot capacity by the labels of Karpenter, EKS, GKE and AKS; without one it is on-demand."""
    said = {labels[key].lower() for key in _SPOT if key in labels}
    return "spot" if said & {"spot", "true", "preemptible"} else "on-demand"


def _first(labels: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next((labels[key] for key in keys if labels.get(key)), None)


def _pods(hour: HourSum) -> Iterator[dict[str, Any]]:
    for pod in hour.pods.values():
        if pod.seconds:
            yield {
                "node": pod.node,
                "namespace": pod.namespace,
                "pod": pod.pod,
                "uid": pod.uid,
                "workload_kind": pod.workload_kind,
                "workload": pod.workload,
                "alive_seconds": pod.seconds,
                "cpu_request_hours": pod.cpu,
                "cpu_hours": pod.cpu,
                "memory_request_hours": pod.memory,
                "memory_hours": pod.memory,
                "gpu_request_hours": pod.gpu,
            }


def _volumes(hour: HourSum) -> Iterator[dict[str, Any]]:
    for volume in hour.volumes.values():
        for uid in volume.pods or (None,):
            yield {
                "volume": volume.volume,
                "volume_id": volume.volume_id or None,
                "claim": volume.claim or None,
                "namespace": volume.namespace or None,
                "uid": uid,
                "size_gib": volume.size,
            }


def _quotas(hour: HourSum) -> Iterator[dict[str, Any]]:
    for key, (hard, used) in hour.quotas.items():
        namespace, _, resource = key.partition("/")
        yield {"namespace": namespace, "resource": resource, "hard": hard, "used": used}


def _object(cluster: str, seen: Seen) -> dict[str, Any]:
    kept = seen.kept
    return {
        "cluster": cluster,
        "kind": seen.kind,
        "namespace": kept.namespace or None,
        "name": kept.name,
        "uid": kept.uid,
        "labels": [{"key": key, "value": value} for key, value in kept.labels],
        "annotations": [{"key": key, "value": value} for key, value in kept.annotations],
        "address": getattr(kept.facts, "address", None) or None,
        "created_at": instant(kept.created),
        "seen_at": seen.at,
    }
