"""Hours in which a node may have run although nothing was measured; what they cost is not split.

An hour in which something of a cluster was measured is known: who is not in it was not there. In an
unknown hour a thing may have been there if it was in the known hour next to it, before or after.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import polars as pl

from domain.charge import INSTANT

GAPS = pl.Schema({"cluster": pl.String(), "thing": pl.String(), "hour": INSTANT})
"""Hours of a thing that may be missing."""


_SIDES: tuple[Literal["backward", "forward"], ...] = ("backward", "forward")


def gaps(alive: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    """Give the hours of `[start, end)` in which things may have been there unmeasured (`GAPS`).

    Args:
        alive: `cluster`, `thing`, `hour`: when things were there. An hour without any thing of a
            cluster is unknown.
        start, end: whole hours.
    """
    known = alive.select("cluster", "hour").unique().sort("hour")
    grid = pl.datetime_range(start, end, "1h", closed="left", time_unit="us", eager=True)
    every = known.select("cluster").unique().join(grid.alias("hour").to_frame(), how="cross").sort("hour")
    unknown = every.join(known, on=["cluster", "hour"], how="anti").sort("hour")
    near = []
    for strategy in _SIDES:
        side = known.with_columns(next_to=pl.col("hour"))
        near.append(
            unknown.join_asof(side, on="hour", by="cluster", strategy=strategy, check_sortedness=False)
        )
    beside = pl.concat(near).drop_nulls("next_to").unique()
    there = alive.select("cluster", "thing", next_to=pl.col("hour")).unique()
    return beside.join(there, on=["cluster", "next_to"]).select(GAPS.names()).unique()
