"""Parts of node-hours, and how they become whole weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from attribution.kubernetes.grid import Grid, Keys
from attribution.kubernetes.policy import Floats
from attribution.kubernetes.schema import RESOURCES, WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Parts of node-hours that somebody has.

    Attributes:
        keys: of the node-hours.
        parts: by resource and row, as parts of the node's cost.
        labels: `cluster`, `hour`, `node`, `kind` and what the holder is called.
        overcommit: what was scaled away, as parts of the node's cost.
    """

    keys: Keys
    parts: Floats
    labels: pl.DataFrame
    overcommit: Floats

    def per_key(self, grid: Grid) -> Floats:
        """Give the sums of the parts by resource and node-hour."""
        return np.stack([grid.sums(self.keys, one) for one in self.parts])


def joined(several: Sequence[Rows]) -> Rows:
    """Give all rows as one, in their order."""
    if len(several) == 1:
        return several[0]
    return Rows(
        keys=np.concatenate([rows.keys for rows in several]),
        parts=np.concatenate([rows.parts for rows in several], axis=1),
        labels=pl.concat([rows.labels for rows in several]),
        overcommit=np.concatenate([rows.overcommit for rows in several]),
    )


def weighed(grid: Grid, rows: Rows, full: npt.NDArray[np.bool_]) -> tuple[Keys, Keys]:
    """Give the weights of rows, and by key what is left of `WHOLE` for the idle part.

    Args:
        grid: the node-hours.
        rows: who has which part.
        full: by key, whether nothing of the node-hour is idle; its weights leave nothing.
    """
    whole = rows.parts[0] + rows.parts[1]
    for at in range(2, len(RESOURCES)):
        whole += rows.parts[at]
    whole *= WHOLE
    weights = whole.astype(np.int64)
    left = np.where(grid.known, WHOLE, 0) - grid.sums(rows.keys, weights.astype(np.float64)).astype(np.int64)
    wrong = (full & (left != 0)) | (left < 0)
    if wrong.any():
        _even_out(rows, weights, left, wrong)
    return weights, left


def _even_out(rows: Rows, weights: Keys, left: Keys, wrong: npt.NDArray[np.bool_]) -> None:
    """Hand what rounding left (or took too much) to the largest weights, unit by unit, ties by uid."""
    at = np.flatnonzero(wrong[rows.keys])
    ranked = (
        rows.labels[at]
        .select(
            "uid", "namespace", row=pl.Series(at), key=pl.Series(rows.keys[at]), weight=pl.Series(weights[at])
        )
        .sort("key", "weight", "uid", "namespace", descending=[False, True, False, False])
    )
    keys, order = ranked.get_column("key").to_numpy(), ranked.get_column("row").to_numpy()
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    counts = np.diff(np.r_[first, len(keys)])
    place = np.arange(len(keys)) - np.repeat(first, counts)
    wanted = left[keys]
    each, odd = np.divmod(np.abs(wanted), np.repeat(counts, counts))
    weights[order] += np.sign(wanted) * (each + (place < odd))
    left[keys] = 0
