"""The check of split costs: parts of a resource are never more than the resource. Pure."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from domain.money import plain
from domain.text import shortened

_KEY = ["key"]


def noted(parents: pl.DataFrame, splits: pl.DataFrame, period: str, rounding: Decimal) -> list[str]:
    """Say where more of a resource is given away in an hour than it cost, or its cost is not there."""
    mine = splits.filter(pl.col("period") == period)
    if mine.is_empty():
        return []
    parts = mine.group_by(_KEY).agg(
        pl.col("resource").first(), pl.col("start").first(), pl.col("cost", "lines").sum()
    )
    whole = parents.filter(pl.col("period") == period).group_by(_KEY).agg(pl.col("cost").sum().alias("whole"))
    both = parts.join(whole, on=_KEY, how="left")
    notes = []
    orphans = both.filter(pl.col("whole").is_null(), pl.col("cost") != 0)
    if orphans.height:
        first = orphans.sort("start", "resource").row(0, named=True)
        notes.append(
            f"split costs of {orphans.height:,} hours have no charge of their resource in this export, "
            f"{shortened(first['resource'], 80)} at {first['start']:%Y-%m-%d %H:%M} first"
        )
    # Each part is rounded for itself.
    allowed = pl.col("lines").cast(pl.Decimal(38, 0)) * pl.lit(2 * rounding, dtype=pl.Decimal(38, 12))
    over = both.filter(pl.col("cost") > pl.col("whole") + allowed)
    if over.height:
        first = over.sort("start", "resource").row(0, named=True)
        notes.append(
            f"in {over.height:,} hours more was split than the resource cost, first "
            f"{plain(first['cost'])} of {plain(first['whole'])} of {shortened(first['resource'], 80)} "
            f"at {first['start']:%Y-%m-%d %H:%M}; the parts are kept as AWS gives them"
        )
    return notes
