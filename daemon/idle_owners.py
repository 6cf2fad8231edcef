"""Who owns pods: as the bill's parts say, else by the same rules from their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes.join import nodes_of_parts
from attribution.ownership import assign
from attribution.workloads import NAMESPACE_LABEL, POD_LABEL
from domain.charge import RESOURCE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from attribution.ownership import Rules
    from attribution.star import Star

Pod = tuple[str, str]
Labels = dict[Pod, dict[str, str]]


def teams_of(pods: pl.DataFrame, objects: pl.DataFrame, star: Star, rules: Rules) -> dict[Pod, str | None]:
    """Give the team of every pod in `POD_HOURS`, by cluster and uid; None is unallocated."""
    billed = _billed(star)
    left = (
        pods.sort("hour")
        .unique(["cluster", "uid"], keep="last", maintain_order=True)
        .select("cluster", "uid", "namespace", "pod", "workload_kind", "workload")
    )
    rows = [row for row in left.iter_rows(named=True) if (row["cluster"], row["uid"]) not in billed]
    return _by_labels(rows, objects, rules) | billed


def _billed(star: Star) -> dict[Pod, str | None]:
    """Give the team of every pod that the bill was split for: the same as in reports."""
    if star.resources.get_column("AllocatedResourceId").null_count() == star.resources.height:
        return {}
    named = star.resource_names(["cluster", "AllocatedResourceId", "x_AllocationKind"])
    pods = named.filter(
        (pl.col("x_AllocationKind") == "workload") & pl.col("AllocatedResourceId").is_not_null()
    )
    owned = pods.join(star.ownership.select("dim_id", "team"), on="dim_id").sort("dim_id")
    rows = owned.select("cluster", "AllocatedResourceId", "team").iter_rows()
    return {(cluster, uid): team for cluster, uid, team in rows}


def node_teams(nodes: pl.DataFrame, star: Star) -> dict[Pod, str | None]:
    """Give who pays for what nobody claims of nodes, by cluster and name: the owner of the idle part."""
    joined = nodes_of_parts(nodes, star.resources)
    named = joined.join(star.ownership.select("dim_id", "team"), on="dim_id").join(
        star.resources.select("dim_id", pl.col("x_AllocationKind").alias("kind")), on="dim_id"
    )
    # Where the bill was not split yet, the whole machine's owner pays for all of it.
    mine = named.filter(pl.col("kind").is_null() | (pl.col("kind") == "idle"))
    best = mine.filter(pl.col("team").is_not_null()).sort(pl.col("kind").is_null(), "dim_id")
    return {
        (cluster, node): team
        for cluster, node, team in best.unique(["cluster", "node"], keep="first", maintain_order=True)
        .select("cluster", "node", "team")
        .iter_rows()
    }


def _by_labels(rows: list[dict[str, Any]], objects: pl.DataFrame, rules: Rules) -> dict[Pod, str | None]:
    pods, namespaces = _labels(objects)
    resources = pl.DataFrame(
        [
            {"source": "usage", "dim_id": number, "Tags": _tags(row, pods, namespaces)}
            for number, row in enumerate(rows)
        ],
        schema=RESOURCE_SCHEMA,
    )
    teams = assign(resources, rules).get_column("team") if rows else ()
    return {(row["cluster"], row["uid"]): team for row, team in zip(rows, teams, strict=True)}


def _labels(objects: pl.DataFrame) -> tuple[Labels, Labels]:
    """Give labels of pods by cluster and uid, of namespaces by cluster and name; the newest count."""
    found: dict[str, Labels] = {"pod": {}, "namespace": {}}
    wanted = objects.filter(pl.col("kind").is_in(list(found))).sort("seen_at")
    for kind, cluster, name, uid, labels in wanted.select(
        "kind", "cluster", "name", "uid", "labels"
    ).iter_rows():
        found[kind][cluster, (uid if kind == "pod" else name) or ""] = dict(labels or {})
    return found["pod"], found["namespace"]


def _tags(row: Mapping[str, Any], pods: Labels, namespaces: Labels) -> dict[str, str]:
    """Give the tags that a part of the bill for this pod would have."""
    cluster = row["cluster"]
    tags = {
        f"{NAMESPACE_LABEL}{key}": value
        for key, value in namespaces.get((cluster, row["namespace"] or ""), {}).items()
    }
    tags |= {f"{POD_LABEL}{key}": value for key, value in pods.get((cluster, row["uid"]), {}).items()}
    said = {
        "k8s-cluster": cluster,
        "k8s-namespace": row["namespace"],
        "k8s-workload-name": row["workload"],
        "k8s-workload-kind": row["workload_kind"],
        "k8s-pod": row["pod"],
    }
    return tags | {key: value for key, value in said.items() if value}
