"""How much of a cluster's machines is found on bills: what doctor and reconcile say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes.join import join_nodes
from daemon.cluster_usage import Usage

if TYPE_CHECKING:
    from daemon.rooms import Rooms

_MACHINES = r"(?i)i-[0-9a-f]+$|/instances/|virtualmachine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What of a cluster is on bills.

    Attributes:
        cluster: which.
        hours: node-hours that were measured.
        billed: those of nodes that some charge is of.
        missing: `node` and `reason` of the others.
    """

    cluster: str
    hours: float
    billed: float
    missing: tuple[tuple[str, str], ...]

    @property
    def share(self) -> float:
        """Give the part of the node-hours that is on bills, 0 to 1."""
        return self.billed / self.hours if self.hours else 0.0


def joined(rooms: Rooms, start: datetime, end: datetime) -> list[Joined]:
    """Look for the nodes of every cluster on every bill."""
    nodes = Usage(rooms).nodes(start, end)
    if nodes.is_empty():
        return []
    named = pl.coalesce("ResourceId", "ResourceName").is_not_null()
    looks = pl.col("ResourceId").str.contains(_MACHINES) | pl.col("ProviderName").str.contains("(?i)google")
    resources = rooms.ledger.resources().filter(named, looks).collect(engine="streaming")
    join = join_nodes(nodes, resources)
    found = []
    for cluster in nodes["cluster"].unique().sort().to_list():
        billed, hours = join.hours(nodes.filter(pl.col("cluster") == cluster))
        rows = join.missing.filter(pl.col("cluster") == cluster).select("node", "reason").rows()
        found.append(Joined(cluster=cluster, hours=hours, billed=billed, missing=tuple(rows)))
    return found
