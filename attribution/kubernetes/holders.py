"""Who held what a bill charges for, hour by hour: nodes, volumes, clusters and load balancers alike.

A *thing* is what a charge is for: `node/<name>`, `volume/<name>`, `cluster/`, `service/<namespace>/<name>`.
Its holders in an hour have weights; a charge of any length is shared by the sum over its hours.
"""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from attribution.kubernetes.policy import BASE_PRICES
from attribution.kubernetes.schema import WHOLE
from domain.charge import INSTANT

_TEXT = pl.String()


class Kind(StrEnum):
    """What a part of a charge pays for (`x_AllocationKind`)."""

    WORKLOAD = "workload"
    IDLE = "idle"
    OVERHEAD = "overhead"
    VOLUME = "volume"
    UNMOUNTED = "unmounted"
    LOAD_BALANCER = "load-balancer"


HOLDER = ("cluster", "kind", "uid", "namespace", "pod", "workload_kind", "workload")
"""What says who holds: a pod, what nobody holds, or a Service."""

HELD = pl.Schema(
    {
        **dict.fromkeys(HOLDER, _TEXT),
        "thing": _TEXT,
        "hour": INSTANT,
        "weight": pl.Int64(),
        "seconds": pl.Int64(),
    }
)
"""Who held which part of a thing in an hour: `weight` in any unit that all holders of the thing share,
`seconds` how long the thing was there, so that an hour counts by how much of it was paid."""

THINGS = pl.Schema({"dim_id": pl.Int64(), "cluster": _TEXT, "thing": _TEXT})
"""Which resource of the bill is which thing; several where things are billed together."""

CLUSTER = "cluster/"
"""The thing that a control plane is."""

_HOUR = 3600


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(HELD.names()).cast(HELD)


def of_nodes(shares: pl.DataFrame, node_hours: pl.DataFrame) -> pl.DataFrame:
    """Give who held nodes (`HELD`), from their shares (`SHARES`) and how long they were there."""
    alive = node_hours.select("cluster", "hour", "node", seconds=_seconds())
    held = shares.filter(pl.col("weight") > 0).join(alive, on=["cluster", "hour", "node"])
    return _named(held.with_columns(thing=pl.concat_str(pl.lit("node/"), "node")))


def _seconds() -> pl.Expr:
    known = pl.col("alive_seconds").fill_null(float(_HOUR)).clip(0, _HOUR)
    return known.round().cast(pl.Int64)


def of_clusters(shares: pl.DataFrame, node_hours: pl.DataFrame) -> pl.DataFrame:
    """Give who held a cluster's control plane: its pods, by what they hold of its machines.

    Machines count by what their capacity is worth at base prices, as their bill may not be here.
    """
    cpu, memory, gpu = BASE_PRICES["opencost"]
    worth = (
        pl.col("cpu_cores").fill_null(0) * cpu
        + pl.col("memory_gib").fill_null(0) * memory
        + pl.col("gpus").fill_null(0) * gpu
    ) * (pl.col("alive_seconds").fill_null(float(_HOUR)) / _HOUR)
    worths = node_hours.select("cluster", "hour", "node", worth=worth)
    pods = shares.filter(pl.col("kind") == Kind.WORKLOAD).join(worths, on=["cluster", "hour", "node"])
    held = pods.with_columns(
        kind=pl.lit(Kind.OVERHEAD.value),
        thing=pl.lit(CLUSTER),
        weight=(pl.col("weight") / WHOLE * pl.col("worth") * 10**9).round().cast(pl.Int64),
        seconds=pl.lit(_HOUR),
    )
    summed = held.group_by([*HOLDER, "thing", "hour", "seconds"]).agg(pl.col("weight").sum())
    return _named(summed.filter(pl.col("weight") > 0))


def of_volumes(volume_hours: pl.DataFrame, pods: pl.DataFrame) -> pl.DataFrame:
    """Give who held volumes: the pods that mounted one share it evenly, one that none mounts is `unmounted`.

    Args:
        volume_hours: `VOLUME_HOURS`.
        pods: `cluster`, `uid`, `pod`, `workload_kind`, `workload`; a pod that is not there has no name.
    """
    names = pods.select("cluster", "uid", "pod", "workload_kind", "workload").unique(["cluster", "uid"])
    mounts = volume_hours.unique(["cluster", "hour", "volume", "uid"], keep="first", maintain_order=True)
    # while one pod mounts it, a row without a pod says nothing
    busy = pl.col("uid").is_not_null().any().over("cluster", "hour", "volume")
    kept = mounts.filter(pl.col("uid").is_not_null() | ~busy).join(names, on=["cluster", "uid"], how="left")
    free = pl.col("uid").is_null()
    held = kept.with_columns(
        kind=pl.when(free).then(pl.lit(Kind.UNMOUNTED.value)).otherwise(pl.lit(Kind.VOLUME.value)),
        weight=WHOLE // pl.len().over("cluster", "hour", "volume").cast(pl.Int64),
        thing=pl.concat_str(pl.lit("volume/"), "volume"),
        workload_kind=pl.when(free).then(pl.lit("PersistentVolumeClaim")).otherwise("workload_kind"),
        workload=pl.when(free).then("claim").otherwise("workload"),
        seconds=pl.lit(_HOUR),
    )
    return _named(held)


def things(frame: pl.DataFrame, kind: str, name: str) -> pl.DataFrame:
    """Give joined resources as `THINGS`: `name` is the column that names the thing, `kind` what it is."""
    return frame.select("dim_id", "cluster", thing=pl.concat_str(pl.lit(f"{kind}/"), name)).cast(THINGS)


def alone(things: pl.DataFrame, services: pl.DataFrame) -> pl.DataFrame:
    """Give who has a thing that no pod held: a machine is idle, a volume unmounted, a Service its own.

    Args:
        things: `THINGS`.
        services: `cluster`, `thing`, `uid`, `namespace`, `workload` of load balancers.
    """
    kind = pl.col("thing").str.extract(r"^([a-z]+)/").replace_strict(_ALONE, return_dtype=_TEXT)
    named = things.join(services, on=["cluster", "thing"], how="left").with_columns(
        kind=kind,
        pod=pl.lit(None, dtype=_TEXT),
        workload_kind=pl.when(pl.col("uid").is_not_null()).then(pl.lit("Service")),
    )
    return named.select("dim_id", *HOLDER).unique("dim_id", keep="first", maintain_order=True)


_ALONE = {
    "node": Kind.IDLE.value,
    "volume": Kind.UNMOUNTED.value,
    "cluster": Kind.OVERHEAD.value,
    "service": Kind.LOAD_BALANCER.value,
}
