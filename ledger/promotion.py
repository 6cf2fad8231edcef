"""Promoted tags: columns of the resource dimension that rules and other engines can read.

They are stored with the rows. A row stored before a key was promoted lacks it; then the
columns come from `Tags` until maintenance has written the row anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ledger import tags
from ledger.tables import PROMOTED, TableSpec, keys_of


def apply(rows: pl.DataFrame, spec: TableSpec) -> pl.DataFrame:
    """Add the promoted columns that the table has to rows of the resource dimension."""
    keys = keys_of(spec)
    return rows.with_columns(pl.lit(",".join(keys)).alias(PROMOTED), *tags.promoted(rows, keys))


def columns(resources: pl.LazyFrame, promote: Sequence[str]) -> list[pl.Expr]:
    """Give one expression per promoted key: the stored column where every row has it."""
    wanted = tags.normalised(promote)
    stored = set(tags.storable(wanted)) & _in_every_row(resources) if wanted else set()
    found: dict[str, pl.Expr] = {key: pl.col(tags.column_of(key)) for key in stored}
    if missing := [key for key in wanted if key not in stored]:
        looked_up = tags.promoted(resources.select("Tags").collect(), missing)
        found.update(zip(missing, looked_up, strict=True))
    return [found[key] for key in wanted]


def _in_every_row(resources: pl.LazyFrame) -> set[str]:
    if PROMOTED not in resources.collect_schema():
        return set()
    kinds = resources.select(pl.col(PROMOTED).unique()).collect().to_series().to_list()
    keys = [set((kind or "").split(",")) for kind in kinds]
    return set.intersection(*keys) if keys else set()
