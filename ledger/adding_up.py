"""The gate of a split: the parts of every charge add up to it, exactly. Pure."""

from __future__ import annotations

from decimal import Decimal, localcontext

import polars as pl

from domain.allocation import PARENT
from domain.errors import GateError
from domain.money import EXACT, plain
from ledger.cube import sum_or_null
from ledger.staging import COST_COLUMNS

_KEY = [*PARENT, "BillingCurrency"]


def sums_of(rows: pl.LazyFrame) -> pl.DataFrame:
    """Sum every cost per split charge and currency; a sum over nothing but nulls is null."""
    sums = (sum_or_null(name) for name in COST_COLUMNS)
    return rows.group_by(_KEY).agg(pl.len().alias("rows"), *sums).collect(engine="streaming")


def refuse_difference(place: str, wanted: pl.DataFrame, found: pl.DataFrame) -> None:
    """Compare what charges cost with what their parts cost.

    Raises:
        GateError: a part has no charge, a charge has no part, or a cost differs.
    """
    both = wanted.join(found, on=_KEY, how="full", coalesce=True, nulls_equal=True, suffix="_found")
    strangers, alone = both.filter(pl.col("rows").is_null()), both.filter(pl.col("rows_found").is_null())
    if strangers.height:
        raise _refused(place, f"parts belong to {strangers.height:,} charges that were not named", strangers)
    if alone.height:
        raise _refused(place, f"{alone.height:,} charges have no part", alone)
    for column in COST_COLUMNS:
        wrong = both.filter(pl.col(column).ne_missing(pl.col(f"{column}_found")))
        if wrong.height:
            raise _refused(place, _told(column, wrong), wrong)


def _told(column: str, wrong: pl.DataFrame) -> str:
    """Say by how much a cost differs, of the currency that comes first."""
    currency = wrong["BillingCurrency"].sort().first()
    mine = wrong.filter(pl.col("BillingCurrency").eq_missing(currency))
    bill, parts = (_sum(mine[name]) for name in (column, f"{column}_found"))
    told = (
        f"{column} in {currency!s} is {plain(parts)} in the parts but {plain(bill)} in the charges, "
        f"a difference of {plain(EXACT.subtract(parts, bill))} in {mine.height:,} charges"
    )
    unsaid = (mine[column].is_null() != mine[f"{column}_found"].is_null()).sum()
    return f"{told}, {unsaid:,} of them unknown on one side only" if unsaid else told


def _sum(amounts: pl.Series) -> Decimal:
    with localcontext(EXACT):
        return sum(amounts.drop_nulls(), Decimal(0))


def _refused(place: str, what: str, rows: pl.DataFrame) -> GateError:
    first = rows.sort(_KEY).row(0, named=True)
    where = f"dim_id {first['parent_dim_id']} at {first['parent_start']:%Y-%m-%d %H:%M}"
    return GateError(
        f"{place} cannot be split: {what}, the first of them {where}; its charges stay whole",
        hint="the bill itself is untouched; please report this as a bug",
    )
