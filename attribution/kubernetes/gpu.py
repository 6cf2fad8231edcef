"""Which part of which GPU a pod held: whole, MIG, time slices, MPS, HAMi, DRA; never more than the device.

A device's holders together have at most its hour. Where what they are said to hold exceeds it (two MIG
instances that take more of the memory than of the compute slices, pods that take turns), all of them
are scaled to it; what nobody holds is idle.
"""

from __future__ import annotations

import polars as pl

from attribution.kubernetes.schema import RESIDUALS, Cause
from domain.devices import mig_share

_DEVICE = ("cluster", "hour", "node", "device")
_PLACE = ("hour", "node")
_NAME = (*_PLACE, "namespace", "pod")


def device_parts(devices: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of device-hours that somebody held, with `hours`, the part of the device's hour.

    A row's part is its `share`, else its MIG profile's, else the whole device; times the time. Those of
    an instance, and then those of the device, are scaled to sum to at most one hour. An instance of MIG
    that nobody holds keeps its part, an unshared device that nobody holds has none.
    """
    length = _hours()
    of_instance = pl.when(pl.col("instance").is_not_null()).then(length.sum().over(*_DEVICE, "instance"))
    rows = _with_parts(devices).with_columns(
        raw=pl.col("part") * length / pl.max_horizontal(of_instance, pl.lit(1.0)),
        is_held=pl.col("uid").is_not_null() | pl.col("pod").is_not_null(),
        is_mig=pl.col("profile").is_not_null() | (pl.col("sharing") == "mig").fill_null(value=False),
    )
    counted = pl.col("raw").filter(pl.col("is_held") | pl.col("is_mig")).sum().over(_DEVICE)
    scaled = rows.with_columns(hours=pl.col("raw") / pl.max_horizontal(counted, pl.lit(1.0)))
    return scaled.filter("is_held").drop("part", "raw", "is_held")


def devices_of_pods(devices: pl.DataFrame, pods: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give `row` (number of the pod's row) and `hours`, and the `RESIDUALS` of holders that are no such pod.

    Fractions are what the device says. Of whole devices a pod has at least what it requested, because a
    device that is not measured is reserved all the same.
    """
    parts = device_parts(devices)
    named = pods.with_row_index("row").filter(
        pl.col("uid").is_in(parts.get_column("uid").unique().implode())
        | pl.col("pod").is_in(parts.filter(pl.col("uid").is_null()).get_column("pod").unique().implode())
    )
    parts = _with_uids(parts, named)
    is_whole = ~pl.col("is_mig") & pl.col("sharing").is_null()
    held = parts.group_by(*_PLACE, "uid").agg(pl.col("hours").sum(), is_whole.all().alias("is_whole"))
    requested = pl.col("gpu_request_hours").fill_nan(None).fill_null(0.0)
    at_least = pl.when("is_whole").then(pl.max_horizontal("hours", requested)).otherwise("hours")
    joined = named.join(held, on=[*_PLACE, "uid"]).select("row", at_least.alias("hours"))
    strange = parts.join(named, on=[*_PLACE, "uid"], how="anti")
    unheld = strange.select(
        *_DEVICE[:3],
        "namespace",
        "pod",
        "uid",
        pl.lit("gpu").alias("resource"),
        pl.lit(Cause.UNKNOWN_POD.value).alias("cause"),
        pl.col("hours").alias("amount"),
    )
    return joined, unheld.select(pl.col(name).cast(dtype) for name, dtype in RESIDUALS.items())


def _with_uids(parts: pl.DataFrame, pods: pl.DataFrame) -> pl.DataFrame:
    """Fill in the uid where a device only names its pod: of several of that name, who was there longest."""
    longest = pods.sort("alive_seconds", "uid", descending=[True, False], nulls_last=True)
    by_name = longest.unique(_NAME, keep="first", maintain_order=True).select(*_NAME, found="uid")
    joined = parts.join(by_name, on=_NAME, how="left", maintain_order="left")
    return joined.with_columns(uid=pl.coalesce("uid", "found")).drop("found")


def _with_parts(devices: pl.DataFrame) -> pl.DataFrame:
    kinds = devices.select("profile", "model").unique().drop_nulls("profile")
    told = [mig_share(profile, model) for profile, model in kinds.iter_rows()]
    by_profile = kinds.with_columns(told=pl.Series(told, dtype=pl.Float64))
    rows = devices.join(
        by_profile, on=["profile", "model"], how="left", nulls_equal=True, maintain_order="left"
    )
    share = pl.when(pl.col("share").is_finite()).then(pl.col("share"))
    part = pl.coalesce(share, "told", pl.lit(1.0)).clip(0.0, 1.0)
    return rows.with_columns(part=part).drop("told")


def _hours() -> pl.Expr:
    return pl.col("seconds").fill_nan(None).fill_null(3600.0).clip(0.0, 3600.0) / 3600.0
