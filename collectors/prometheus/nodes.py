"""Nodes: how long they lived, what they offered, and what the provider calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from collectors.prometheus import questions as ask
from collectors.prometheus.gpu_units import Card
from collectors.prometheus.window import Window
from domain.usage import NODE_HOURS

_GIB = 2.0**30
Labels = Mapping[str, Mapping[str, str]]
"""Labels by node, as kube-state-metrics writes them."""

_TYPE = ("label_node_kubernetes_io_instance_type", "label_beta_kubernetes_io_instance_type")
_REGION = ("label_topology_kubernetes_io_region", "label_failure_domain_beta_kubernetes_io_region")
_ZONE = ("label_topology_kubernetes_io_zone", "label_failure_domain_beta_kubernetes_io_zone")
_SPOT: Mapping[str, str] = {
    "label_karpenter_sh_capacity_type": "spot",
    "label_eks_amazonaws_com_capacityType": "SPOT",
    "label_eks_amazonaws_com_capacity_type": "SPOT",
    "label_cloud_google_com_gke_spot": "true",
    "label_cloud_google_com_gke_preemptible": "true",
    "label_kubernetes_azure_com_scalesetpriority": "spot",
    "label_node_kubernetes_io_lifecycle": "spot",
}
"""Labels that tell spot nodes, with what they say on one."""


def node_labels(window: Window) -> dict[str, dict[str, str]]:
    """Give the newest labels of each node."""
    found: dict[str, dict[str, str]] = {}
    for metric, _ in window.seen(ask.NODE_LABELS):
        name = metric.get("exported_node") or metric.get("node", "")
        found.setdefault(name, metric)
    return found


def cards(capacity: pl.DataFrame, labels: Labels, devices: pl.DataFrame) -> dict[str, Card]:
    """Give what is known of each node's GPUs.

    Args:
        capacity: `node`, `resource`, `value`.
        labels: of nodes.
        devices: `node`, `UUID`, `modelName` of every device that was seen.
    """
    offered: dict[str, dict[str, float]] = {}
    for node, resource, value in capacity.select("node", "resource", "value").iter_rows():
        if resource not in ("cpu", "memory"):
            of_node = offered.setdefault(node, {})
            of_node[resource] = max(value, of_node.get(resource, 0.0))
    seen: dict[str, dict[str, str]] = {}
    for node, uuid, model in devices.select("node", "UUID", "modelName").iter_rows():
        seen.setdefault(node, {})[uuid] = model or ""
    return {
        node: Card(
            capacity=offered.get(node, {}),
            labels=labels.get(node, {}),
            uuids=len(seen.get(node, {})),
            model=next(iter(seen.get(node, {}).values()), "") or _product(labels.get(node, {})),
        )
        for node in sorted({*offered, *seen})
    }


def node_hours(
    window: Window, capacity: pl.DataFrame, labels: Labels, gpus: Mapping[str, Card]
) -> pl.DataFrame:
    """Give `NODE_HOURS` of a window; `capacity` has `node`, `resource`, `hour`, `value`."""
    lived = window.by_hour(ask.NODES).drop_nulls("node")
    if lived["node"].n_unique() < lived.select("node", "provider_id").n_unique():
        window.notes.append(
            "a node's name was used for two machines; its hours went to the one that ran longest"
        )
    # One row per node and hour: of two machines of a name, the one that was there longest.
    lived = lived.sort("value", descending=True).unique(["node", "hour"], keep="first", maintain_order=True)
    sizes = (
        capacity.drop_nulls("node")
        .group_by("node", "hour")
        .agg(
            pl.col("value").filter(pl.col("resource") == "cpu").max().alias("cpu_cores"),
            (pl.col("value").filter(pl.col("resource") == "memory").max() / _GIB).alias("memory_gib"),
        )
    )
    whole = lived.rename({"value": "alive_seconds"}).join(
        sizes, on=["node", "hour"], how="full" if lived.is_empty() else "left", coalesce=True
    )
    knows_size = bool(capacity.height)
    told = pl.DataFrame(
        [
            _told(node, labels.get(node, {}), gpus.get(node), knows_size=knows_size)
            for node in whole["node"].unique()
        ],
        schema={"node": pl.String, **{name: NODE_HOURS[name] for name in _TOLD}},
        orient="row",
    )
    return (
        whole.join(told, on="node", how="left")
        .with_columns(pl.lit(window.cluster).alias("cluster"))
        .select(*NODE_HOURS.names())
        .cast(NODE_HOURS)
        .sort("hour", "node")
    )


_TOLD = ("instance_type", "region", "zone", "capacity_type", "gpus", "gpu_model")


def _told(node: str, labels: Mapping[str, str], card: Card | None, *, knows_size: bool) -> tuple[Any, ...]:
    spot = any(labels.get(name, "").lower() == said.lower() for name, said in _SPOT.items())
    capacity_type = ("spot" if spot else "on-demand") if labels else None
    if card is None:
        gpus, model = (0.0 if knows_size else None), None
    else:
        gpus, model = card.devices, (card.model or None) if card.devices else None
    places = [
        next((labels[one] for one in names if labels.get(one)), None) for names in (_TYPE, _REGION, _ZONE)
    ]
    return (node, *places, capacity_type, gpus, model)


def _product(labels: Mapping[str, str]) -> str:
    """Give the card's name by the node's labels, without what sharing adds to it."""
    said = labels.get("label_nvidia_com_gpu_product", "") or labels.get(
        "label_cloud_google_com_gke_accelerator", ""
    )
    return said.partition("-MIG-")[0].removesuffix("-SHARED")
