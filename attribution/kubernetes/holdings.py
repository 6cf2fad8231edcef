"""What every pod held, and which of its holdings nobody knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from attribution.kubernetes.gpu import devices_of_pods
from attribution.kubernetes.grid import LEAST, Grid, Keys
from attribution.kubernetes.policy import Floats
from attribution.kubernetes.schema import RESIDUALS, RESOURCES, Cause

LABELS = ("uid", "namespace", "pod", "workload_kind", "workload")
"""What a pod is called in every frame."""

_HELD = {
    "cpu": ("cpu_hours", "cpu_request_hours", "cpu_used_hours"),
    "memory": ("memory_hours", "memory_request_hours", "memory_used_hours"),
    "gpu": ("gpu_request_hours",),
}
"""Per resource what was held, else what it is made of: the greater of request and usage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What the pods of known nodes held.

    Attributes:
        pods: their rows, in the order given.
        keys: of their node-hours.
        held: by resource and pod, core-hours, GiB-hours and device-hours; 0 where unknown.
        residuals: what could not be told.
    """

    pods: pl.DataFrame
    keys: Keys
    held: Floats
    residuals: list[pl.DataFrame]


def holdings(grid: Grid, pods: pl.DataFrame, devices: pl.DataFrame) -> Holdings:
    """Give what the pods held on the nodes that are there, and name the rest."""
    keys = grid.keys(pods)
    residuals = []
    if len(strange := np.flatnonzero(keys < 0)):
        residuals += list(_of_unknown_nodes(pods[strange]))
        there = np.flatnonzero(keys >= 0)
        pods, keys = pods[there], keys[there]
    amounts = pl.DataFrame([_held(pods, name) for name in RESOURCES])
    residuals += _unmeasured(pods, amounts)
    held = np.stack([amounts.get_column(name).fill_null(0.0).to_numpy() for name in RESOURCES])
    if devices.height:
        by_device, unheld = devices_of_pods(devices, pods)
        at = by_device.get_column("row").to_numpy()
        held[2, at] = by_device.get_column("hours").to_numpy()
        residuals.append(unheld)
    held[held < LEAST] = 0.0
    residuals += _without_capacity(grid, pods, keys, held)
    return Holdings(pods=pods, keys=keys, held=held, residuals=residuals)


def held_of(resource: str) -> pl.Expr:
    """Give what a row of pod-hours held of a resource; null if neither request nor usage is known."""
    told, *made_of = [_known(name) for name in _HELD[resource]]
    held = pl.coalesce(told, pl.max_horizontal(*made_of)) if made_of else told
    return held.clip(lower_bound=0).alias(resource)


def _held(pods: pl.DataFrame, resource: str) -> pl.Series:
    """Give the same as `held_of`; where everything was measured, without looking at what it is made of."""
    told = pods.get_column(_HELD[resource][0])
    if told.null_count() == 0 and bool((np.isfinite(plain := told.to_numpy()) & (plain >= 0)).all()):
        return told.alias(resource)
    return pods.select(held_of(resource)).to_series()


def residual(rows: pl.DataFrame, cause: Cause, *, resource: pl.Expr, amount: pl.Expr) -> pl.DataFrame:
    """Give rows of `RESIDUALS`; columns that `rows` lacks are null."""
    made = rows.with_columns(resource=resource, cause=pl.lit(cause.value), amount=amount)
    missing = [pl.lit(None, dtype).alias(n) for n, dtype in RESIDUALS.items() if n not in made.columns]
    return made.with_columns(missing).select(pl.col(n).cast(dtype) for n, dtype in RESIDUALS.items())


def _known(name: str) -> pl.Expr:
    return pl.when(pl.col(name).is_finite()).then(pl.col(name))


def _of_unknown_nodes(pods: pl.DataFrame) -> list[pl.DataFrame]:
    """Name what pods on unknown nodes held; a pod of which nothing is known is still named."""
    held = pods.with_columns(held_of(name) for name in RESOURCES)
    found = [
        residual(
            held.filter((pl.col(name) > 0) | pl.col(name).is_null() & (name != "gpu")),
            Cause.UNKNOWN_NODE,
            resource=pl.lit(name),
            amount=pl.col(name),
        )
        for name in RESOURCES
    ]
    nothing = held.filter(
        (pl.col("cpu") <= 0) & (pl.col("memory") <= 0) & ~(pl.col("gpu") > 0).fill_null(value=False)
    )
    if nothing.height:
        found.append(residual(nothing, Cause.UNKNOWN_NODE, resource=pl.lit(None), amount=pl.lit(0.0)))
    return found


def _unmeasured(pods: pl.DataFrame, amounts: pl.DataFrame) -> list[pl.DataFrame]:
    """Name the pods whose CPU or memory nobody knows; a pod without a GPU request just has none."""
    return [
        residual(
            pods.filter(amounts.get_column(name).is_null()),
            Cause.NO_METRICS,
            resource=pl.lit(name),
            amount=pl.lit(None),
        )
        for name in RESOURCES[:2]
        if amounts.get_column(name).null_count()
    ]


def _without_capacity(grid: Grid, pods: pl.DataFrame, keys: Keys, held: Floats) -> list[pl.DataFrame]:
    """Name what was held of a resource that its node does not have, as far as is known."""
    found = []
    for at, name in enumerate(RESOURCES):
        if (grid.amounts[at][grid.at] > 0).all():
            continue
        rows = np.flatnonzero((grid.amounts[at][keys] <= 0) & (held[at] > 0))
        if len(rows):
            amount = pl.Series(held[at][rows])
            named = pods[rows].with_columns(amount.alias("held"))
            found.append(residual(named, Cause.NO_CAPACITY, resource=pl.lit(name), amount=pl.col("held")))
    return found
