"""Stretches of hours in which something stayed as it was.

An hour that could not be told neither ends a stretch nor counts in it; too many of them in a
row do end it, because nobody knows what happened meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

import polars as pl

from domain.usage import HOUR


class State(StrEnum):
    """What an hour was."""

    WORKING = "working"
    IDLE = "idle"
    UNKNOWN = "unknown"


class Ending(StrEnum):
    """How a stretch ended."""

    OPEN = "open"
    WORK = "work"
    GAP = "gap"
    GONE = "gone"


def numbered(hours: pl.DataFrame, keys: Sequence[str], bridge: timedelta) -> pl.DataFrame:
    """Give the hours that could be told with `spell`, its number, and `elapsed`, hours of it so far.

    `hours` has the keys (never null), `hour`, `state` and `seconds`.
    """
    known = hours.filter(pl.col("state") != State.UNKNOWN).sort(*keys, "hour")
    before = pl.col("hour").shift(1).over(keys)
    begins = (
        before.is_null()
        | (pl.col("state") != pl.col("state").shift(1).over(keys))
        | (pl.col("hour") - before - HOUR > bridge)
    )
    length = pl.col("seconds").fill_null(3600.0) / 3600
    return known.with_columns(begins.cum_sum().over(keys).cast(pl.Int64()).alias("spell")).with_columns(
        length.cum_sum().over(*keys, "spell").alias("elapsed"), length.alias("length")
    )


def spells(numbers: pl.DataFrame, keys: Sequence[str], last_hours: pl.DataFrame) -> pl.DataFrame:
    """Give one row per stretch: `state`, `start`, `end`, `hours`, how it ended, and when work came back.

    Args:
        numbers: what `numbered` gave.
        keys: what the stretches are of.
        last_hours: per key `last_hour`, when it was last seen at all, and `newest`, when anything was.
    """
    found = (
        numbers.group_by(*keys, "spell", maintain_order=True)
        .agg(
            pl.col("state").first(),
            pl.col("hour").min().alias("start"),
            (pl.col("hour").max() + HOUR).alias("end"),
            pl.col("length").sum().alias("hours"),
            pl.len().alias("rows"),
        )
        .sort(*keys, "spell")
        .with_columns(
            pl.col("state").shift(-1).over(keys).alias("next_state"),
            pl.col("start").shift(-1).over(keys).alias("next_start"),
        )
        .join(last_hours, on=list(keys), how="left")
    )
    ending = (
        pl.when(pl.col("next_state").is_not_null() & (pl.col("next_state") != pl.col("state")))
        .then(pl.lit(Ending.WORK))
        .when(pl.col("next_state").is_not_null())
        .then(pl.lit(Ending.GAP))
        .when(pl.col("last_hour") < pl.col("newest"))
        .then(pl.lit(Ending.GONE))
        .otherwise(pl.lit(Ending.OPEN))
    )
    return found.with_columns(ending.alias("ending"))


def seen(hours: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Give per key when it was first and last seen, and when anything of its cluster was last seen."""
    newest = hours.group_by("cluster").agg(pl.col("hour").max().alias("newest"))
    return (
        hours.group_by(*keys)
        .agg(pl.col("hour").min().alias("first_hour"), pl.col("hour").max().alias("last_hour"))
        .join(newest, on="cluster", how="left")
    )
