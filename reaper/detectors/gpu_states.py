"""What each GPU did for each holder, hour by hour: worked, stood idle, or could not be told.

Figures of a shared device are the device's, not the holder's: quiet means that all its holders
are, busy does not say which of them works. Source of the traps: dcgm-exporter's behaviour under
time slicing and MPS.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl

from config.idle import GpuIdle
from config.idle_parts import Unless
from reaper.detectors.catalogue import board_power
from reaper.detectors.observed import Observed
from reaper.detectors.spells import State

POD = ["cluster", "uid"]
DEVICE = ["cluster", "uid", "device", "profile", "instance"]

LAG = timedelta(hours=3)
"""How far GPU metrics may lag behind the pods and still be the newest."""

_ABSURD = 1e18  # dcgm writes what it could not read as a huge number
_UNIT = ("activity", "activity_max", "tensor")
_SIGNS = ("memory_used_mib", "memory_total_mib", "power_watts", "requests")


def with_gpus(observed: Observed) -> Observed:
    """Leave out the pods that hold no GPU and ask for none: most of a cluster."""
    holders = observed.devices.get_column("uid").drop_nulls().unique().implode()
    names = observed.devices.filter(pl.col("uid").is_null()).get_column("pod").drop_nulls().unique().implode()
    claims = (pl.col("gpu_request_hours") > 0).fill_null(False)
    mine = claims | pl.col("uid").is_in(holders) | pl.col("pod").is_in(names)
    return replace(observed, pods=observed.pods.filter(mine))


def held(observed: Observed) -> pl.DataFrame:
    """Give the device-hours that a pod held, with its names; figures that cannot be are null."""
    devices = cleaned(observed.devices)
    names = observed.pods.select(
        "cluster", "hour", "namespace", "pod", pl.col("uid").alias("pod_uid")
    ).unique(["cluster", "hour", "namespace", "pod"], keep="first")
    devices = devices.join(names, on=["cluster", "hour", "namespace", "pod"], how="left")
    told = pl.coalesce("uid", "pod_uid", pl.concat_str("namespace", "pod", separator="/"))
    held_rows = devices.with_columns(told.alias("uid")).filter(pl.col("uid").is_not_null())
    known = observed.holders().select(
        "cluster", "uid", "workload_kind", "workload", pl.col("node").alias("pod_node")
    )
    return held_rows.drop("pod_uid").join(known, on=POD, how="left")


def cleaned(devices: pl.DataFrame) -> pl.DataFrame:
    """Drop figures that no device can have: sentinels, not-a-number, shares beyond one."""
    units = (pl.when(pl.col(name).is_between(0, 1.0001)).then(pl.col(name)).alias(name) for name in _UNIT)
    signs = (pl.when(pl.col(name).is_between(0, _ABSURD)).then(pl.col(name)).alias(name) for name in _SIGNS)
    return devices.with_columns(*units, *signs, pl.col("profile", "device", "instance").fill_null(""))


def device_states(observed: Observed, rule: GpuIdle) -> pl.DataFrame:
    """Give `held` with `state` and `why` per device, holder and hour, by a rule."""
    rows = _with_signs_of_pods(held(observed), observed.pods)
    shared = (pl.col("uid").n_unique().over("cluster", "device", "hour") > 1) & (
        pl.col("sharing").fill_null("") != "mig"
    )
    server = pl.col("requests").is_not_null().any().over(POD)
    rows = rows.with_columns(shared.alias("shared"), server.alias("server"), _quiet(rule).alias("quiet"))
    return rows.with_columns(*_verdict(rule))


def _with_signs_of_pods(rows: pl.DataFrame, pods: pl.DataFrame) -> pl.DataFrame:
    cores = pl.col("cpu_used_hours") / (pl.col("alive_seconds") / 3600)
    signs = pods.filter(pl.col("alive_seconds") > 0).select(
        "cluster", "uid", "hour", cores.alias("cpu_cores"), "egress_gib"
    )
    return rows.join(signs.unique([*POD, "hour"], keep="first"), on=[*POD, "hour"], how="left")


def _quiet(rule: GpuIdle) -> pl.Expr:
    """Tell whether the signal is below the line; the other signal answers where it must agree."""
    line = float(rule.gpu_active_below)
    highest, average = pl.col("activity_max"), pl.col("activity")
    if rule.signal == "highest":
        return pl.coalesce(highest < line, pl.when(average >= line).then(pl.lit(False)))
    return pl.coalesce(average < line, pl.when(highest < line).then(pl.lit(True)))


def _verdict(rule: GpuIdle) -> tuple[pl.Expr, pl.Expr]:
    """Give `state` and `why`: signs of work first, then what is not known, then idle."""
    signs = [_sign(unless) for unless in rule.unless]
    work = pl.any_horizontal(*(sign.fill_null(False) for sign in signs)) if signs else pl.lit(False)
    busy = ~pl.col("quiet")
    if rule.tensor_below is not None:
        busy = busy.fill_null(False) | (pl.col("tensor") >= float(rule.tensor_below)).fill_null(False)
    asks_requests = any(unless.requests_above is not None for unless in rule.unless)
    unanswered = pl.lit(asks_requests) & pl.col("server") & pl.col("requests").is_null()
    cases: list[tuple[pl.Expr, State, str]] = [
        (work, State.WORKING, "shows a sign of work"),
        (busy & pl.col("shared"), State.UNKNOWN, "shares a busy GPU, and no metric says who works"),
        (busy, State.WORKING, "computes"),
        (pl.col("quiet").is_null(), State.UNKNOWN, "GPU activity is not measured"),
        (unanswered, State.UNKNOWN, "requests of its model server are not measured"),
        (_hot(rule), State.UNKNOWN, "draws power like a GPU at work, though none is seen"),
    ]
    state, why = pl.lit(State.IDLE), pl.lit("")
    for condition, then, because in reversed(cases):
        held_true = condition.fill_null(False)
        state = pl.when(held_true).then(pl.lit(then)).otherwise(state)
        why = pl.when(held_true).then(pl.lit(because)).otherwise(why)
    return state.alias("state"), why.alias("why")


def _sign(unless: Unless) -> pl.Expr:
    if unless.requests_above is not None:
        return pl.col("requests") > unless.requests_above
    if unless.cpu_above is not None:
        return pl.col("cpu_cores") > float(unless.cpu_above)
    return pl.col("egress_gib") > float(unless.egress_above or 0)


def _hot(rule: GpuIdle) -> pl.Expr:
    if rule.power_below is None:
        return pl.lit(False)
    return pl.col("power_watts") >= board_power(pl.col("model")) * float(rule.power_below)


def pod_states(states: pl.DataFrame, observed: Observed) -> pl.DataFrame:
    """Give one row per pod and hour: working if any of its GPUs is, idle only if all are."""
    any_of = {state: (pl.col("state") == state).any() for state in State}
    grouped = states.group_by(*POD, "hour").agg(
        pl.col("namespace", "pod", "workload_kind", "workload", "model", "sharing").first(),
        pl.coalesce("pod_node", "node").first().alias("node"),
        pl.col("seconds").max(),
        pl.struct("device", "profile", "instance").n_unique().alias("devices"),
        pl.col("share").sum(),
        (pl.col("sharing").is_null() & (pl.col("profile") == "")).all().alias("whole"),
        pl.col("activity", "activity_max", "tensor", "memory_used_mib", "power_watts", "requests").max(),
        pl.col("memory_total_mib").max(),
        pl.col("shared", "server").any(),
        pl.when(any_of[State.WORKING])
        .then(pl.lit(State.WORKING))
        .when(any_of[State.UNKNOWN])
        .then(pl.lit(State.UNKNOWN))
        .otherwise(pl.lit(State.IDLE))
        .alias("state"),
        pl.col("why").filter(pl.col("state") == State.UNKNOWN).first().alias("why"),
    )
    return _without_metrics(grouped, observed)


def _without_metrics(grouped: pl.DataFrame, observed: Observed) -> pl.DataFrame:
    """Add the hours in which a pod had GPUs that no metric tells of: not idle, not to be told."""
    asked = pl.col("gpu_request_hours") / (pl.col("alive_seconds") / 3600)
    claims = (
        observed.pods.filter((pl.col("gpu_request_hours") > 0) & (pl.col("alive_seconds") > 0))
        .select(
            *POD,
            "hour",
            "namespace",
            "pod",
            "node",
            "workload_kind",
            "workload",
            asked.alias("asked"),
            pl.col("alive_seconds").alias("seconds"),
        )
        .unique([*POD, "hour"], keep="first")
    )
    lacking = claims.join(grouped, on=[*POD, "hour"], how="anti").with_columns(
        pl.lit(State.UNKNOWN).alias("state"), pl.lit("no metrics of its GPUs").alias("why")
    )
    told = grouped.join(claims.select(*POD, "hour", "asked"), on=[*POD, "hour"], how="left")
    partly = pl.col("whole") & (pl.col("devices") < pl.col("asked") - 0.01) & (pl.col("state") == State.IDLE)
    told = told.with_columns(
        pl.when(partly).then(pl.lit(State.UNKNOWN)).otherwise(pl.col("state")).alias("state"),
        pl.when(partly).then(pl.lit("metrics of some of its GPUs are missing")).otherwise("why").alias("why"),
    )
    return pl.concat([told, lacking], how="diagonal_relaxed").sort(*POD, "hour")


def newest_hours(observed: Observed) -> pl.DataFrame:
    """Give per cluster the hour to judge: the last that both pods and GPUs were measured in.

    GPUs that lag far behind are not waited for: without metrics a pod is unknown, not what it once was.
    """
    pods = observed.pods.group_by("cluster").agg(pl.col("hour").max().alias("of_pods"))
    devices = observed.devices.group_by("cluster").agg(pl.col("hour").max().alias("of_devices"))
    both = pods.join(devices, on="cluster", how="full", coalesce=True)
    lags = pl.col("of_pods") - pl.col("of_devices") > LAG
    return both.select(
        "cluster",
        pl.when(lags | pl.col("of_devices").is_null())
        .then("of_pods")
        .otherwise(pl.min_horizontal("of_pods", "of_devices"))
        .alias("newest"),
    )
