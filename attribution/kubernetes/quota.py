"""Reserved but unused quota, charged to the namespace that holds it."""

from __future__ import annotations

import numpy as np
import polars as pl

from attribution.kubernetes.grid import HOUR_US, LEAST, Grid, Keys, counted
from attribution.kubernetes.policy import Floats, ratio
from attribution.kubernetes.rows import Rows
from attribution.kubernetes.schema import RESOURCES


def unused_quota(quotas: pl.DataFrame) -> pl.DataFrame:
    """Give `hour`, `namespace`, `resource` and `unused`, in cores, GiB or devices for that hour.

    Of several quotas of a namespace the tightest counts, as it does in the cluster. Where what is used
    is not known nothing is charged.
    """
    rows = quotas.filter(pl.col("hard").is_finite(), pl.col("used").is_finite())
    unused = (pl.col("hard") - pl.col("used")).clip(lower_bound=0.0).min().alias("unused")
    return rows.group_by("hour", "namespace", "resource").agg(unused).filter(pl.col("unused") > LEAST)


def quota_parts(grid: Grid, idle: Floats, quotas: pl.DataFrame) -> Rows:
    """Give the parts of idle capacity that namespaces have reserved, the same on every node.

    Quotas are the cluster's, not a node's, so each idle node-hour gives the same part of what is idle on
    it. Namespaces that reserved more than is idle have all of it, in proportion.

    Args:
        grid: the node-hours.
        idle: by resource and key, the part of the node's cost that nobody has.
        quotas: `QUOTA_HOURS`.
    """
    spare = ratio(idle, grid.parts) * grid.capacity
    hours = grid.hour_of(np.arange(grid.size))
    count = grid.size // max(1, grid.width)
    by_hour = np.stack([counted(hours, one, count) for one in spare])
    names, asked = _asked(grid, unused_quota(quotas), count)
    most = np.maximum(asked.sum(axis=0), by_hour)
    scale = ratio(np.ones(1), np.where(most > LEAST, most, 0.0))
    who, where, taken = [], [], []
    for number in range(len(names)):
        parts = idle * (asked[number] * scale)[:, hours]
        keys = np.flatnonzero(parts.sum(axis=0) > 0)
        who.append(np.full(len(keys), number))
        where.append(keys)
        taken.append(parts[:, keys])
    nothing = np.empty(0, dtype=np.int64)
    keys = np.concatenate([nothing, *where])
    return Rows(
        keys=keys,
        parts=np.concatenate([np.empty((len(RESOURCES), 0)), *taken], axis=1),
        labels=_labels(grid, keys, names[np.concatenate([nothing, *who])]),
        overcommit=np.zeros(len(keys)),
    )


def _asked(grid: Grid, unused: pl.DataFrame, count: int) -> tuple[pl.Series, Floats]:
    """Give the namespaces, and by namespace, resource and hour what they reserved and did not use."""
    hour = (pl.col("hour").to_physical() - grid.begin) // HOUR_US
    resource = pl.col("resource").replace_strict(list(RESOURCES), list(range(len(RESOURCES))), default=None)
    rows = unused.with_columns(hour=hour, at=resource.cast(pl.Int64)).filter(
        pl.col("at").is_not_null(), pl.col("hour").is_between(0, count - 1)
    )
    names = rows.get_column("namespace").unique().sort()
    who = names.search_sorted(rows.get_column("namespace")).to_numpy()
    asked = np.zeros((len(names), len(RESOURCES), count))
    asked[who, rows.get_column("at").to_numpy(), rows.get_column("hour").to_numpy()] = rows.get_column(
        "unused"
    )
    return names, asked


def _labels(grid: Grid, keys: Keys, namespaces: pl.Series) -> pl.DataFrame:
    none = pl.lit(None, pl.String())
    return grid.frame[np.searchsorted(grid.at, keys)].with_columns(
        pl.lit("idle").alias("kind"),
        none.alias("uid"),
        namespaces.alias("namespace"),
        none.alias("pod"),
        pl.lit("ResourceQuota").alias("workload_kind"),
        pl.lit("unused quota").alias("workload"),
    )
