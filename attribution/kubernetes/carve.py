"""Charges of things that many hold, cut into parts that add up to them to the last digit.

Every cost and quantity of every single charge is shared by the weights of its hours, by largest
remainder (`attribution.largest_remainder`): a charge of an hour by that hour, one of a day by the sum
over the hours of the day, weighted by how long the thing was there. So hourly and daily bills agree.
"""

from __future__ import annotations

import polars as pl

from attribution.kubernetes.holders import HOLDER
from attribution.largest_remainder import AMOUNT, UNITS, WEIGHT, floored
from domain.charge import COLUMN_OF, FACT_COLUMNS, INSTANT, Kind

AMOUNTS = tuple(name for name in FACT_COLUMNS if COLUMN_OF[name].kind in {Kind.COST, Kind.QUANTITY})
"""What is shared of a charge: every cost and quantity of its fact."""

PERIOD = ("ChargePeriodStart", "ChargePeriodEnd")
WINDOW = ("dim_id", *PERIOD)
"""What weights are summed over: a resource and the time that a charge of it covers."""

WINDOWS = pl.Schema({"window": pl.Int64(), "dim_id": pl.Int64(), **dict.fromkeys(PERIOD, INSTANT)})
WEIGHTS = pl.Schema({"window": pl.Int64(), **dict.fromkeys(HOLDER, pl.String()), WEIGHT: UNITS})
AWAY = pl.Schema({"dim_id": pl.Int64(), "cluster": pl.String(), "thing": pl.String(), "hour": INSTANT})
"""Hours in which another machine had the name of the one that is charged for."""

LEFT = pl.Schema({"window": pl.Int64(), "hours": pl.Int64()})
"""Windows that cannot be split: for how many hours usage is missing, 0 where the thing was not there."""

PARENT_KEY = ("dim_id", "ChargePeriodStart", "price_id")
"""What the ledger names a charge by that is split; all facts of a key are split together."""


def windows_of(charges: pl.DataFrame, things: pl.DataFrame) -> pl.DataFrame:
    """Give the windows (`WINDOWS`) of the charges that are of things."""
    mine = charges.select(WINDOW).join(things.select("dim_id").unique(), on="dim_id", how="semi")
    distinct = mine.unique().sort(WINDOW).with_row_index("window")
    return distinct.select(WINDOWS.names()).cast(WINDOWS)


def _by_hour(windows: pl.DataFrame, things: pl.DataFrame, away: pl.DataFrame | None) -> pl.DataFrame:
    first, last = (pl.col(name) for name in PERIOD)
    # a charge without a length is of the hour that it stands in
    hours = pl.datetime_ranges(
        first.dt.truncate("1h"),
        pl.max_horizontal(last, first + pl.duration(microseconds=1)),
        "1h",
        closed="left",
        time_unit="us",
    )
    every = windows.select("window", "dim_id", hour=hours).explode("hour", empty_as_null=False)
    rows = every.join(things, on="dim_id")
    if away is not None and away.height:
        there = rows.join(away, on=["dim_id", "cluster", "thing", "hour"], how="anti")
        # what is charged for an hour in which the name went over to another machine is of that hour's pods
        passing = rows.join(there.select("window").unique(), on="window", how="anti")
        rows = pl.concat([there, passing])
    return rows.select("window", "cluster", "thing", "hour")


