"""Who takes part in a shared pool, and with what weight.

Per billing period, UTC day and currency, over all sources: every value of the pool's
`across` fields that has direct cost above zero takes part, by that cost or evenly. A pool's
member keeps everything else it is known by; only those owner fields change. The day decides,
whatever hours, months or filters a report asks for, so every cut of it adds up to the same.
Weights are the same cost column that is shared, so that a reader can check them on the page.
"""

from __future__ import annotations

import polars as pl

from attribution.largest_remainder import UNITS
from domain.allocation import CostKind

DAY = ("billing_period", "day", "currency")


def participants(owners: pl.DataFrame, across: tuple[str, ...]) -> pl.DataFrame:
    """Give the distinct values that a pool may be shared among, in the order of ties.

    `owners` holds the direct owners. A value that lacks a field takes no part: an
    unallocated cost is nobody's, so it carries nothing.
    """
    named = owners.filter(pl.col("cost_kind") == CostKind.DIRECT, pl.col("pool").is_null())
    values = named.select(across).drop_nulls().unique().sort(across)
    return values.with_row_index("target")


def direct_totals(cells: pl.LazyFrame, members: pl.DataFrame, cost: str, days: pl.DataFrame) -> pl.DataFrame:
    """Give what every participant's direct charges cost per day.

    Args:
        cells: facts of whole days.
        members: `dim_id`, `currency` and `target` of every direct resource that takes part.
        cost: cost column.
        days: the (`billing_period`, `day`) that are needed.

    Returns:
        `billing_period`, `day`, `currency`, `target`, and the sum of the cost.
    """
    dates = days.get_column("day").unique()
    sums = (
        cells.filter(pl.col("day").is_in(dates.implode()))
        .select("dim_id", "billing_period", "day", cost)
        .join(members.lazy(), on="dim_id", how="inner")
        .group_by(*DAY, "target")
        .agg(pl.col(cost).sum())
        .collect(engine="streaming")
    )
    return sums.join(days.unique(), on=["billing_period", "day"], how="semi")


def evened(totals: pl.DataFrame) -> pl.DataFrame:
    """Give every participant the same weight."""
    return totals.with_columns(pl.lit(1).cast(UNITS).alias("weight"))
