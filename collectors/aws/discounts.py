"""Discounts that have lines of their own, taken off the line they belong to. Pure.

An export with `INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY` writes private discounts as lines. One that
names exactly one line of usage of its piece is folded into it; what names none, or several, stays a
charge of its own (Adjustment). Either way every cent is kept.
"""

from __future__ import annotations

import polars as pl

from collectors.aws.costs import FOLDED, GROSS, NET
from collectors.aws.line_types import Line, is_kind
from collectors.aws.prepare import ROW, Lines
from domain.charge import MONEY

GONE = "is_folded"
"""Marks lines that are part of another charge now."""

_KEY = (
    "bill_payer_account_id",
    "line_item_usage_account_id",
    "line_item_currency_code",
    "bill_billing_period_start_date",
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_operation",
    "line_item_resource_id",
)


def folded(lines: Lines) -> pl.DataFrame:
    """Give the lines with what discounts take off each, and the marks of those that did."""
    frame = lines.frame
    discounts = frame.filter(is_kind(Line.DISCOUNT) & pl.col("line_item_usage_type").is_not_null())
    if lines.costs:
        # Digits that are not stored are counted where they were read: such a line stays its own.
        exact = [row for found in _of_amounts(lines) for row in found]
        discounts = discounts.filter(~pl.col(ROW).is_in(exact))
    if discounts.is_empty():
        nothing = pl.lit(None, dtype=MONEY).alias(FOLDED)
        return frame.with_columns(nothing, pl.lit(value=False).alias(GONE))
    targets = frame.filter(is_kind(Line.USAGE)).group_by(_KEY).agg(pl.len(), pl.col(ROW).first())
    single = targets.filter(pl.col("len") == 1).drop("len").rename({ROW: "target"})
    matched = discounts.join(single, on=list(_KEY), how="inner", nulls_equal=True)
    taken = matched.group_by("target").agg(pl.coalesce(NET, GROSS).sum().cast(MONEY).alias(FOLDED))
    found = frame.join(taken, left_on=ROW, right_on="target", how="left", maintain_order="left")
    return found.with_columns(pl.col(ROW).is_in(matched[ROW].implode()).alias(GONE))


def _of_amounts(lines: Lines) -> list[list[int]]:
    rows = []
    for name in (NET, GROSS):
        if found := lines.costs.get(name):
            rows.append(list(found.odd))
            if found.residual is not None:
                rows.append(found.residual.is_not_null().arg_true().to_list())
    return rows
