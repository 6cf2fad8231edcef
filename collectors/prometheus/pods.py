"""Pods: how long they ran, what they requested and used, folded from steps of five minutes into hours.

A container's usage names no uid. It belongs to the pod of that name that ran in those five minutes, or,
where nothing says which one ran, to the one nearest in time.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from collectors.prometheus import questions as ask
from collectors.prometheus.gpu_units import Units, devices_requested
from collectors.prometheus.owners import workloads
from collectors.prometheus.window import Window, with_uid
from domain.folding import fold
from domain.usage import POD_HOURS, STEP

_GIB = 2.0**30
_NAME = ["namespace", "pod"]
_KEY = ["uid", "at"]
_HOURS = ("request_hours", "used_hours", "hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found of pods.

    Attributes:
        running: `namespace`, `pod`, `uid`, `at` and `seconds` of each five minutes in which it ran.
        info: `namespace`, `pod`, `uid`, `hour`, `node`, `host_network`.
        requests: `uid`, `container`, `node`, `resource`, `at`, `value`.
    """

    running: pl.DataFrame
    info: pl.DataFrame
    requests: pl.DataFrame


def measure(window: Window) -> Measured:
    """Ask which pods ran and what they requested."""
    running = _first(window.by_step(ask.RUNNING), [*_NAME, *_KEY]).rename({"value": "seconds"})
    requests = window.by_step(ask.REQUESTS)
    info = window.by_hour(ask.PODS)
    return Measured(
        running=with_uid(running).with_columns(pl.col("seconds").clip(0, STEP.total_seconds())),
        info=_first(with_uid(info), ["uid", "hour", "node"]),
        requests=_first(with_uid(requests), ["uid", "container", "node", "resource", "at"]),
    )


def pod_hours(window: Window, found: Measured, cards: Units) -> pl.DataFrame:
    """Give `POD_HOURS` of a window.

    Args:
        window: the hours.
        found: what `measure` gave.
        cards: what is known of nodes' GPUs.
    """
    cpu = window.by_step(ask.cpu(window.rate_window))
    memory = window.by_step(ask.MEMORY).with_columns(pl.col("value") / _GIB)
    running = found.running if found.running.height else _told_by_usage(cpu, memory, found)
    if running.is_empty():
        return pl.DataFrame(schema=POD_HOURS)
    known = bool(found.requests.height)
    asked = found.requests
    gpus = devices_requested(asked.filter(~pl.col("resource").is_in(["cpu", "memory"])), cards)
    gib = asked.filter(pl.col("resource") == "memory").with_columns(pl.col("value") / _GIB)
    cores = asked.filter(pl.col("resource") == "cpu")
    usage_of_memory = _placed(memory, running).with_columns(pl.col("value") * _part(pl.col("seconds")))
    hours = (
        running.group_by(*_NAME, "uid", pl.col("at").dt.truncate("1h").alias("hour"))
        .agg(pl.col("seconds").sum().alias("alive_seconds"))
        .join(
            _folded(cores, _placed(cpu, running), running, "cpu", known=known), on=["uid", "hour"], how="left"
        )
        .join(_folded(gib, usage_of_memory, running, "memory", known=known), on=["uid", "hour"], how="left")
        .join(_folded(gpus, None, running, "gpu", known=known), on=["uid", "hour"], how="left")
        .with_columns(
            *(pl.col(f"{one}_request_hours").fill_null(0.0 if known else None) for one in _RESOURCES)
        )
        .with_columns(
            # Known to request nothing, and used by nobody who measured: 0. Nothing known: null.
            *(
                pl.coalesce(f"{one}_hours", f"{one}_request_hours").alias(f"{one}_hours")
                for one in ("cpu", "memory")
            )
        )
    )
    return _described(window, hours, found)


_RESOURCES = ("cpu", "memory", "gpu")


def _described(window: Window, hours: pl.DataFrame, found: Measured) -> pl.DataFrame:
    nodes = pl.concat(
        [
            found.info.select("uid", "hour", "node"),
            found.requests.select("uid", pl.col("at").dt.truncate("1h").alias("hour"), "node"),
        ]
    ).drop_nulls("node")
    node = nodes.unique(["uid", "hour"], keep="first", maintain_order=True)
    egress = _egress(window, hours, found.info)
    whole = (
        hours.join(node, on=["uid", "hour"], how="left")
        .join(workloads(window), on="uid", how="left")
        .join(egress, on=["uid", "hour"], how="left")
        .with_columns(
            pl.lit(window.cluster).alias("cluster"),
            # A pod without an owner is its own workload, where owners are known at all.
            pl.col("workload_kind").replace("", "Pod"),
            pl.when(pl.col("workload_kind") == "").then("pod").otherwise("workload").alias("workload"),
        )
    )
    return whole.select(*POD_HOURS.names()).cast(POD_HOURS).sort("hour", "node", "namespace", "pod", "uid")


