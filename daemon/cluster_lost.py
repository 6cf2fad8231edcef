"""What pods held and no share of a machine is for, by cause: it is in no figure, so it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes.schema import RESIDUALS, Cause
from attribution.kubernetes.shares import split_hours
from daemon.cluster_bill import DAY, ClusterError
from daemon.cluster_parts import measured_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.allocation import AllocationSettings
    from daemon.cluster_usage import Usage

WHY = {
    Cause.UNKNOWN_NODE: "ran on a node that nothing is known of in that hour",
    Cause.UNKNOWN_POD: "held a device, but nothing is known of the pod in that hour",
    Cause.NO_METRICS: "asked for nothing, and what they used was not measured",
    Cause.NO_CAPACITY: "held what their node is not known to have",
    Cause.NO_PRICE: "the split gives the node's resources no price, so all of it is idle",
}
"""What each cause says of pods or, without a price, of nodes."""

_WHO = ["hour", "node", "namespace", "pod", "uid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Hours of a cluster's pods (or of nodes, where there is no price) that have no share.

    Attributes:
        cluster: whose.
        cause: why.
        hours: how many hours of how many pods, added up.
        cpu_hours, memory_gib_hours, gpu_hours: what they held; None where it is not known.
        example: one of them, as `namespace/pod on node`.
    """

    cluster: str
    cause: Cause
    hours: int
    cpu_hours: float | None
    memory_gib_hours: float | None
    gpu_hours: float | None
    example: str


def lost_between(usage: Usage, start: datetime, end: datetime, settings: AllocationSettings) -> list[Lost]:
    """Give what has no share in the days of `[start, end)`, read again day by day.

    Raises:
        ClusterError: the hours of a cluster cannot be split.
    """
    summed = [_summed(found) for found in _residuals(usage, start, end, settings)]
    if not summed:
        return []
    whole = pl.concat(summed).group_by("cluster", "cause", "resource", maintain_order=True)
    rows = whole.agg(
        pl.col("hours").sum(),
        pl.when(pl.col("amount").count() > 0).then(pl.col("amount").sum()),
        pl.col("example").first(),
    )
    found: dict[tuple[str, str], list[dict[str, object]]] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault((row["cluster"], row["cause"]), []).append(row)
    return [_lost(cluster, cause, told) for (cluster, cause), told in sorted(found.items())]


def _residuals(
    usage: Usage, start: datetime, end: datetime, settings: AllocationSettings
) -> Iterator[pl.DataFrame]:
    there = usage.nodes(start, end).select("cluster", day=pl.col("hour").dt.truncate("1d")).unique()
    for cluster, day in there.sort("cluster", "day").iter_rows():
        measured = measured_on(usage, day, day + DAY, cluster)
        try:
            found = split_hours(measured, settings).residuals
        except (ValueError, pl.exceptions.PolarsError) as error:
            raise ClusterError(cluster, str(error).splitlines()[0]) from error
        if found.height:
            yield found


def _summed(found: pl.DataFrame) -> pl.DataFrame:
    """Add up a day by cause and resource; a null resource stands for the hours of all of them."""
    by = ["cluster", "cause", "resource"]
    hours = pl.struct(_WHO).n_unique().cast(pl.Int64).alias("hours")
    pod = pl.concat_str("namespace", pl.lit("/"), "pod")
    example = pl.when(pod.is_null()).then("node").otherwise(pl.concat_str(pod, pl.lit(" on "), "node"))
    amount = pl.when(pl.col("amount").count() > 0).then(pl.col("amount").sum()).alias("amount")
    ordered = found.with_columns(example=pl.coalesce(example, "node")).sort(_WHO, nulls_last=True)
    each = ordered.filter(pl.col("resource").is_not_null()).group_by(by, maintain_order=True)
    every = ordered.group_by("cluster", "cause", maintain_order=True)
    columns = [*by, "hours", "amount", "example"]
    none = pl.lit(None, dtype=RESIDUALS["resource"]).alias("resource")
    whole = every.agg(hours, pl.lit(None, dtype=pl.Float64).alias("amount"), pl.col("example").first())
    parts = each.agg(hours, amount, pl.col("example").first())
    return pl.concat([whole.with_columns(none).select(columns), parts.select(columns)])


def _lost(cluster: str, cause: str, rows: list[dict[str, object]]) -> Lost:
    held = {row["resource"]: row["amount"] for row in rows}
    whole = next(row for row in rows if row["resource"] is None)

    def amount(resource: str) -> float | None:
        value = held.get(resource)
        return value if isinstance(value, float) else None

    return Lost(
        cluster=cluster,
        cause=Cause(cause),
        hours=int(str(whole["hours"])),
        cpu_hours=amount("cpu"),
        memory_gib_hours=amount("memory"),
        gpu_hours=amount("gpu"),
        example=str(whole["example"] or ""),
    )
