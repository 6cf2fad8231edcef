"""Volumes, quotas, and what things are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from collectors.prometheus import questions as ask
from collectors.prometheus.api import Question
from collectors.prometheus.window import Window, with_uid
from domain.usage import OBJECTS, QUOTA_HOURS, VOLUME_HOURS

_GIB = 2.0**30
_EBS = re.compile(r"vol-[0-9a-f]+")
_NAMES: Mapping[str, str] = {
    name.replace(".", "_").replace("/", "_").replace("-", "_"): name
    for name in (
        *(f"app.kubernetes.io/{part}" for part in ("name", "instance", "component", "part-of", "version")),
        *("app.kubernetes.io/managed-by", "helm.sh/chart", "kubernetes.io/metadata.name"),
        *("kubernetes.io/hostname", "kubernetes.io/arch", "node.kubernetes.io/instance-type"),
        *("topology.kubernetes.io/region", "topology.kubernetes.io/zone", "karpenter.sh/capacity-type"),
        *("karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup", "cloud.google.com/gke-nodepool"),
        *("nvidia.com/gpu.product", "nvidia.com/gpu.sharing-strategy", "nvidia.com/gpu.replicas"),
    )
}
"""Well-known labels by the name that kube-state-metrics gives them; of others the sign cannot be told."""

_QUOTAS = {
    "requests.cpu": "cpu",
    "cpu": "cpu",
    "requests.memory": "memory",
    "memory": "memory",
    "requests.nvidia.com/gpu": "gpu",
    "requests.nvidia.com/gpu.shared": "gpu",
    "requests.amd.com/gpu": "gpu",
}


def quota_hours(window: Window) -> pl.DataFrame:
    """Give `QUOTA_HOURS`: of several quotas of a namespace the one that allows least."""
    found = window.by_hour(ask.QUOTAS).with_columns(
        pl.col("resource").replace_strict(_QUOTAS, default=None, return_dtype=pl.String)
    )
    unit = pl.when(pl.col("resource") == "memory").then(_GIB).otherwise(1.0)
    amount = pl.col("value") / unit
    return (
        found.drop_nulls(["namespace", "resource"])
        .group_by("namespace", "resource", "hour")
        .agg(
            amount.filter(pl.col("type") == "hard").min().alias("hard"),
            amount.filter(pl.col("type") == "used").max().alias("used"),
        )
        .with_columns(pl.lit(window.cluster).alias("cluster"))
        .select(*QUOTA_HOURS.names())
        .cast(QUOTA_HOURS)
        .sort("hour", "namespace", "resource")
    )


def volume_hours(window: Window, running: pl.DataFrame) -> pl.DataFrame:
    """Give `VOLUME_HOURS`: every volume of every hour with each pod that mounted it while it ran."""
    claims = window.by_hour(ask.CLAIMS).select(
        "hour",
        "namespace",
        pl.col("persistentvolumeclaim").alias("claim"),
        pl.col("volumename").alias("volume"),
    )
    claims = claims.unique(["hour", "volume"], keep="first", maintain_order=True)
    known = window.by_hour(ask.VOLUMES).select(
        "hour",
        pl.col("persistentvolume").alias("volume"),
        pl.coalesce(ask.VOLUME_IDS).map_elements(volume_id, return_dtype=pl.String).alias("volume_id"),
    )
    known = known.unique(["hour", "volume"], keep="first", maintain_order=True)
    alive = running.select("uid", pl.col("at").dt.truncate("1h").alias("hour")).unique()
    mounts = (
        with_uid(window.by_hour(ask.MOUNTS))
        .join(alive, on=["uid", "hour"])
        .select("hour", "namespace", pl.col("persistentvolumeclaim").alias("claim"), "uid")
        .unique()
    )
    place = ["hour", "namespace", "claim"]
    sizes = window.by_hour(ask.VOLUME_SIZES).select(
        "hour", pl.col("persistentvolume").alias("volume"), pl.col("value").alias("own")
    )
    return (
        claims.join(known, on=["hour", "volume"], how="full", coalesce=True)
        .join(mounts, on=place, how="left")
        .join(sizes, on=["hour", "volume"], how="left")
        .join(_of_claims(window, ask.CLAIM_SIZES, "asked"), on=place, how="left")
        .join(_of_claims(window, ask.CLAIM_USED, "in_use"), on=place, how="left")
        .with_columns(
            pl.lit(window.cluster).alias("cluster"),
            (pl.coalesce("own", "asked") / _GIB).alias("size_gib"),
            (pl.col("in_use") / _GIB).alias("used_gib"),
        )
        .select(*VOLUME_HOURS.names())
        .cast(VOLUME_HOURS)
        .sort("hour", "volume", "uid")
    )


def _of_claims(window: Window, question: Question, name: str) -> pl.DataFrame:
    found = window.by_hour(question)
    return found.select(
        "hour", "namespace", pl.col("persistentvolumeclaim").alias("claim"), pl.col("value").alias(name)
    )


def volume_id(text: str) -> str:
    """Give the provider's id of a volume: `aws://eu-central-1a/vol-0abc` is `vol-0abc`."""
    found = _EBS.search(text)
    return found[0] if found else text


def objects(window: Window, nodes: Mapping[str, Mapping[str, str]]) -> pl.DataFrame:
    """Give `OBJECTS`: labels of pods, namespaces and nodes, addresses of Services, newest first.

    Of a thing whose labels changed, the newest state is given. Things without labels are left out, for
    without an allow-list everything seems to have none.
    """
    rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for kind, question in (("pod", ask.POD_LABELS), ("namespace", ask.NAMESPACE_LABELS)):
        for metric, at in window.seen(question):
            row = _object(window, kind, metric) | {"seen_at": at}
            if row["labels"] and row["name"]:
                rows.setdefault((kind, row["namespace"] or "", row["name"], row["uid"] or ""), row)
    for of_node in nodes.values():
        row = _object(window, "node", of_node) | {"seen_at": window.end}
        if row["labels"] and row["name"]:
            rows.setdefault(("node", "", row["name"], ""), row)
    for row in _balancers(window):
        rows.setdefault(("service", row["namespace"] or "", row["name"], ""), row)
    return pl.DataFrame(list(rows.values()), schema=OBJECTS).sort(
        "seen_at", descending=True, maintain_order=True
    )


def _balancers(window: Window) -> Iterator[dict[str, Any]]:
    for metric, at in window.seen(ask.BALANCERS):
        address = metric.get("hostname") or metric.get("ip")
        row = _object(window, "service", metric)
        if address and row["name"]:
            yield row | {"address": address, "seen_at": at}


def _object(window: Window, kind: str, metric: Mapping[str, str]) -> dict[str, Any]:
    def label(name: str) -> str | None:
        return metric.get(f"exported_{name}") or metric.get(name) or None

    labels = {
        _NAMES.get(name.removeprefix("label_"), name.removeprefix("label_")): value
        for name, value in sorted(metric.items())
        if name.startswith("label_")
    }
    return {
        "cluster": window.cluster,
        "kind": kind,
        "namespace": label("namespace") if kind in ("pod", "service") else None,
        "name": label(kind),
        "uid": label("uid"),
        "labels": labels,
        "annotations": {},
    }