def _folded(
    asked: pl.DataFrame, used: pl.DataFrame | None, running: pl.DataFrame, name: str, *, known: bool
) -> pl.DataFrame:
    """Fold a resource per container, and add the containers of a pod up."""
    request = (
        asked.join(running.select(*_KEY, "seconds"), on=_KEY)
        .group_by("uid", "container", "at")
        .agg((pl.col("value") * _part(pl.col("seconds"))).max().alias("request"))
    )
    if used is None:
        steps = request.with_columns(pl.lit(None, pl.Float64).alias("used"))
    else:
        usage = used.group_by("uid", "container", "at").agg(pl.col("value").max().alias("used"))
        steps = request.join(usage, on=["uid", "container", "at"], how="full", coalesce=True)
        if known:  # no request of a container that runs is a request of 0
            steps = steps.with_columns(pl.col("request").fill_null(0.0))
    folded = fold(steps, ["uid", "container"])
    sums = [
        pl.when(pl.col(hours).count() > 0).then(pl.col(hours).sum()).alias(f"{name}_{hours}")
        for hours in _HOURS
    ]
    return folded.group_by("uid", "hour").agg(sums)


def _part(seconds: pl.Expr) -> pl.Expr:
    return seconds / STEP.total_seconds()


def _placed(usage: pl.DataFrame, running: pl.DataFrame) -> pl.DataFrame:
    """Give usage of containers the uid of the pod that ran, and for how many seconds it did."""
    holder = running.sort("seconds", descending=True).unique(
        [*_NAME, "at"], keep="first", maintain_order=True
    )
    named = usage.drop_nulls(_NAME).sort("at")
    near = named.join_asof(
        holder.sort("at").with_columns(pl.col("at").alias("then")),
        on="at",
        by=_NAME,
        strategy="nearest",
        tolerance="1h",
        check_sortedness=False,
    ).drop_nulls("uid")
    # Usage while nothing says whether the pod ran is usage all the same.
    seconds = pl.when(pl.col("then") == pl.col("at")).then("seconds").otherwise(STEP.total_seconds())
    return near.with_columns(seconds.alias("seconds")).drop("then")


def _told_by_usage(cpu: pl.DataFrame, memory: pl.DataFrame, found: Measured) -> pl.DataFrame:
    """Take pods that use something for running, where their phase is not exported."""
    used = pl.concat([cpu.select(*_NAME, "at"), memory.select(*_NAME, "at")]).drop_nulls().unique()
    asked = found.requests.select(*_NAME, "uid", pl.col("at").dt.truncate("1h").alias("hour"))
    uids = pl.concat([found.info.select(*_NAME, "uid", "hour"), asked]).unique([*_NAME, "hour"])
    placed = used.with_columns(pl.col("at").dt.truncate("1h").alias("hour")).join(
        uids, on=[*_NAME, "hour"], how="left"
    )
    seconds = pl.lit(STEP.total_seconds()).alias("seconds")
    return with_uid(placed).select(*_NAME, *_KEY, seconds)


def _egress(window: Window, hours: pl.DataFrame, info: pl.DataFrame) -> pl.DataFrame:
    """Give what pods sent; those on the node's own network report the node's traffic and are left out."""
    sent = window.by_hour(ask.EGRESS).rename({"value": "sent"})
    empty = pl.DataFrame(schema={"uid": pl.String, "hour": hours.schema["hour"], "egress_gib": pl.Float64})
    if sent.is_empty() or info.is_empty() or not info["host_network"].count():
        return empty
    own = info.filter(pl.col("host_network") == "false").select("uid", "hour").unique()
    # Two pods of one name in an hour share what was sent under it by how long each ran.
    share = pl.col("alive_seconds") / pl.col("alive_seconds").sum().over(*_NAME, "hour")
    return (
        hours.select(*_NAME, "uid", "hour", share.alias("share"))
        .join(own, on=["uid", "hour"])
        .join(sent, on=[*_NAME, "hour"])
        .select("uid", "hour", (pl.col("sent") * pl.col("share") / _GIB).alias("egress_gib"))
    )


def _first(frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Give one row per key, the greatest: a second exporter adds nothing."""
    return frame.sort("value", descending=True).unique(keys, keep="first", maintain_order=True)
