"""Quick fingerprints of rows: 128 bits, seeded anew in every process, never stored.

A fingerprint is a sum of one seeded hash per column, so a column that has one value in all
rows at hand is hashed once: of FOCUS's columns most are empty or constant in any file.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import polars as pl

ONE, TWO = "one", "two"
_BITS = 64


class Fingerprints:
    """Gives rows that agree in all columns one fingerprint, and others another."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._seeds = {name: {column: secrets.randbits(63) for column in columns} for name in (ONE, TWO)}

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give the two halves (`one`, `two`) of the fingerprint of every row."""
        constant = {column for column in self._seeds[ONE] if _is_constant(rows[column])}
        return rows.select(
            self._half(seeds, constant, rows).alias(name) for name, seeds in self._seeds.items()
        )

    def _half(self, seeds: dict[str, int], constant: set[str], rows: pl.DataFrame) -> pl.Expr:
        base = 0
        if constant and rows.height:
            first = rows.head(1).select(pl.col(column).hash(seeds[column]) for column in sorted(constant))
            base = sum(first.row(0)) % (1 << _BITS)
        total = pl.repeat(base, pl.len(), dtype=pl.UInt64)
        for column, seed in seeds.items():
            if column not in constant:
                # Unsigned addition wraps, as it should: the sum is meant modulo 2^64.
                total = total + pl.col(column).hash(seed)
        return total


def _is_constant(values: pl.Series) -> bool:
    empty = values.null_count()
    if empty:
        return empty == len(values)
    return len(values) == 0 or bool(values[0] == values[-1] and (values == values[0]).all())
