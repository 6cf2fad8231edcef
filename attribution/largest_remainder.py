"""Amounts shared by integer weights so that the parts sum to them exactly, as frames.

The same arithmetic as `domain.money.split`, for millions of amounts: each part is floored
in units of 1E-12, what is left goes unit by unit to the largest fractions, ties to the
earlier target. Everything is Int128; where a product could exceed it, Python's integers.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from domain.money import SCALE

UNITS = pl.Int128()
"""Amounts and weights here: whole units of 1E-12."""

_LIMIT = 2**126
_ROWS = 2_000_000
"""Parts worked on at once; keeps a busy pool's memory flat."""


def to_units(money: pl.Expr) -> pl.Expr:
    """Give stored money as whole units."""
    return money.to_physical().cast(UNITS)


def to_money(units: pl.Expr) -> pl.Expr:
    """Give whole units as stored money."""
    one = pl.lit(f"0.{'0' * (SCALE - 1)}1").cast(pl.Decimal(38, SCALE))
    return units.cast(pl.Decimal(38, 0)) * one


def split_amounts(amounts: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Give the parts of every amount.

    Args:
        amounts: distinct `group`, `amount` (units, any sign).
        weights: `group`, `target` (order of ties), `weight` (units, none negative), with a
            positive sum for every group of `amounts`.

    Returns:
        `group`, `amount`, `target`, `part` (units); parts of nothing are left out.
    """
    ranked = weights.filter(pl.col("weight") > 0).with_columns(
        whole=pl.col("weight").sum().over("group"), width=pl.len().over("group")
    )
    schema = {**amounts.schema, "target": weights.schema["target"], "part": UNITS}
    parts = [_split(chunk, ranked) for chunk in _chunks(amounts, ranked)]
    return pl.concat([pl.DataFrame(schema=schema), *parts])


def _chunks(amounts: pl.DataFrame, ranked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut the amounts so that no cut has more than about `_ROWS` parts."""
    widest = max(1, int(ranked.select(pl.col("width").max()).item() or 1))
    yield from amounts.iter_slices(max(1, _ROWS // widest))


def _split(amounts: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    rows = amounts.with_row_index("row").join(ranked, on="group", how="inner")
    floored = _floor_exactly(rows) if _could_overflow(rows) else _floor(rows)
    lacking = pl.col("amount") - pl.col("part").sum().over("row")
    order = floored.with_columns(left=lacking).sort(
        "row", "fraction", "target", descending=[False, True, False]
    )
    place = pl.int_range(pl.len(), dtype=UNITS).over("row")
    part = pl.col("part") + (place < pl.col("left")).cast(UNITS)
    return (
        order.with_columns(part.alias("part"))
        .filter(pl.col("part") != 0)
        .select(*amounts.columns, "target", "part")
    )


def _floor(rows: pl.DataFrame) -> pl.DataFrame:
    product = pl.col("amount") * pl.col("weight")
    return rows.with_columns(part=product // pl.col("whole")).with_columns(
        fraction=product - pl.col("part") * pl.col("whole")
    )


def _could_overflow(rows: pl.DataFrame) -> bool:
    """Tell whether a product may leave Int128: more than about 10^13 times 10^13 units of a currency."""
    bounds = rows.select(
        low=pl.col("amount").min(), high=pl.col("amount").max(), weight=pl.col("whole").max()
    )
    low, high, weight = bounds.row(0)
    return bool(rows.height) and max(abs(low), abs(high)) * weight >= _LIMIT


def _floor_exactly(rows: pl.DataFrame) -> pl.DataFrame:
    triples = rows.select("amount", "weight", "whole").iter_rows()
    parts, fractions = [], []
    for amount, weight, whole in triples:
        part, fraction = divmod(amount * weight, whole)
        parts.append(part)
        fractions.append(fraction)
    return rows.with_columns(part=pl.Series(parts, dtype=UNITS), fraction=pl.Series(fractions, dtype=UNITS))
