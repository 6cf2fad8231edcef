"""What each key of the ledger's two dimensions is called in a report.

Frames here have one row per `dim_id` or `price_id`, so they are small however long the
bill is; facts are joined with them by integer keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import polars as pl

from attribution.tags import tag_values
from config.patterns import is_glob, is_regex, regex_of
from daemon.dimensions import Dimension, Place, dimension
from daemon.query import Condition

CURRENCY = "BillingCurrency"


def at(places: Iterable[Place], names: Iterable[str]) -> list[str]:
    """Keep the dimensions that are found in one of the places."""
    wanted = set(places)
    return [name for name in names if dimension(name).place in wanted]


def _column(table: pl.DataFrame, known: Dimension) -> pl.Series:
    """Give a dimension's value on every row of the resource or price table."""
    if known.tags:
        values = tag_values(table, known.tags)
        tags = pl.DataFrame([values[key].alias(key) for key in known.tags])
        return tags.select(pl.coalesce(*known.tags).alias(known.name)).to_series()
    return table.select(pl.coalesce(*known.columns).cast(pl.String).alias(known.name)).to_series()


def resource_labels(resources: pl.DataFrame, ownership: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Give `dim_id`, `currency` and each named dimension of the resource table and its owners.

    A resource without an ownership row has no owner.
    """
    own = at({Place.RESOURCE}, names)
    owners = at({Place.OWNER}, names)
    found = resources.select(
        "dim_id",
        pl.col(CURRENCY).alias("currency"),
        *(_column(resources, dimension(name)) for name in own),
    )
    if not owners:
        return found
    return found.join(ownership.select("dim_id", *owners), on="dim_id", how="left", validate="1:1")


def price_labels(prices: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Give `price_id` and each named dimension of the price table."""
    own = at({Place.PRICE}, names)
    return prices.select("price_id", *(_column(prices, dimension(name)) for name in own))


def holds(conditions: Iterable[Condition]) -> pl.Expr:
    """Give whether all conditions hold, over a frame with their dimensions as columns."""
    return reduce(lambda found, one: found & _holds_one(one), conditions, pl.lit(True))


def _holds_one(condition: Condition) -> pl.Expr:
    column = pl.col(condition.dimension)
    found = [column.is_null() if value is None else _matches(column, value) for value in condition.values]
    matched = reduce(lambda one, other: one | other, found)
    return ~matched if condition.negated else matched


def _matches(column: pl.Expr, value: str) -> pl.Expr:
    if is_regex(value) or is_glob(value):
        return column.str.contains(regex_of(value)).fill_null(False)
    return column.str.to_lowercase().eq(value.lower()).fill_null(False)
