"""Why a cost is paid: direct, idle, or shared, and in which pool."""

from __future__ import annotations

import polars as pl

from attribution.matching import matches
from attribution.subjects import Texts
from config.ownership import Ownership
from domain.allocation import CostKind

FOLLOWERS = ("tax", "support", "credits")
"""Charges that follow others; each is also the name of the pool for what follows nothing."""

ASKED_OF_KINDS = ("charge_category", "service", "commitment_status", "allocation_kind")
"""Subjects that decide about the cost kind."""


UNUSED_PARTS = ("idle", "unmounted")
"""`x_AllocationKind` of parts of a machine or disk that nobody held."""


def kinds(texts: Texts, owned: pl.Series, ownership: Ownership) -> list[pl.Series]:
    """Give `pool` and `cost_kind` of every resource.

    A configured pool takes what matches, owned or not. Tax, support and credits that nobody
    owns are in the pool of their name until `attribution.related` finds whom they follow.
    """
    pools = [
        pl.when(matches(pool.when.conditions(), texts)).then(pl.lit(pool.name)) for pool in ownership.shared
    ]
    for name, mask in _followers(texts, ownership).items():
        if getattr(ownership.follow, name) != "none":
            pools.append(pl.when(mask & ~pl.col("owned")).then(pl.lit(name)))
    pool = pl.coalesce(*pools) if pools else pl.lit(None, dtype=pl.String())
    unused = matches([("commitment_status", ("Unused",))], texts) | matches(
        [("allocation_kind", UNUSED_PARTS)], texts
    )
    kind = (
        pl.when(pl.col("pool").is_not_null())
        .then(pl.lit(CostKind.SHARED))
        .when(unused)
        .then(pl.lit(CostKind.IDLE))
        .otherwise(pl.lit(CostKind.DIRECT))
    )
    rows = texts.frame.with_columns(owned.alias("owned")).lazy().with_columns(pool.alias("pool"))
    return rows.select("pool", kind.alias("cost_kind")).collect().get_columns()


def _followers(texts: Texts, ownership: Ownership) -> dict[str, pl.Expr]:
    """Tell which resources hold tax, support and credits; the first that applies counts."""
    return {
        "tax": matches([("charge_category", ("Tax",))], texts),
        "credits": matches([("charge_category", ("Credit",))], texts),
        "support": matches([("service", ownership.follow.support_services)], texts),
    }
