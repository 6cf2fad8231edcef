"""Why a cost is paid: direct, idle, or shared, and in which pool."""

from __future__ import annotations

import polars as pl

from attribution.matching import matches
from attribution.subjects import subject_series
from attribution.tags import nothing
from config.ownership import Ownership
from domain.allocation import CostKind

FOLLOWERS = ("tax", "support", "credits")
"""Charges that follow others; each is also the name of the pool for what follows nothing."""

_CATEGORIES = {"tax": "Tax", "credits": "Credit"}


def follower_masks(resources: pl.DataFrame, ownership: Ownership) -> dict[str, pl.Series]:
    """Tell per resource whether it holds tax, support or credits (at most one of them)."""
    masks = {
        name: (resources.get_column("ChargeCategory") == category).fill_null(value=False)
        for name, category in _CATEGORIES.items()
    }
    support = matches(
        [("service", ownership.follow.support_services)], subject_series(resources, ["service"])
    )
    return {**masks, "support": support & ~masks["tax"] & ~masks["credits"]}


def kinds(resources: pl.DataFrame, owned: pl.Series, ownership: Ownership) -> list[pl.Series]:
    """Give `pool` and `cost_kind` of every resource.

    A configured pool takes what matches, owned or not. Tax, support and credits that nobody
    owns are in the pool of their name until `attribution.related` finds whom they follow.
    """
    pool = nothing(resources.height).alias("pool")
    subjects = subject_series(
        resources, (subject for part in ownership.shared for subject, _ in part.when.conditions())
    )
    for part in ownership.shared:
        pool = _join_pool(pool, matches(part.when.conditions(), subjects), part.name)
    for name, mask in follower_masks(resources, ownership).items():
        if getattr(ownership.follow, name) != "none":
            pool = _join_pool(pool, mask & ~owned, name)
    unused = (resources.get_column("CommitmentDiscountStatus") == "Unused").fill_null(value=False)
    kind = pl.DataFrame({"pool": pool, "unused": unused}).select(
        pl.when(pl.col("pool").is_not_null())
        .then(pl.lit(CostKind.SHARED))
        .when(pl.col("unused"))
        .then(pl.lit(CostKind.IDLE))
        .otherwise(pl.lit(CostKind.DIRECT))
        .alias("cost_kind")
    )
    return [pool, kind.to_series()]


def _join_pool(pool: pl.Series, mask: pl.Series, name: str) -> pl.Series:
    frame = pl.DataFrame({"pool": pool, "mask": mask})
    joins = pl.col("pool").is_null() & pl.col("mask")
    return frame.select(pl.when(joins).then(pl.lit(name)).otherwise(pl.col("pool")).alias("pool")).to_series()
