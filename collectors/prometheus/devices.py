"""GPUs: who held which device or part of it, and what it did.

Where pods share a device, DCGM gives its figures once per pod. They are kept so, on each holder's row, and
are added up nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

import polars as pl

from collectors.prometheus import questions as ask
from collectors.prometheus.gpu_units import CORES, Card
from collectors.prometheus.window import Window
from domain.devices import mig_share
from domain.usage import DEVICE_HOURS, STEP

_DEVICE = ["UUID", "GPU_I_ID"]
_WHO = ["namespace", "pod"]
_EXPORTER = r"dcgm|gpu-exporter|nvidia-exporter"
"""Pods that do not hold a device but tell of it: their name is on free ones where labels are not honoured."""


def holders(window: Window, nodes: Iterable[str], pods: pl.DataFrame) -> pl.DataFrame:
    """Give who held which device in which five minutes: `seconds`, and `node` as the cluster calls it.

    Args:
        window: the hours.
        nodes: names of nodes.
        pods: `pod` and `node`, for an exporter that calls a node by its own pod.
    """
    found = _settled(window.by_step(ask.HOLDERS)).rename({"value": "seconds"})
    named = pl.coalesce("hostname", "Hostname", "node")
    hosts = found.select(named.alias("host")).unique()["host"].drop_nulls().to_list()
    by_pod = dict(pods.select("pod", "node").drop_nulls().iter_rows())
    joined = {host: _node_of(host, sorted(nodes), by_pod) for host in hosts}
    strange = sorted(host for host in hosts if joined[host] is None)
    if strange and nodes:
        window.notes.append(f"GPUs of {', '.join(strange[:5])} are on no node of that name; set NODE_NAME")
    node = named.replace({host: name or host for host, name in joined.items()})
    held = found.with_columns(node.alias("node"), pl.col("seconds").clip(0, STEP.total_seconds()))
    keys = [*_DEVICE, *_WHO, "at"]
    return held.sort("seconds", descending=True).unique(keys, keep="first", maintain_order=True)


def device_hours(
    window: Window,
    held: pl.DataFrame,
    cards: Mapping[str, Card],
    running: pl.DataFrame,
    requests: pl.DataFrame,
) -> pl.DataFrame:
    """Give `DEVICE_HOURS` of a window.

    Args:
        window: the hours.
        held: what `holders` gave.
        cards: what is known of nodes' GPUs.
        running: which uid a pod's name meant in which five minutes.
        requests: requests of pods, for HAMi's fractions.
    """
    if held.is_empty():
        return pl.DataFrame(schema=DEVICE_HOURS)
    together = pl.col("seconds").filter(pl.col("pod").is_not_null()).sum().over(*_DEVICE, "at")
    share = 1 / pl.max_horizontal(together / STEP.total_seconds(), pl.lit(1.0))
    seconds = pl.col("seconds")
    rows = (
        _with_uid(held.with_columns(share.alias("share")), running)
        .group_by(*_DEVICE, *_WHO, "uid", "node", pl.col("at").dt.truncate("1h").alias("hour"))
        .agg(
            ((pl.col("share") * seconds).sum() / seconds.sum()).alias("share"),
            seconds.sum(),
            pl.col("modelName", "GPU_I_PROFILE", "dra_claim_name", "dra_mig_profile").drop_nulls().first(),
        )
    )
    rows = _without_parents(rows)
    facts = _facts(window)
    rows = rows.join(facts, on=[*_DEVICE, *_WHO, "hour"], how="left", nulls_equal=True)
    served = (
        window.by_hour(ask.MODEL_SERVERS).drop_nulls(_WHO).group_by(*_WHO, "hour").agg(pl.col("value").max())
    )
    rows = rows.join(served.rename({"value": "requests"}), on=[*_WHO, "hour"], how="left")
    return _finished(window, rows, _shares(rows, cards, requests))


def _finished(window: Window, rows: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    is_mig = pl.col("GPU_I_ID").is_not_null()
    util = pl.when(~is_mig).then(pl.col("util") / 100)
    util_max = pl.when(~is_mig).then(pl.col("util_max") / 100)
    # Where pods share a device, `used` is each one's own: the greatest sum comes nearest to its memory.
    parts = pl.col("used") + pl.col("free") + pl.col("reserved").fill_null(0.0)
    total = pl.coalesce("total", parts.max().over(*_DEVICE, "hour"))
    return (
        rows.drop("share")
        .hstack(shares)
        .select(
            pl.lit(window.cluster).alias("cluster"),
            "hour",
            "node",
            pl.col("UUID").alias("device"),
            pl.col("modelName").alias("model"),
            pl.coalesce("GPU_I_PROFILE", "dra_mig_profile").alias("profile"),
            "sharing",
            *_WHO,
            "uid",
            "share",
            "seconds",
            pl.coalesce("engine", util).clip(0, 1).alias("activity"),
            pl.coalesce("engine_max", util_max).clip(0, 1).alias("activity_max"),
            pl.col("tensor").clip(0, 1),
            pl.col("used").alias("memory_used_mib"),
            total.alias("memory_total_mib"),
            pl.col("power").alias("power_watts"),
            "xid",
            "requests",
            pl.col("GPU_I_ID").alias("instance"),
        )
        .select(*DEVICE_HOURS.names())
        .cast(DEVICE_HOURS)
        .sort("hour", "node", "device", "instance", "namespace", "pod", "uid")
    )


def _facts(window: Window) -> pl.DataFrame:
    """Give what every device did, per holder and hour; what is not exported is null."""
    keys = [*_DEVICE, *_WHO, "hour"]
    frames = []
    for name, question in ask.GPU_FACTS.items():
        found = _settled(window.by_hour(question))
        frames.append(found.group_by(keys).agg(pl.col("value").max().alias(name)))
    return reduce(lambda a, b: a.join(b, on=keys, how="full", coalesce=True, nulls_equal=True), frames)


def _settled(found: pl.DataFrame) -> pl.DataFrame:
    """Take the exporter's own pod out of the holders."""
    teller = pl.any_horizontal(pl.col(name).str.contains(_EXPORTER) for name in ("pod", "container"))
    free = teller.fill_null(value=False) | pl.col("pod").is_null()
    return found.drop_nulls("UUID").with_columns(
        pl.when(~free).then(pl.col(name)).alias(name) for name in (*_WHO, "container", "pod_uid")
    )


