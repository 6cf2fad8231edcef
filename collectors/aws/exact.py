"""Exact sums of money by payer, month and currency, with the digits that are not stored. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import polars as pl

from collectors.aws.costs import Term
from collectors.aws.prepare import ROW
from collectors.focus.amounts import Amounts
from collectors.focus.damage import DamagedError
from collectors.focus.sums import EXACT
from domain.window import month_of

Key = tuple[str, str, str]
"""(payer account, billing period, currency)"""

OF_LINES = ("bill_payer_account_id", "bill_billing_period_start_date", "line_item_currency_code")
OF_CHARGES = ("BillingAccountId", "BillingPeriodStart", "BillingCurrency")
_WIDE = pl.Decimal(38, 30)


def grouped(
    frame: pl.DataFrame, keys: Sequence[str], wanted: Mapping[str, pl.Expr]
) -> dict[str, dict[Key, Decimal]]:
    """Sum expressions over lines or charges; a sum without any value is absent.

    Raises:
        DamagedError: a sum is larger than any bill.
    """
    if frame.is_empty():
        return {name: {} for name in wanted}
    sums = [pl.when(amount.count() > 0).then(amount.sum()).alias(name) for name, amount in wanted.items()]
    try:
        # The streaming engine, because the other lets a sum of decimals in groups wrap around.
        rows = frame.lazy().group_by(keys).agg(sums).collect(engine="streaming").rows()
    except pl.exceptions.ComputeError as error:
        raise DamagedError(f"holds costs that add up to more than can be held: {error}") from error
    found: dict[str, dict[Key, Decimal]] = {name: {} for name in wanted}
    for payer, start, currency, *values in rows:
        for name, value in zip(wanted, values, strict=True):
            if value is not None:
                found[name][_key(payer, start, currency)] = value
    return found


def lost(frame: pl.DataFrame, terms: Sequence[Term], costs: Mapping[str, Amounts]) -> dict[Key, Decimal]:
    """Sum what twelve digits do not hold of the terms' columns, where they count."""
    found: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for term in terms:
        amounts = costs.get(term.source)
        if amounts is None:
            continue
        rows = frame.lazy().filter(term.where).select(ROW, *OF_LINES).collect()
        if amounts.residual is not None:
            rests = rows.select(*OF_LINES, amounts.residual.gather(rows[ROW]).alias("rest"))
            for key, rest in grouped(rests, OF_LINES, {"rest": pl.col("rest").cast(_WIDE)})["rest"].items():
                found[key] = EXACT.add(found[key], rest * term.sign)
        odd = rows.filter(pl.col(ROW).is_in(list(amounts.odd))) if amounts.odd else rows.clear()
        for row, *parts in odd.select(ROW, *OF_LINES).iter_rows():
            key = _key(*parts)
            found[key] = EXACT.add(found[key], amounts.odd[row] * term.sign)
    return dict(found)


def counted(frame: pl.DataFrame, where: pl.Expr) -> dict[Key, int]:
    """Count the lines of a condition."""
    rows = frame.lazy().filter(where).group_by(OF_LINES).len().collect().rows()
    return {_key(payer, start, currency): count for payer, start, currency, count in rows}


def _key(payer: str, start: datetime, currency: str) -> Key:
    return payer, month_of(start), currency


def added(*parts: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    """Add sums of the same keys."""
    found: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for part in parts:
        for key, amount in part.items():
            found[key] = EXACT.add(found[key], amount)
    return dict(found)
