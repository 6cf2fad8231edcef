"""Sums that tell nothing from zero."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl


def sums(costs: Iterable[str]) -> list[pl.Expr]:
    """Sum costs; null where there is nothing to sum, because unknown is not 0."""
    return [pl.when(pl.col(cost).count() > 0).then(pl.col(cost).sum()).alias(cost) for cost in costs]
