"""How much of each cluster is known lately: hours, nodes and GPUs, by the source that told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from daemon.activity import DAYS, whole_hour
from domain.usage import HOUR

if TYPE_CHECKING:
    from domain.ports import UsageLedger

_WHERE = ["source", "cluster"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterReach:
    """What a source told of a cluster in the last days.

    Attributes:
        source: its name.
        cluster: the cluster, as configured.
        through: the end of the newest hour.
        hours: how many hours are known.
        of: how many hours there were from the first to the newest of them; fewer known ones are gaps.
        nodes: how many there were in the newest hour.
        gpus: how many GPUs those nodes have.
        measured: how many devices, or instances of them, were measured in that hour.
    """

    source: str
    cluster: str
    through: datetime
    hours: int
    of: int
    nodes: int
    gpus: int
    measured: int

    @property
    def document(self) -> dict[str, object]:
        """Give it for programs."""
        return {
            "source": self.source,
            "cluster": self.cluster,
            "through": self.through,
            "hours": self.hours,
            "of": self.of,
            "nodes": self.nodes,
            "gpus": self.gpus,
            "measured": self.measured,
        }


def usage_reach(ledger: UsageLedger, now: datetime) -> tuple[ClusterReach, ...]:
    """Give what is known of every cluster in the last days, cluster by cluster."""
    end = whole_hour(now)
    start = end - timedelta(days=DAYS)
    seen = (
        ledger.usage("node_hours", start=start, end=end)
        .group_by(*_WHERE, "hour")
        .agg(pl.col("node").n_unique().alias("nodes"), pl.col("gpus").sum().alias("gpus"))
        .group_by(_WHERE)
        .agg(
            pl.len().alias("hours"),
            pl.col("hour").min().alias("first"),
            pl.col("hour").max().alias("newest"),
            pl.col("nodes", "gpus").sort_by("hour").last(),
        )
        .sort("cluster", "source")
        .collect()
    )
    if seen.is_empty():
        return ()
    measured = (
        ledger.usage("device_hours", start=seen.get_column("newest").min(), end=end)  # type: ignore[arg-type]  # of instants
        .filter(pl.col("activity").is_not_null() | pl.col("activity_max").is_not_null())
        .group_by(*_WHERE, "hour")
        .agg(pl.struct("device", "instance").n_unique().alias("measured"))
        .collect()
    )
    found = seen.join(measured, left_on=[*_WHERE, "newest"], right_on=[*_WHERE, "hour"], how="left")
    return tuple(
        ClusterReach(
            source=row["source"],
            cluster=row["cluster"],
            through=row["newest"] + HOUR,
            hours=row["hours"],
            of=(row["newest"] + HOUR - row["first"]) // HOUR,
            nodes=row["nodes"],
            gpus=round(row["gpus"] or 0),
            measured=row["measured"] or 0,
        )
        for row in found.sort("cluster", "source").iter_rows(named=True)
    )
