"""Integer keys for combinations of names, so that facts join and group by integers."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def numbered(
    frame: pl.DataFrame, names: Sequence[str], code: str, *, sort: bool = False
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give (`dim_id`, code) of every row, and (code, names) of every distinct combination.

    Nulls are a value like any other. With `sort` the codes follow the order of the names,
    else any; they are only good within one query.
    """
    if not names:
        whole = pl.DataFrame({code: [0]}, schema={code: pl.UInt32})
        return frame.select("dim_id", pl.lit(0, dtype=pl.UInt32).alias(code)), whole
    grouped = frame.lazy().group_by(names).agg("dim_id")
    if sort:
        grouped = grouped.sort(names)
    coded = grouped.with_row_index(code).collect()
    return coded.select("dim_id", code).explode("dim_id"), coded.select(code, *names)
