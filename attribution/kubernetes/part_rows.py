"""What parts of charges are of: the machine's row of the bill, with the pod that has the part.

The pod's and its namespace's labels become tags as on a GKE bill, so ownership rules, reports and pages
read our splits as they read a provider's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from attribution.kubernetes.holders import HOLDER, Kind
from attribution.workloads import NAMESPACE_LABEL, POD_LABEL, WORKLOAD_KEYS
from domain.allocation import PART_SCHEMA
from domain.charge import RESOURCE_COLUMNS

_OWN = ("AllocatedResourceId", "AllocatedResourceName", "x_AllocationKind", "Tags")
_OF_NOBODY = (Kind.IDLE, Kind.UNMOUNTED)
Labels = Mapping[str, str]
_WORKLOADS = frozenset(key for keys in WORKLOAD_KEYS.values() for key in keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Labels by what they stand on.

    Attributes:
        pods: (cluster, uid) of pods and Services.
        namespaces: (cluster, name).
    """

    pods: Mapping[tuple[str, str], Labels] = field(default_factory=dict)
    namespaces: Mapping[tuple[str, str], Labels] = field(default_factory=dict)


def names_of(objects: pl.DataFrame) -> Names:
    """Give the newest labels of `OBJECTS`."""
    pods: dict[tuple[str, str], Labels] = {}
    namespaces: dict[tuple[str, str], Labels] = {}
    wanted = objects.filter(pl.col("kind").is_in(["pod", "service", "namespace"])).sort("seen_at")
    rows = wanted.select("kind", "cluster", "name", "uid", "labels").iter_rows()
    for kind, cluster, name, uid, labels in rows:
        kept = dict(labels or {})
        if not kept:
            continue
        if kind == "namespace":
            namespaces[cluster, name] = kept
        elif uid:
            pods[cluster, uid] = kept
    return Names(pods=pods, namespaces=namespaces)


def part_rows(parts: pl.DataFrame, resources: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Give parts as the ledger takes them (`PART_SCHEMA`).

    Args:
        parts: what `carve` cut.
        resources: the rows of the resource dimension that were cut.
        names: labels of pods and namespaces.
    """
    holders = parts.select("dim_id", *HOLDER).unique(maintain_order=True)
    tags_of = dict(resources.select("dim_id", "Tags").iter_rows())
    texts = [_tags(row, names, tags_of.get(row["dim_id"])) for row in holders.iter_rows(named=True)]
    said = holders.with_columns(pl.Series("Tags", texts, dtype=pl.String()))
    own = parts.join(said, on=["dim_id", *HOLDER], nulls_equal=True)
    copied = [name for name in RESOURCE_COLUMNS if name not in _OWN]
    full = own.join(resources.select("dim_id", *copied), on="dim_id")
    named = full.with_columns(
        AllocatedResourceId=pl.col("uid"),
        AllocatedResourceName=pl.when(pl.col("uid").is_not_null()).then(pl.coalesce("pod", "workload")),
        x_AllocationKind=pl.col("kind"),
        parent_dim_id=pl.col("dim_id"),
        parent_start=pl.col("ChargePeriodStart"),
    )
    return named.select(PART_SCHEMA.names()).cast(PART_SCHEMA)


def _tags(row: Mapping[str, str | None], names: Names, machine: Labels | None) -> str:
    """Give the tags of a part as JSON; what nobody holds keeps the tags of the machine or disk."""
    tags: dict[str, str] = {}
    if row["kind"] in _OF_NOBODY and row["namespace"] is None:
        tags.update((key, value) for key, value in (machine or {}).items() if not _is_workloads(key))
    tags.update(_words(row, names))
    return json_of(tags)


def json_of(tags: Labels) -> str:
    """Give tags as the text that parts carry."""
    return json.dumps(tags, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _is_workloads(key: str) -> bool:
    """Tell whether a provider's own split set the tag: it says who had the machine, not who left it idle."""
    return key in _WORKLOADS or key.startswith((POD_LABEL, NAMESPACE_LABEL))


def _words(row: Mapping[str, str | None], names: Names) -> Iterator[tuple[str, str]]:
    cluster, namespace, uid = row["cluster"] or "", row["namespace"], row["uid"]
    if namespace is not None:
        for key, value in names.namespaces.get((cluster, namespace), {}).items():
            yield f"{NAMESPACE_LABEL}{key}", value
    if uid is not None:
        for key, value in names.pods.get((cluster, uid), {}).items():
            yield f"{POD_LABEL}{key}", value
    said = {
        "k8s-cluster": cluster,
        "k8s-namespace": namespace,
        "k8s-workload-name": row["workload"],
        "k8s-workload-kind": row["workload_kind"],
        "k8s-pod": row["pod"],
    }
    yield from ((key, value) for key, value in said.items() if value)
