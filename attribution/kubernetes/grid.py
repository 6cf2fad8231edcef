"""Node-hours as a dense grid of integers, so that sums per node-hour are array operations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from attribution.kubernetes.policy import Floats, Split, node_parts
from attribution.kubernetes.schema import KEY, RESOURCES
from domain.usage import HOUR

Keys = npt.NDArray[np.int64]

HOUR_US = int(HOUR.total_seconds()) * 1_000_000
_CAPACITY = ("cpu_cores", "memory_gib", "gpus")
LEAST = 1e-9
"""An amount below it is none: nobody has a billionth of a core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The node-hours of one cluster: key = hour x number of nodes + node.

    Attributes:
        nodes: the names of the nodes, in the order of their codes.
        begin: the first hour, in microseconds since 1970.
        frame: `cluster`, `hour`, `node` of every node-hour that is there, once each.
        at: the keys of the rows of `frame`, ascending.
        known: by key, whether the node-hour is there.
        amounts: cores, GiB and devices by key, 0 where there is none or it is unknown.
        capacity: core-hours, GiB-hours and device-hours by key.
        parts: by resource and key, the part of the node's cost that it is.
    """

    nodes: pl.Enum
    begin: int
    frame: pl.DataFrame
    at: Keys
    known: npt.NDArray[np.bool_]
    amounts: Floats
    capacity: Floats
    parts: Floats

    @property
    def size(self) -> int:
        """Give the number of keys."""
        return len(self.known)

    @property
    def width(self) -> int:
        """Give the number of nodes."""
        return len(self.nodes.categories)

    def keys(self, frame: pl.DataFrame) -> Keys:
        """Give the key of every row by its `hour` and `node`, -1 where there is no such node-hour."""
        keys = _keys(frame, self.nodes, self.begin)
        if not self.size:
            return np.full(frame.height, -1, dtype=np.int64)
        inside = (keys >= 0) & (keys < self.size)
        return np.where(inside & self.known[np.where(inside, keys, 0)], keys, -1)

    def hour_of(self, keys: Keys) -> Keys:
        """Give the number of the hour, from 0, of keys."""
        return keys // self.width

    def sums(self, keys: Keys, amounts: Floats) -> Floats:
        """Give the sum of amounts per key."""
        return counted(keys, amounts, self.size)


def counted(keys: Keys, amounts: Floats, size: int) -> Floats:
    """Give the sum of amounts per key from 0 to `size`."""
    sums: Floats = np.bincount(keys, weights=amounts, minlength=size).astype(np.float64, copy=False)
    return sums


def grid_of(nodes: pl.DataFrame, split: Split) -> Grid:
    """Give the grid of a cluster's node-hours; of two rows of one node-hour the last counts."""
    names = pl.Enum(nodes.get_column("node").drop_nulls().unique().sort())
    width = len(names.categories)
    begin = nodes.get_column("hour").to_physical().min()
    start = begin if isinstance(begin, int) else 0
    every = _keys(nodes, names, start)
    order = np.argsort(every, kind="stable")
    last = np.r_[every[order][1:] != every[order][:-1], np.ones(min(1, len(every)), dtype=np.bool_)]
    order = order[last & (every[order] >= 0)]
    rows, keys = nodes[order], every[order]
    size = (int(keys[-1]) // width + 1) * width if len(keys) else 0
    known = np.zeros(size, dtype=np.bool_)
    known[keys] = True
    amounts = np.zeros((len(RESOURCES), size))
    amounts[:, keys] = [_positive(rows.get_column(name)) for name in _CAPACITY]
    alive = np.zeros(size)
    seconds = rows.get_column("alive_seconds").fill_nan(None).fill_null(3600)
    alive[keys] = seconds.clip(0, 3600).to_numpy() / 3600
    capacity = amounts * alive
    return Grid(
        nodes=names,
        begin=start,
        frame=pl.DataFrame([rows.get_column(name) for name in KEY]),
        at=keys,
        known=known,
        amounts=amounts,
        capacity=np.where(capacity > LEAST, capacity, 0.0),
        parts=node_parts(split, list(amounts)),
    )


def _keys(frame: pl.DataFrame, names: pl.Enum, begin: int) -> Keys:
    hour = (frame.get_column("hour").to_physical().fill_null(begin - HOUR_US) - begin) // HOUR_US
    node = frame.get_column("node").cast(names, strict=False).to_physical().cast(pl.Int64)
    keys: Keys = hour.to_numpy() * len(names.categories) + node.fill_null(-(2**62)).to_numpy()
    return keys


def _positive(amounts: pl.Series) -> Floats:
    clean = amounts.fill_nan(None).fill_null(0).to_numpy()
    found: Floats = np.where(np.isfinite(clean) & (clean > LEAST), clean, 0.0)
    return found
