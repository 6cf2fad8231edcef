"""The gate of commitments: what was used and what was not is what was promised. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from domain.money import plain
from domain.text import shortened
from domain.window import month_window

SETTLING = timedelta(days=2)
"""AWS still fills in the last two days: fees are there before the usage that they cover."""

_NUMBERS = 4
"""Amounts of a fee that AWS rounds for themselves."""

_PARTS = ("used", "unused", "promised", "fees", "lines")
_KEYS = ["arn", "currency", "start"]


def judged(
    evidence: pl.DataFrame,
    period: str,
    *,
    changed_at: datetime | None,
    is_whole: bool,
    rounding: Decimal,
) -> tuple[list[str], list[str]]:
    """Give reasons against a month, and notes.

    A Savings Plan is judged hour by hour, a reservation month by month, each only where its fee is
    in the export and, with `changed_at`, once AWS had time to complete it.
    """
    mine = evidence.filter(pl.col("period") == period)
    if mine.is_empty():
        return [], []
    sums = mine.group_by(_KEYS).agg(pl.col(name).sum() for name in _PARTS)
    settled = _settled(period, changed_at)
    paid = sums.filter(pl.col("fees") > 0, settled)
    rest = pl.col("promised") - pl.col("used") - pl.col("unused")
    # Half a digit for each line that AWS rounds, and for each amount of the fee.
    allowed = (pl.col("lines") + _NUMBERS).cast(pl.Decimal(38, 0)) * pl.lit(
        rounding, dtype=pl.Decimal(38, 12)
    )
    broken = paid.with_columns(rest=rest).filter(pl.col("rest").abs() > allowed)
    reasons = _reasons(broken.sort(_KEYS))
    notes = []
    if reasons and not is_whole:
        shown = shortened(broken.sort(_KEYS)["arn"][0], 120)
        notes.append(
            f"{broken['arn'].n_unique()} commitments, {shown} first, are used in accounts that this export "
            "does not see: what it books of them is a part"
        )
        reasons = []
    unpaid = sums.group_by("arn").agg(pl.col("fees").sum()).filter(pl.col("fees") == 0).height
    if unpaid:
        notes.append(
            f"{unpaid} commitments cover usage, but their fees are not in this export: "
            "another account pays them"
        )
    return reasons, notes


def _settled(period: str, changed_at: datetime | None) -> pl.Expr:
    if changed_at is None:
        return pl.lit(value=True)
    until = changed_at - SETTLING
    is_over = month_window(period).end <= until
    return pl.when(pl.col("start").is_null()).then(pl.lit(is_over)).otherwise(pl.col("start") < until)


def _reasons(broken: pl.DataFrame) -> list[str]:
    """Give one sentence per commitment, with its first wrong hour."""
    found = []
    for rows in broken.partition_by("arn", maintain_order=True):
        first = rows.row(0, named=True)
        when = f"in the hour from {first['start']:%Y-%m-%d %H:%M}" if first["start"] else "in the month"
        more = f", and {rows.height - 1} more times" if rows.height > 1 else ""
        currency = first["currency"]
        found.append(
            f"{shortened(first['arn'], 120)}: {plain(first['promised'])} {currency} were promised {when}, "
            f"but {plain(first['used'])} were used and {plain(first['unused'])} not{more}; usage that it "
            "covers is missing from the export, or counted twice: let AWS write it again, or force the month"
        )
    return found