def weigh(
    windows: pl.DataFrame, things: pl.DataFrame, holdings: pl.DataFrame, away: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Give who holds each window, and by how much (`WEIGHTS`), as far as these holdings reach.

    Weights of other hours may be added to them: a month is the sum of its days. Hours that are `AWAY`
    do not count.
    """
    whole = pl.col("weight").cast(UNITS) * pl.col("seconds")
    held = _by_hour(windows, things, away).join(holdings, on=["cluster", "thing", "hour"])
    return added(held.select("window", *HOLDER, whole.alias(WEIGHT)))


def added(weights: pl.DataFrame) -> pl.DataFrame:
    """Add up the weights of each holder."""
    summed = weights.group_by("window", *HOLDER).agg(pl.col(WEIGHT).sum())
    return summed.filter(pl.col(WEIGHT) > 0).select(WEIGHTS.names()).cast(WEIGHTS)


def incomplete(
    windows: pl.DataFrame,
    things: pl.DataFrame,
    alive: pl.DataFrame,
    gaps: pl.DataFrame,
    away: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Give the windows that cannot be split (`LEFT`): usage is missing, or the thing was not there.

    Args:
        windows: `WINDOWS`.
        things: which resource is which thing.
        alive: `cluster`, `thing`, `hour`: when things were there.
        gaps: hours in which they may have been there unmeasured.
        away: `AWAY`, which do not count.
    """
    hours = _by_hour(windows, things, away)
    place = ["cluster", "thing", "hour"]
    missing = hours.join(gaps, on=place, how="semi")
    counted = missing.group_by("window").agg(hours=pl.col("hour").n_unique().cast(pl.Int64))
    there = hours.join(alive, on=place, how="semi").select("window").unique()
    absent = windows.select("window").join(there, on="window", how="anti")
    nobody = absent.join(counted, on="window", how="anti").with_columns(hours=pl.lit(0, dtype=pl.Int64()))
    return pl.concat([counted, nobody]).select(LEFT.names()).sort("window")


def filled(weights: pl.DataFrame, windows: pl.DataFrame, alone: pl.DataFrame) -> pl.DataFrame:
    """Give windows that no pod holds to who has them then (`dim_id` and `HOLDER`)."""
    free = windows.join(weights.select("window").unique(), on="window", how="anti").join(alone, on="dim_id")
    whole = free.select("window", *HOLDER, pl.lit(1, dtype=UNITS).alias(WEIGHT))
    return pl.concat([weights, whole.cast(WEIGHTS)])


def splittable(keys: pl.DataFrame, windows: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    """Give the charges (`PARENT_KEY`) that can be split: all of a key, or none of it.

    Args:
        keys: `dim_id`, start, end and `price_id` of charges.
        windows: their windows.
        left: the windows that cannot be split.
    """
    mine = keys.join(windows, on=list(WINDOW)).join(left, on="window", how="left")
    held = mine.group_by(PARENT_KEY).agg(pl.col("hours").is_null().all().alias("whole"))
    return held.filter("whole").select(PARENT_KEY)


def carve(charges: pl.DataFrame, windows: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Cut charges (`FACT_SCHEMA`) of these windows into parts: facts, and whose they are (`HOLDER`)."""
    shares = weights.sort("window", *HOLDER)
    pairs = (
        charges.join(windows, on=list(WINDOW))
        .with_row_index("row")
        .join(shares, on="window", maintain_order="left_right")
        .with_columns(whole=pl.col(WEIGHT).sum().over("row"))
    )
    return pairs.with_columns(_shared(pairs)).drop("row", "window", WEIGHT, "whole")


def _shared(pairs: pl.DataFrame) -> list[pl.Series]:
    """Give the part of every amount; amounts that are alike are shared once."""
    done: list[tuple[pl.Series, pl.Series]] = []
    for name in AMOUNTS:
        amounts = pairs[name]
        if amounts.null_count() == amounts.len():
            done.append((amounts, amounts))
            continue
        like = (part for one, part in done if one.dtype == amounts.dtype and one.equals(amounts))
        known = next(like, None)
        part = _part(pairs.select("row", WEIGHT, "whole"), amounts) if known is None else known
        done.append((amounts, part.alias(name)))
    return [part for _, part in done]


def _part(pairs: pl.DataFrame, amounts: pl.Series) -> pl.Series:
    units = amounts.to_physical().cast(UNITS)
    said = pairs.with_columns(units.fill_null(0).alias(AMOUNT))
    shared = floored(said)
    over = pl.col(AMOUNT) - pl.col("part").sum().over("row")
    place = pl.col("fraction").rank("ordinal", descending=True).over("row").cast(UNITS)
    exact = shared.select(part=pl.col("part") + (place <= over).cast(UNITS)).to_series()
    scale = amounts.dtype.scale  # type: ignore[attr-defined]  # money and quantities are Decimal
    one = pl.lit(f"0.{'0' * (scale - 1)}1").cast(amounts.dtype)
    frame = pl.DataFrame({"part": exact, "said": amounts.is_not_null()})
    value = (pl.col("part").cast(pl.Decimal(38, 0)) * one).cast(amounts.dtype)
    return frame.select(pl.when("said").then(value)).to_series()
