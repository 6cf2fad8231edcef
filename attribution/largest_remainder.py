"""Amounts shared by integer weights so that the parts sum to them exactly, as frames.

The same arithmetic as `domain.money.split`, for millions of amounts: each part is floored
in units of 1E-12, what is left goes unit by unit to the largest fractions, ties to the
earlier target. Everything is Int128; where a product could exceed it, Python's integers.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from domain.money import PRECISION, SCALE

UNITS = pl.Int128()
"""Amounts and weights here: whole units of 1E-12."""

AMOUNT = "amount"
GROUP = "group"
TARGET = "target"
WEIGHT = "weight"

_LIMIT = 2**126
_ROWS = 500_000
"""Parts worked on at once, some 200 bytes each; keeps a busy pool's memory flat."""


def to_units(money: pl.Expr) -> pl.Expr:
    """Give stored money as whole units."""
    return money.to_physical().cast(UNITS)


def to_money(units: pl.Expr) -> pl.Expr:
    """Give whole units as stored money."""
    one = pl.lit(f"0.{'0' * (SCALE - 1)}1").cast(pl.Decimal(PRECISION, SCALE))
    return units.cast(pl.Decimal(PRECISION, 0)) * one


def split_rows(rows: pl.DataFrame, weights: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Give the parts of every row's amount, in frames of bounded size.

    Args:
        rows: `group`, `amount` (units, any sign), and columns that are carried along. A row
            whose group has no weights has no parts.
        weights: `group`, `target` (in the order of ties) and `weight` (units); only
            positive weights take part.

    Yields:
        The columns of `rows` with `amount` the part, and `target`; parts of nothing are left out.
    """
    positive = weights.filter(pl.col(WEIGHT) > 0).sort(GROUP, TARGET)
    shares = positive.with_columns(whole=pl.col(WEIGHT).sum().over(GROUP))
    widest = positive.group_by(GROUP).len().get_column("len").max()
    if not isinstance(widest, int):
        return
    for chunk in rows.iter_slices(max(1, _ROWS // widest)):
        yield _split(chunk, shares)


def _split(rows: pl.DataFrame, shares: pl.DataFrame) -> pl.DataFrame:
    # within a row the targets must stay in their order: equal fractions are ranked by it
    pairs = rows.with_row_index("row").join(shares, on=GROUP, how="inner", maintain_order="left_right")
    left = pl.col(AMOUNT) - pl.col("part").sum().over("row")
    place = pl.col("fraction").rank("ordinal", descending=True).over("row").cast(UNITS)
    part = pl.col("part") + (place <= left).cast(UNITS)
    return (
        floored(pairs)
        .select(pl.col(rows.columns).exclude(AMOUNT), TARGET, part.alias(AMOUNT))
        .filter(pl.col(AMOUNT) != 0)
    )


def floored(pairs: pl.DataFrame) -> pl.DataFrame:
    """Give `part`, floored, and the `fraction` left over, of every `amount` by `weight` of `whole`."""
    return _floor_exactly(pairs) if _could_overflow(pairs) else _floor(pairs)


def _floor(pairs: pl.DataFrame) -> pl.DataFrame:
    product = pl.col(AMOUNT) * pl.col(WEIGHT)
    return pairs.with_columns(part=product // pl.col("whole")).with_columns(
        fraction=product - pl.col("part") * pl.col("whole")
    )


def _could_overflow(pairs: pl.DataFrame) -> bool:
    """Tell whether a product may leave Int128: some 10 million of a currency times 10 million."""
    bounds = pairs.select(low=pl.col(AMOUNT).min(), high=pl.col(AMOUNT).max(), weight=pl.col("whole").max())
    low, high, weight = bounds.row(0)
    return bool(pairs.height) and max(abs(low), abs(high)) * weight >= _LIMIT


def _floor_exactly(pairs: pl.DataFrame) -> pl.DataFrame:
    parts, fractions = [], []
    for amount, weight, whole in pairs.select(AMOUNT, WEIGHT, "whole").iter_rows():
        part, fraction = divmod(amount * weight, whole)
        parts.append(part)
        fractions.append(fraction)
    return pairs.with_columns(part=pl.Series(parts, dtype=UNITS), fraction=pl.Series(fractions, dtype=UNITS))
