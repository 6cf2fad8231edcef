"""The parts of a bill that is of clusters, made day by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes import carve, holders
from attribution.kubernetes.part_rows import names_of, part_rows
from attribution.kubernetes.shares import Measured, split_hours
from daemon.cluster_bill import DAY, ClusterError
from domain.charge import FACT_SCHEMA

if TYPE_CHECKING:
    from config.allocation import AllocationSettings
    from daemon.cluster_bill import ClusterBill
    from daemon.cluster_usage import Usage
    from ledger.charges import ChargeLedger


def parts_of(
    bill: ClusterBill, ledger: ChargeLedger, usage: Usage, settings: AllocationSettings
) -> Iterator[tuple[datetime, pl.DataFrame]]:
    """Give the parts of a bill (`PART_SCHEMA`) day by day, so that memory stays that of a day.

    Charges of more than a day come with their last day.

    Raises:
        ClusterError: the hours of a cluster cannot be split.
    """
    names = names_of(usage.objects)
    alone = holders.alone(bill.things, bill.services)
    windows = bill.windows.join(bill.parents, on=["dim_id", "ChargePeriodStart"], how="semi").join(
        bill.left, on="window", how="anti"
    )
    start_day = pl.col("ChargePeriodStart").dt.truncate("1d")
    is_long = pl.col("ChargePeriodEnd") > start_day.dt.offset_by("1d")
    short, long = windows.filter(~is_long), windows.filter(is_long)
    grown = pl.DataFrame(schema=carve.WEIGHTS)
    for day in _days(windows):
        here = short.filter(start_day == day)
        going = long.filter(pl.col("ChargePeriodStart") < day + DAY, pl.col("ChargePeriodEnd") > day)
        if here.is_empty() and going.is_empty():
            continue
        held = held_on(usage, day, bill.clusters, settings)
        ending = going.filter(pl.col("ChargePeriodEnd") <= day + DAY)
        if not going.is_empty():
            grown = carve.added(pl.concat([grown, carve.weigh(going, bill.things, held, bill.away)]))
        done = pl.concat([here, ending])
        weights = pl.concat(
            [carve.weigh(here, bill.things, held, bill.away), grown.join(ending, on="window", how="semi")]
        )
        weights = carve.filled(weights, done, alone)
        grown = grown.join(ending, on="window", how="anti")
        parts = carve.carve(_charges(ledger, bill, done), done, weights)
        yield day, part_rows(parts, bill.resources, names)


def _days(windows: pl.DataFrame) -> list[datetime]:
    first, last = windows["ChargePeriodStart"].min(), windows["ChargePeriodEnd"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return []
    begin = datetime.combine(first.date(), time(), UTC)
    return [begin + DAY * at for at in range(max(1, -(-(last - begin) // DAY)))]


def _charges(ledger: ChargeLedger, bill: ClusterBill, windows: pl.DataFrame) -> pl.DataFrame:
    charges = ledger.charges(sources=[bill.delivery.source], periods=[bill.delivery.billing_period])
    days = windows["ChargePeriodStart"].dt.date().unique()
    near = charges.filter(pl.col("day").is_in(days.to_list()))
    split = near.join(bill.parents.lazy(), on=carve.PARENT_KEY, how="semi")
    mine = split.join(windows.lazy().select(carve.WINDOW), on=list(carve.WINDOW), how="semi")
    return mine.select(FACT_SCHEMA.names()).collect(engine="streaming")


def held_on(usage: Usage, day: datetime, clusters: set[str], settings: AllocationSettings) -> pl.DataFrame:
    """Give who held what on a day (`HELD`)."""
    found = []
    for cluster in sorted(clusters):
        measured = measured_on(usage, day, day + DAY, cluster)
        nodes, pods = measured.nodes, measured.pods
        if nodes.is_empty():
            continue
        volumes = usage.frame("volume_hours", day, day + DAY, [cluster])
        try:
            told = split_hours(measured, settings).shares
        except (ValueError, pl.exceptions.PolarsError) as error:
            raise ClusterError(cluster, str(error).splitlines()[0]) from error
        found += [holders.of_nodes(told, nodes), holders.of_volumes(volumes, pods)]
        if settings.control_plane == "workloads":
            found.append(holders.of_clusters(told, nodes))
    return pl.concat(found) if found else pl.DataFrame(schema=holders.HELD)


def measured_on(usage: Usage, start: datetime, end: datetime, cluster: str) -> Measured:
    """Give what is known of the hours `[start, end)` of a cluster, as the kernel splits it."""
    nodes, pods, devices, quotas = (
        usage.frame(name, start, end, [cluster])
        for name in ("node_hours", "pod_hours", "device_hours", "quota_hours")
    )
    return Measured(nodes=nodes, pods=pods, devices=devices, quotas=quotas)