def _with_uid(held: pl.DataFrame, running: pl.DataFrame) -> pl.DataFrame:
    """Name the pod that held a device: by its uid if the exporter tells it, else by who ran at that time."""
    then = running.sort("seconds", descending=True).unique([*_WHO, "at"], keep="first", maintain_order=True)
    named = held.sort("at").join_asof(
        then.select(*_WHO, "at", "uid").sort("at"),
        on="at",
        by=_WHO,
        strategy="nearest",
        tolerance="1h",
        check_sortedness=False,
    )
    # Of a holder that nothing here tells of there is only the name, for another source to know.
    return named.with_columns(pl.coalesce("pod_uid", "uid").alias("uid"))


def _without_parents(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out the device as a whole in hours in which its MIG instances are told of."""
    has_parts = pl.col("GPU_I_ID").is_not_null().any().over("UUID", "hour")
    return rows.filter(~(has_parts & pl.col("GPU_I_ID").is_null() & pl.col("pod").is_null()))


def _shares(rows: pl.DataFrame, cards: Mapping[str, Card], requests: pl.DataFrame) -> pl.DataFrame:
    """Give `sharing` and `share` of each row."""
    cores = requests.filter(pl.col("resource") == CORES).group_by("uid").agg(pl.col("value").max() / 100)
    fractions = dict(cores.select("uid", "value").iter_rows())
    columns = (
        "node",
        "pod",
        "uid",
        "modelName",
        "GPU_I_ID",
        "GPU_I_PROFILE",
        "dra_claim_name",
        "dra_mig_profile",
        "share",
    )
    found = [
        _share(dict(zip(columns, row, strict=True)), cards, fractions)
        for row in rows.select(columns).iter_rows()
    ]
    return pl.DataFrame(found, schema={"sharing": pl.String, "share": pl.Float64}, orient="row")


def _share(
    row: Mapping[str, str | float | None], cards: Mapping[str, Card], fractions: Mapping[str, float]
) -> tuple[str | None, float]:
    profile = row["GPU_I_PROFILE"] or row["dra_mig_profile"]
    model = row["modelName"]
    part = mig_share(str(profile), None if model is None else str(model)) if profile else None
    if row["dra_claim_name"]:
        return "dra", part or float(row["share"] or 1.0)
    if row["GPU_I_ID"] is not None or part is not None:
        return "mig", part or 1 / 7
    if row["uid"] in fractions:
        return "hami", min(1.0, fractions[str(row["uid"])])
    card = cards.get(str(row["node"]))
    together = float(row["share"] or 1.0)
    units = [card.unit(name) for name in card.capacity if name.startswith("nvidia_com_gpu")] if card else []
    unit = min((one for one in units if one), default=1.0)
    if row["pod"] is not None and (unit < 1 or together < 0.99):
        return (card.strategy if card else None) or "time-slicing", min(unit, together)
    return None, 1.0


def _node_of(host: str, nodes: list[str], by_pod: Mapping[str, str]) -> str | None:
    """Give the node that an exporter means: by name, by its short or long form, or by the exporter's pod."""
    if host in nodes:
        return host
    short = host.lower()
    for node in nodes:
        name = node.lower()
        if name == short or name.startswith(f"{short}.") or short.startswith(f"{name}."):
            return node
    return by_pod.get(host)
