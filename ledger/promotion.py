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
    return rows.with_columns(pl.lit(",".join(keys)).alias(PROMOTED), *tags.promoted(rows["Tags"], keys))


def with_columns(resources: pl.LazyFrame, promote: Sequence[str]) -> pl.LazyFrame:
    """Add one column per promoted key: the stored one where every row has it, else from `Tags`."""
    wanted = tags.normalised(promote)
    if not wanted:
        return resources
    stored = set(tags.storable(wanted)) & _in_every_row(resources)
    missing = [key for key in wanted if key not in stored]
    if missing:
        names = [tags.column_of(key) for key in missing]
        looked_up = pl.col("Tags").map_batches(
            lambda found: found.to_frame("Tags").select(pl.struct(tags.promoted(found, missing))).to_series(),
            return_dtype=pl.Struct(dict.fromkeys(names, pl.String())),
            is_elementwise=True,
        )
        resources = resources.drop(names, strict=False).with_columns(looked_up.struct.unnest())
    return resources


def _in_every_row(resources: pl.LazyFrame) -> set[str]:
    if PROMOTED not in resources.collect_schema():
        return set()
    kinds = resources.select(pl.col(PROMOTED).unique()).collect().to_series().to_list()
    keys = [set((kind or "").split(",")) for kind in kinds]
    return set.intersection(*keys) if keys else set()
