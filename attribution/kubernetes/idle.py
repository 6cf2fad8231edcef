"""Idle capacity shared across a cluster: everybody pays the same part on top of what they hold.

Per hour and resource the idle money of all nodes goes to the cluster's pods by what their holdings cost.
A pod of a node that is fuller than the others so gets a part of emptier nodes: as few as possible, in
the order of names, so that every node is still split into a few parts that sum to it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import polars as pl

from attribution.kubernetes.grid import Grid, Keys, counted
from attribution.kubernetes.holdings import LABELS, Holdings
from attribution.kubernetes.policy import BASE_PRICES, Floats, Split, ratio
from attribution.kubernetes.rows import Rows
from attribution.kubernetes.schema import KEY, RESOURCES
from config.allocation import BasePrices

_NOISE = 1e-12
"""A part of a node-hour below it is rounding."""


class Used(Protocol):
    """How node-hours were used, by resource and key; `used` and `idle` are changed."""

    held: Floats
    used: Floats
    idle: Floats


def worth_of(grid: Grid, split: Split, costs: pl.DataFrame | None) -> Floats:
    """Give what node-hours are worth to each other: their cost, else their capacity by base prices.

    A node-hour that `costs` lacks is worth nothing: what is idle on it stays there.
    """
    if costs is not None:
        keys = grid.keys(costs)
        there = keys >= 0
        amounts = costs.get_column("cost").cast(pl.Float64).fill_null(0.0).to_numpy()
        return grid.sums(keys[there], np.where(np.isfinite(amounts), amounts, 0.0)[there])
    own = (split.cpu, split.memory, split.gpu) if isinstance(split, BasePrices) else None
    prices = own or BASE_PRICES.get(str(split), BASE_PRICES["opencost"])
    worth: Floats = np.array(prices) @ grid.capacity
    return worth


def across_cluster(grid: Grid, found: Holdings, use: Used, worth: Floats) -> Rows:
    """Share idle capacity among all pods of each hour, and give the parts they have of other nodes.

    What nobody in the cluster holds any of (GPUs, where no pod has one) stays idle where it is.
    """
    hours = grid.hour_of(np.arange(grid.size))
    count = grid.size // max(1, grid.width)
    value = np.where(grid.known & (worth > 0), worth, 0.0)
    pool, base = (
        np.stack([counted(hours, value * one, count) for one in parts]) for parts in (use.idle, use.used)
    )
    moved = (base > 0)[:, hours] & (value > 0)
    factor = np.where(moved, 1 + ratio(pool, base)[:, hours], 1.0)
    budget = value * (use.used + np.where(moved, use.idle, 0.0)).sum(axis=0)
    target = value * (use.used * factor).sum(axis=0)
    kept = np.where(target > budget, ratio(budget, target), 1.0)
    wanted = use.used * factor
    use.used[:] = np.where(moved, wanted * kept, use.used)
    use.idle[moved] = 0.0
    surplus = np.where(budget - target > _NOISE * value, budget - target, 0.0)
    short = np.where(target - budget > _NOISE * value, 1 - kept, 0.0)
    return _elsewhere(grid, found, ratio(value * wanted * short, use.held), _Spare(surplus, value))


class _Spare:
    """What nodes can give to pods of others, and what they are worth, by key."""

    def __init__(self, surplus: Floats, value: Floats) -> None:
        self.surplus, self.value = surplus, value
        self.keys: Keys = np.flatnonzero(surplus > 0)


def _elsewhere(grid: Grid, found: Holdings, missing: Floats, spare: _Spare) -> Rows:
    """Lay what pods miss beside what nodes have to spare, hour by hour.

    Args:
        grid: the node-hours.
        found: what pods held.
        missing: by resource and key, the money that a unit held misses.
        spare: where it comes from.
    """
    needs = np.stack([found.held[at] * missing[at][found.keys] for at in range(len(RESOURCES))])
    rows = np.flatnonzero(needs.sum(axis=0) > 0)
    ordered = (
        pl.DataFrame({"row": rows, "key": found.keys[rows]})
        .with_columns(found.pods[rows].get_column("uid"))
        .sort("key", "uid")
    )
    rows = ordered.get_column("row").to_numpy()
    givers, takers, moneys = [], [], []
    of_giver, of_taker = grid.hour_of(spare.keys), grid.hour_of(found.keys[rows])
    for hour in np.intersect1d(of_giver, of_taker):
        nodes, pods = spare.keys[of_giver == hour], rows[of_taker == hour]
        giver, taker, money = _laid_out(spare.surplus[nodes], needs[:, pods].sum(axis=0))
        givers.append(nodes[giver])
        takers.append(pods[taker])
        moneys.append(money)
    nothing: list[Keys] = [np.empty(0, dtype=np.int64)]
    giver, taker = np.concatenate(givers or nothing), np.concatenate(takers or nothing)
    money = np.concatenate(moneys or nothing).astype(np.float64)
    need = needs[:, taker]
    places = grid.frame[np.searchsorted(grid.at, giver)].with_columns(pl.lit("workload").alias("kind"))
    return Rows(
        keys=giver,
        parts=need * ratio(ratio(money, spare.value[giver]), need.sum(axis=0)),
        labels=places.hstack(found.pods[taker].select(LABELS)).select(*KEY, "kind", *LABELS),
        overcommit=np.zeros(len(giver)),
    )


def _laid_out(surplus: Floats, needs: Floats) -> tuple[Keys, Keys, Floats]:
    """Give the overlaps of two rows of lengths that are as long in all: from, to, how much."""
    ends = np.cumsum(surplus)
    needed = np.cumsum(needs)
    needed *= ends[-1] / needed[-1]
    needed[-1] = ends[-1]
    cuts = np.unique(np.concatenate([ends, needed]))
    begins = np.r_[0.0, cuts[:-1]]
    middle = (cuts + begins) / 2
    giver = np.minimum(np.searchsorted(ends, middle), len(ends) - 1)
    taker = np.minimum(np.searchsorted(needed, middle), len(needed) - 1)
    return giver, taker, cuts - begins
