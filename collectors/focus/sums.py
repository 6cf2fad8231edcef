"""Exact sums of what was parsed, for the gates of the ledger. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal

import polars as pl

from collectors.focus.amounts import MAX_FRACTION, Amounts
from collectors.focus.damage import DamagedError
from domain.money import PRECISION

Key = tuple[str, str, str]
"""(billing period, currency, cost column)"""

EXACT = Context(prec=2 * PRECISION + MAX_FRACTION)
_RESIDUAL = "\x00residual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums of some rows.

    Attributes:
        parsed: as parsed, before rounding; a column without any value is absent.
        residual: parsed minus stored, only where not zero.
    """

    parsed: dict[Key, Decimal] = field(default_factory=dict)
    residual: dict[Key, Decimal] = field(default_factory=dict)


def add_up(
    frame: pl.DataFrame,
    kept: pl.Series | None,
    costs: Mapping[str, Amounts],
    months: Mapping[datetime, str],
) -> Sums:
    """Sum the cost columns of the kept rows of a frame of charges.

    Raises:
        DamagedError: a sum is larger than any bill.
    """
    parsed: defaultdict[Key, Decimal] = defaultdict(Decimal)
    residual: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for start, currency, *values in _grouped(frame, kept, costs):
        for name, stored, lost in zip(costs, values[::2], values[1::2], strict=True):
            if stored is None:
                continue
            key = months[start], currency, name
            parsed[key] = EXACT.add(parsed[key], EXACT.add(stored, lost or Decimal(0)))
            residual[key] = EXACT.add(residual[key], lost or Decimal(0))
    for name, amounts in costs.items():
        for row, lost in amounts.odd.items():
            if kept is None or kept[row]:
                key = months[frame["BillingPeriodStart"][row]], frame["BillingCurrency"][row], name
                parsed[key] = EXACT.add(parsed[key], lost)
                residual[key] = EXACT.add(residual[key], lost)
    return Sums(parsed=dict(parsed), residual={key: lost for key, lost in residual.items() if lost})


def _grouped(
    frame: pl.DataFrame, kept: pl.Series | None, costs: Mapping[str, Amounts]
) -> list[tuple[datetime, str, Decimal | None]]:
    residuals = [
        amounts.residual.alias(f"{name}{_RESIDUAL}")
        for name, amounts in costs.items()
        if amounts.residual is not None
    ]
    rows = frame.select("BillingPeriodStart", "BillingCurrency", *costs).with_columns(residuals)
    if kept is not None:
        rows = rows.filter(kept)
    wanted = []
    for name in costs:
        total = pl.when(pl.col(name).count() > 0).then(pl.col(name).sum())
        lost = f"{name}{_RESIDUAL}"
        wanted += [total, pl.col(lost).sum() if lost in rows.columns else pl.lit(None).alias(lost)]
    try:
        first = rows.select(pl.col("BillingPeriodStart", "BillingCurrency").first())
        if rows.height and rows.select(pl.col(first.columns).n_unique()).row(0) == (1, 1):
            return [(*first.row(0), *rows.select(wanted).row(0))]
        # The streaming engine, because the other lets a sum of decimals in groups wrap around.
        grouped = rows.lazy().group_by("BillingPeriodStart", "BillingCurrency").agg(wanted)
        return grouped.collect(engine="streaming").rows()
    except pl.exceptions.ComputeError as error:
        raise DamagedError(f"holds costs that add up to more than can be held: {error}") from error
