"""The parts of every node-hour: max(request, usage) of each pod against what the node has.

Per node-hour and resource a pod has its holding's part of the capacity. Where the pods of a node hold
more than it has, all are scaled to it, so idle is never negative; what was scaled away is told. Weights
are integers that sum to `WHOLE` exactly: each pod's is rounded down, what that leaves (less than a unit
per pod) belongs to the idle part, or to the largest where nothing is idle.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from attribution.kubernetes.grid import Grid, Keys, grid_of
from attribution.kubernetes.holdings import LABELS, Holdings, holdings, residual
from attribution.kubernetes.idle import across_cluster, worth_of
from attribution.kubernetes.policy import Floats, ratio
from attribution.kubernetes.quota import quota_parts
from attribution.kubernetes.rows import Rows, joined, weighed
from attribution.kubernetes.schema import KEY, RESIDUALS, RESOURCES, SHARES, WHOLE, Cause
from config.allocation import AllocationSettings
from domain.usage import DEVICE_HOURS

_SAME = 1e-9
"""Relative difference of what is held and what is there below which they are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What is known of any number of hours of one cluster.

    Attributes:
        nodes: `NODE_HOURS`.
        pods: `POD_HOURS`.
        devices: `DEVICE_HOURS`; without rows a pod has the GPUs that it requested.
        quotas: `QUOTA_HOURS`, read if unused quota is charged.
        costs: `cluster`, `hour`, `node` and `cost` (any number), by which idle is shared across the
            cluster; without it a node is worth what its capacity is by base prices.
    """

    nodes: pl.DataFrame
    pods: pl.DataFrame
    devices: pl.DataFrame = field(default_factory=DEVICE_HOURS.to_frame)
    quotas: pl.DataFrame | None = None
    costs: pl.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitHours:
    """How the node-hours of a cluster were split.

    Attributes:
        shares: `SHARES`, in no order to rely on.
        residuals: `RESIDUALS`: what was held and is in no share, and why.
        places: `cluster`, `hour`, `node` and `slot`, a number for each node-hour.
        slots: the `slot` of every share, by which money finds its shares without comparing names.
    """

    shares: pl.DataFrame
    residuals: pl.DataFrame
    places: pl.DataFrame
    slots: pl.Series


def shares(
    nodes: pl.DataFrame, pods: pl.DataFrame, devices: pl.DataFrame, settings: AllocationSettings
) -> pl.DataFrame:
    """Give who has which part of the node-hours of one cluster; see `split_hours`, which says more."""
    return split_hours(Measured(nodes=nodes, pods=pods, devices=devices), settings).shares


def split_hours(measured: Measured, settings: AllocationSettings) -> SplitHours:
    """Give who has which part of the node-hours of one cluster, and what could not be told.

    Raises:
        ValueError: the nodes are of several clusters.
    """
    nodes, quotas = measured.nodes, measured.quotas
    if nodes.get_column("cluster").n_unique() > 1:
        raise ValueError("shares are of one cluster; partition the frames by cluster")
    grid = grid_of(nodes, settings.split)
    found = holdings(grid, measured.pods, measured.devices)
    use = _use_of(grid, found)
    extra: list[Rows] = []
    if settings.quota.charge_unused and quotas is not None:
        reserved = quota_parts(grid, use.idle, quotas)
        use.idle -= reserved.per_key(grid)
        extra.append(reserved)
    if settings.idle == "node":
        use.used += np.where(use.held > 0, use.idle, 0.0)
        use.idle[use.held > 0] = 0.0
    elif settings.idle == "cluster":
        worth = worth_of(grid, settings.split, measured.costs)
        extra.append(across_cluster(grid, found, use, worth))
    divided, keys = _shares(grid, joined([_pods(found, use), *extra]), use.idle)
    return SplitHours(
        shares=divided,
        places=grid.frame.with_columns(pl.Series("slot", grid.at)),
        slots=pl.Series("slot", keys),
        residuals=pl.concat([RESIDUALS.to_frame(), *found.residuals, _unpriced(grid)]),
    )


@dataclass(slots=True)
class Use:
    """How node-hours were used, by resource and key.

    Attributes:
        held: what their pods held, in core-hours, GiB-hours and device-hours.
        used: the part of the node's cost that goes to its own pods, by what they held.
        idle: the part that nobody has.
        beyond: what a unit that was held counts as over-commit.
    """

    held: Floats
    used: Floats
    idle: Floats
    beyond: Floats


def _use_of(grid: Grid, found: Holdings) -> Use:
    held = np.stack([grid.sums(found.keys, one) for one in found.held])
    same = np.abs(held - grid.capacity) <= _SAME * grid.capacity
    room = np.where(same, held, np.maximum(held, grid.capacity))
    over = ~same & (held > grid.capacity)
    beyond = np.where(over, grid.parts * (ratio(np.ones(1), grid.capacity) - ratio(np.ones(1), held)), 0.0)
    return Use(
        held=held,
        used=grid.parts * ratio(held, room),
        idle=grid.parts * np.where(room > 0, ratio(room - held, room), 1.0),
        beyond=np.where(grid.capacity > 0, beyond, 0.0),
    )


def _pods(found: Holdings, use: Use) -> Rows:
    """Give the parts that pods have of their own nodes."""
    coefficient = ratio(use.used, use.held)
    parts = np.empty_like(found.held)
    overcommit = np.zeros(len(found.keys))
    for at in range(len(RESOURCES)):
        np.multiply(found.held[at], coefficient[at][found.keys], out=parts[at])
        if use.beyond[at].any():
            overcommit += found.held[at] * use.beyond[at][found.keys]
    return Rows(
        keys=found.keys,
        parts=parts,
        labels=_labels(found.pods, "workload"),
        overcommit=overcommit,
    )


def _shares(grid: Grid, rows: Rows, idle: Floats) -> tuple[pl.DataFrame, Keys]:
    """Give the weights of rows and of what is idle, as `SHARES`, and their keys."""
    nothing_idle = grid.known & (idle.sum(axis=0) <= 0) & (grid.parts.sum(axis=0) > 0)
    weights, left = weighed(grid, rows, nothing_idle)
    at = grid.at[left[grid.at] > 0]
    spare = _labels(grid.frame[np.flatnonzero(left[grid.at] > 0)], "idle")
    taken = _as_shares(rows.labels, weights, rows.parts, rows.overcommit)
    free = _as_shares(spare, left[at], idle[:, at], np.zeros(len(at)))
    return pl.concat([taken, free]), np.concatenate([rows.keys, at])


def _labels(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Give who has parts, as columns that are taken over or are the same throughout."""
    names = [n for n in SHARES.names()[: len(KEY) + 1 + len(LABELS)] if n != "kind"]
    none = pl.repeat(None, rows.height, dtype=pl.String(), eager=True)
    columns = [rows.get_column(n) if n in rows.columns else none.alias(n) for n in names]
    columns.insert(len(KEY), pl.repeat(kind, rows.height, dtype=pl.String(), eager=True).alias("kind"))
    return pl.DataFrame(columns)


def _as_shares(labels: pl.DataFrame, weights: Keys, parts: Floats, overcommit: Floats) -> pl.DataFrame:
    amounts = [pl.Series(name, parts[at] * WHOLE) for at, name in enumerate(RESOURCES)]
    return labels.hstack([pl.Series("weight", weights), *amounts, pl.Series("overcommit", overcommit)])


def _unpriced(grid: Grid) -> pl.DataFrame:
    """Name the node-hours that nothing could be charged by."""
    rows = grid.frame[np.flatnonzero(grid.parts.sum(axis=0)[grid.at] <= 0)]
    return residual(rows, Cause.NO_PRICE, resource=pl.lit(None), amount=pl.lit(None))
