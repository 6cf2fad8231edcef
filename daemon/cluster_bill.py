"""What of one bill is of which cluster, and what of it can be split: read, joined and judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes import carve, holders, platform
from attribution.kubernetes.gaps import gaps
from attribution.kubernetes.join import NodeJoin, join_nodes, join_volumes
from attribution.kubernetes.names import away_of
from domain.errors import CostdError

if TYPE_CHECKING:
    from config.allocation import AllocationSettings
    from daemon.cluster_usage import Usage
    from domain.delivery import Delivery
    from ledger.charges import ChargeLedger

DAY = timedelta(days=1)
_LONGEST = timedelta(days=32)
"""How far beyond its last day's start a month's charges may reach."""


class ClusterError(CostdError):
    """The hours of one cluster could not be split; others can."""

    code = "cluster"

    def __init__(self, cluster: str, reason: str) -> None:
        super().__init__(
            f"cluster {cluster} could not be split: {reason}",
            hint="its machines stay whole; please report this as a bug",
        )
        self.cluster = cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterBill:
    """One billing period of one source, as far as it is of clusters.

    Attributes:
        delivery: what is split.
        join: which resources are of which nodes.
        nodes: `cluster`, `hour`, `node`, `alive_seconds` around the period.
        resources: the rows of the resource dimension that are things.
        things: which resource is which thing (`THINGS`).
        services: Services with a load balancer.
        away: hours in which another machine had a machine's name (`AWAY`).
        windows: resources and times of charges.
        left: windows that stay whole, with the hours for which usage is missing.
        parents: charges that are split.
    """

    delivery: Delivery
    join: NodeJoin
    nodes: pl.DataFrame
    resources: pl.DataFrame
    things: pl.DataFrame
    services: pl.DataFrame
    away: pl.DataFrame
    windows: pl.DataFrame
    left: pl.DataFrame
    parents: pl.DataFrame

    @property
    def clusters(self) -> set[str]:
        """Give the clusters that something of the bill is of."""
        return set(self.things.get_column("cluster"))


def days_of(delivery: Delivery) -> tuple[datetime, datetime]:
    """Give the first instant of a delivery's days and that after the last."""
    first, last = date.fromisoformat(delivery.first_day), date.fromisoformat(delivery.last_day)
    return datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + DAY


def read_bill(
    ledger: ChargeLedger,
    usage: Usage,
    delivery: Delivery,
    settings: AllocationSettings,
    without: frozenset[str] = frozenset(),
) -> ClusterBill | None:
    """Find what of a delivery is of clusters; None where nothing was used in its days.

    Args:
        ledger: the charges.
        usage: what ran where.
        delivery: the bill's delivery.
        settings: what is joined.
        without: clusters that are left alone.
    """
    start, end = days_of(delivery)
    nodes = usage.nodes(start - DAY, end + _LONGEST).filter(~pl.col("cluster").is_in(sorted(without)))
    # what comes later only tells whether a machine may have been there; it splits nothing by itself
    if nodes.filter(pl.col("hour") < end + DAY).is_empty():
        return None
    charges = ledger.charges(sources=[delivery.source], periods=[delivery.billing_period])
    billed = charges.select("dim_id").unique()
    mine = ledger.resources().filter(pl.col("source") == delivery.source, pl.col("ResourceId").is_not_null())
    resources = mine.join(billed, on="dim_id", how="semi").collect(engine="streaming")
    join = join_nodes(nodes, resources, disk_tags=settings.disk_tags)
    volumes = usage.volumes(start - DAY, end + _LONGEST).filter(
        pl.col("cluster").is_in(nodes["cluster"].unique().to_list())
    )
    disks = join_volumes(volumes, resources)
    things, services = _things(usage, join, disks, resources, settings)
    keys = (
        charges.select(*carve.WINDOW, "price_id")
        .join(things.lazy().select("dim_id").unique(), on="dim_id", how="semi")
        .unique()
        .collect(engine="streaming")
    )
    windows = carve.windows_of(keys, things)
    away = away_of(nodes, resources)
    left = _left(windows, things, nodes, volumes.join(disks, on=["cluster", "volume"], how="semi"), away)
    return ClusterBill(
        delivery=delivery,
        join=join,
        nodes=nodes,
        resources=resources.join(things, on="dim_id", how="semi"),
        things=things,
        services=services,
        away=away,
        windows=windows,
        left=left,
        parents=carve.splittable(keys, windows, left),
    )


def _things(
    usage: Usage, join: NodeJoin, disks: pl.DataFrame, resources: pl.DataFrame, settings: AllocationSettings
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the things of a bill, of each resource the surest, and Services with a load balancer."""
    is_disk = pl.col("by") == "disk"
    clusters = set(join.joined["cluster"])
    objects = usage.objects
    found = [
        holders.things(join.joined.filter(~is_disk), "node", "node"),
        holders.things(disks, "volume", "volume"),
        holders.things(join.joined.filter(is_disk), "node", "node"),
    ]
    if settings.load_balancers:
        found.append(platform.join_services(objects, resources))
    if settings.control_plane == "workloads":
        found.append(platform.join_control_planes(clusters, resources))
    things = found[0]
    for more in found[1:]:
        things = pl.concat([things, more.join(things, on="dim_id", how="anti")])
    return things.unique(maintain_order=True), platform.services_of(objects)


def _left(
    windows: pl.DataFrame,
    things: pl.DataFrame,
    nodes: pl.DataFrame,
    volumes: pl.DataFrame,
    away: pl.DataFrame,
) -> pl.DataFrame:
    """Give the windows that cannot be split; a load balancer is always its Service's."""
    if windows.is_empty():
        return pl.DataFrame(schema=carve.LEFT)
    is_service = pl.col("thing").str.starts_with("service/")
    timed = things.filter(~is_service)
    mine = windows.join(timed, on="dim_id", how="semi")
    alive_nodes = nodes.select("cluster", "hour", thing=pl.concat_str(pl.lit("node/"), "node"))
    planes = nodes.select("cluster", "hour", thing=pl.lit(holders.CLUSTER)).unique()
    alive_volumes = volumes.select("cluster", "hour", thing=pl.concat_str(pl.lit("volume/"), "volume"))
    first = windows["ChargePeriodStart"].dt.truncate("1h").min()
    last = windows["ChargePeriodEnd"].max()
    assert isinstance(first, datetime)  # noqa: S101  # there are windows
    assert isinstance(last, datetime)  # noqa: S101  # there are windows
    missing = [
        gaps(alive, first, last) for alive in (pl.concat([alive_nodes, planes]), alive_volumes.unique())
    ]
    alive = pl.concat([alive_nodes, planes, alive_volumes.unique()])
    return carve.incomplete(mine, timed, alive, pl.concat(missing), away)
