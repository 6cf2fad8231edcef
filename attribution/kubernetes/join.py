"""Which charges are of which node or volume: equal keys of `provider_ids` join.

The machines of an Azure scale set are billed together under the set, so a charge may be of several nodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from attribution.kubernetes.provider_ids import (
    AS_A_SET,
    ZONED,
    ZONELESS,
    node_keys,
    of_boot_disks,
    of_disks,
    of_instances,
    volume_keys,
    why_no_key,
)

_TEXT = pl.String()
KEYED = pl.Schema({"rank": pl.Int64(), "key": _TEXT})

NODES = pl.Schema({"cluster": _TEXT, "node": _TEXT, "provider_id": _TEXT})
VOLUMES = pl.Schema({"cluster": _TEXT, "volume": _TEXT, "volume_id": _TEXT})


class By(StrEnum):
    """What of a node a charge is for."""

    INSTANCE = "instance"
    """The machine itself, and what is billed under its id, such as data transfer."""
    SET = "set"
    """A set of machines that are billed together."""
    DISK = "disk"
    """A disk that belongs to the machine."""


JOINED = pl.Schema({"dim_id": pl.Int64(), "cluster": _TEXT, "node": _TEXT, "by": _TEXT})
"""Which resource is of which node: one row per resource and node, several where a set is billed as one."""

JOINED_VOLUMES = pl.Schema({"dim_id": pl.Int64(), "cluster": _TEXT, "volume": _TEXT})

MISSING = pl.Schema({"cluster": _TEXT, "node": _TEXT, "provider_id": _TEXT, "reason": _TEXT})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeJoin:
    """What of a bill is of which node.

    Attributes:
        joined: resources of the bill with their nodes (`JOINED`).
        missing: nodes of which no charge was found, and why (`MISSING`).
    """

    joined: pl.DataFrame
    missing: pl.DataFrame

    def hours(self, node_hours: pl.DataFrame) -> tuple[float, float]:
        """Give the node-hours that have charges, and all of them (`NODE_HOURS`)."""
        found = self.joined.select("cluster", "node").unique()
        with_charges = node_hours.join(found, on=["cluster", "node"], how="semi")
        return _hours(with_charges), _hours(node_hours)


def _hours(node_hours: pl.DataFrame) -> float:
    return float(node_hours.get_column("alive_seconds").sum() or 0) / 3600


def join_nodes(nodes: pl.DataFrame, resources: pl.DataFrame, *, disk_tags: Iterable[str] = ()) -> NodeJoin:
    """Find the charges of nodes.

    Args:
        nodes: `cluster`, `node`, `provider_id`, more columns and equal rows allowed.
        resources: the resource dimension (`RESOURCE_SCHEMA`).
        disk_tags: tag keys that name the node a disk belongs to; a machine's own boot disk on Google
            Cloud (of the same name) and Azure (`<machine>_OsDisk_…`) is found without.
    """
    known = nodes.select(NODES.names()).unique(maintain_order=True)
    keyed = _keyed_nodes(known)
    claimed = keyed.group_by("key").agg(
        rivals=pl.col("cluster").n_unique(), nodes=pl.col("node").n_unique(), rank=pl.col("rank").max()
    )
    # one name in two zones, or one machine in two clusters, is nobody's: a wrong node is worse than none
    unsure = claimed.filter((pl.col("rivals") > 1) | ((pl.col("nodes") > 1) & (pl.col("rank") == ZONELESS)))
    usable = keyed.join(unsure, on="key", how="anti")
    instances = of_instances(resources)
    matched = (
        instances.join(usable, on="key")
        .filter(pl.col("place") == pl.col("place").min().over("dim_id"))
        .with_columns(
            by=pl.when(pl.col("rank") == AS_A_SET)
            .then(pl.lit(By.SET.value))
            .otherwise(pl.lit(By.INSTANCE.value))
        )
        .select(JOINED.names())
        .unique(maintain_order=True)
    )
    disks = _disks(known, resources, tuple(disk_tags))
    own = disks.join(matched.select("dim_id"), on="dim_id", how="anti")
    joined = pl.concat([matched, own]).sort("cluster", "node", "dim_id")
    return NodeJoin(joined=joined, missing=_missing(known, matched, unsure, keyed))


def nodes_of_parts(nodes: pl.DataFrame, resources: pl.DataFrame) -> pl.DataFrame:
    """Give as `JOINED` also the parts that our own split made of nodes for what nobody held.

    They carry the id of their machine, so they join as it would; for splitting they must not.
    """
    as_billed = resources.with_columns(x_AllocationKind=pl.lit(None, dtype=_TEXT))
    return join_nodes(nodes, as_billed).joined


def _keyed_nodes(known: pl.DataFrame) -> pl.DataFrame:
    rows = [
        {"cluster": cluster, "node": node, "rank": rank, "key": key}
        for cluster, node, provider_id in known.iter_rows()
        for rank, key in node_keys(provider_id)
    ]
    return pl.DataFrame(rows, schema={"cluster": _TEXT, "node": _TEXT, **KEYED})


def _missing(
    known: pl.DataFrame, matched: pl.DataFrame, unsure: pl.DataFrame, keyed: pl.DataFrame
) -> pl.DataFrame:
    found = set(matched.select("cluster", "node").iter_rows())
    doubtful = set(unsure.filter(pl.col("rivals") > 1)["key"])
    claims: dict[str, set[str]] = {}
    for cluster, key in keyed.select("cluster", "key").iter_rows():
        claims.setdefault(key, set()).add(cluster)
    rows = []
    for cluster, node, provider_id in known.iter_rows():
        if (cluster, node) in found:
            continue
        keys = [key for _, key in node_keys(provider_id)]
        rivals = next((sorted(claims[key]) for key in keys if key in doubtful), None)
        if not keys:
            reason = why_no_key(provider_id)
        elif rivals:
            reason = f"the clusters {', '.join(rivals)} all say that it is theirs"
        else:
            reason = f"no charge names {keys[0].split(':', 1)[1]}"
        rows.append({"cluster": cluster, "node": node, "provider_id": provider_id, "reason": reason})
    whole = pl.DataFrame(rows, schema=MISSING)
    return whole.unique(["cluster", "node"], keep="last", maintain_order=True).sort("cluster", "node")


def _disks(known: pl.DataFrame, resources: pl.DataFrame, tags: tuple[str, ...]) -> pl.DataFrame:
    """Give the machines' own disks: boot disks by name, others by a tag that names the node."""
    keyed = _keyed_nodes(known).filter(pl.col("rank") == ZONED)
    boot = of_boot_disks(resources).join(keyed, on="key")
    frames = [boot.select("dim_id", "cluster", "node")]
    ec2 = keyed.filter(pl.col("key").str.starts_with("aws:"))
    names = pl.concat(
        [
            known.select("cluster", "node", name=pl.col("node")),
            ec2.select("cluster", "node", name=pl.col("key").str.slice(4)),
        ]
    )
    is_disk = (
        pl.col("ResourceId").str.contains(r"(?i)(?:^|:volume/)vol-[0-9a-f]+$|/disks/[^/]+$")
        & pl.col("AllocatedResourceId").is_null()
    )
    for tag in tags:
        tagged = (
            resources.lazy().filter(is_disk).select("dim_id", name=pl.col("Tags").map.get(tag)).drop_nulls()
        )
        sure = names.unique().filter(pl.struct("cluster", "node").n_unique().over("name") == 1)
        frames.append(tagged.collect().join(sure, on="name").select("dim_id", "cluster", "node"))
    found = pl.concat(frames).unique(maintain_order=True)
    alone = found.filter(pl.len().over("dim_id") == 1)
    return alone.with_columns(by=pl.lit(By.DISK.value)).select(JOINED.names())


def join_volumes(volumes: pl.DataFrame, resources: pl.DataFrame) -> pl.DataFrame:
    """Give `JOINED_VOLUMES`: the charges of the disks behind persistent volumes."""
    rows = [
        {"cluster": cluster, "volume": volume, "rank": rank, "key": key}
        for cluster, volume, volume_id in volumes.select(VOLUMES.names())
        .unique(maintain_order=True)
        .iter_rows()
        for rank, key in volume_keys(volume_id)
    ]
    keyed = pl.DataFrame(rows, schema={"cluster": _TEXT, "volume": _TEXT, **KEYED})
    sure = keyed.filter(pl.struct("cluster", "volume").n_unique().over("key") == 1)
    disks = of_disks(resources)
    best = disks.join(sure, on="key").filter(pl.col("place") == pl.col("place").min().over("dim_id"))
    return best.select(JOINED_VOLUMES.names()).unique("dim_id", maintain_order=True)
