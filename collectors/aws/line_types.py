"""What kinds of lines a Cost and Usage Report has, and the charge each is. Pure."""

from __future__ import annotations

import re
from enum import IntEnum

import polars as pl

KIND = "kind"


class Line(IntEnum):
    """What a line is, by `line_item_line_item_type` and little else."""

    USAGE = 0
    PLAN_COVERED = 1
    PLAN_NEGATION = 2
    PLAN_RECURRING = 3
    PLAN_UPFRONT = 4
    RESERVED_USAGE = 5
    RESERVED_FEE = 6
    FEE = 7
    TAX = 8
    CREDIT = 9
    REFUND = 10
    DISCOUNT = 11
    UNKNOWN = 12
    SPLIT = 13


TYPES = {
    "Usage": Line.USAGE,
    "FlatRateSubscription": Line.USAGE,
    "SavingsPlanCoveredUsage": Line.PLAN_COVERED,
    "SavingsPlanNegation": Line.PLAN_NEGATION,
    "SavingsPlanRecurringFee": Line.PLAN_RECURRING,
    "SavingsPlanUpfrontFee": Line.PLAN_UPFRONT,
    "DiscountedUsage": Line.RESERVED_USAGE,
    "RIFee": Line.RESERVED_FEE,
    "Fee": Line.FEE,
    "Tax": Line.TAX,
    "Credit": Line.CREDIT,
    "Refund": Line.REFUND,
    "BundledDiscount": Line.DISCOUNT,
    "Discount": Line.DISCOUNT,
    "EdpDiscount": Line.DISCOUNT,
    "PrivateRateDiscount": Line.DISCOUNT,
    "RiVolumeDiscount": Line.DISCOUNT,
    "SppDiscount": Line.DISCOUNT,
}

SPLIT_OPERATIONS = ("EKSPod-EC2", "ECSTask-EC2")
"""Operations of lines that split an instance among what runs on it; they cost nothing themselves."""

PLAN_PRODUCTS = ("ComputeSavingsPlans", "MachineLearningSavingsPlans", "DatabaseSavingsPlans")

_FOLDED = {re.sub(r"[^a-z]", "", name.lower()): line for name, line in TYPES.items()}
_PLAN, _RESERVATION = "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"


def kind_of(text: str) -> Line:
    """Give what a line of this type is."""
    return _FOLDED.get(re.sub(r"[^a-z]", "", text.lower()), Line.UNKNOWN)


def kinds(types: pl.Series) -> tuple[pl.Series, list[str]]:
    """Give the kind of every line, and the types that are not known."""
    distinct = types.drop_nulls().unique().sort().to_list()
    found = [kind_of(text) for text in distinct]
    unknown = [text for text, kind in zip(distinct, found, strict=True) if kind is Line.UNKNOWN]
    codes = pl.Series(found, dtype=pl.Int8)
    kind = types.replace_strict(distinct, codes, default=int(Line.UNKNOWN), return_dtype=pl.Int8)
    return kind.fill_null(int(Line.UNKNOWN)).rename(KIND), unknown


def is_kind(*lines: Line) -> pl.Expr:
    """Say whether a line is one of these."""
    if len(lines) == 1:
        return pl.col(KIND) == int(lines[0])
    return pl.col(KIND).is_in([int(line) for line in lines])


def is_split() -> pl.Expr:
    """Say whether a line only splits another one's cost: it is named so, or has a parent, and is free."""
    named = pl.col("line_item_operation").is_in(SPLIT_OPERATIONS)
    marked = named | pl.col("split_line_item_parent_resource_id").is_not_null()
    cost = pl.coalesce("line_item_net_unblended_cost", "line_item_unblended_cost")
    return (marked & is_kind(Line.USAGE) & (cost == 0)).fill_null(value=False)


def has_commitment() -> pl.Expr:
    """Say whether a line names a Savings Plan or a reservation."""
    return pl.col(_PLAN).is_not_null() | pl.col(_RESERVATION).is_not_null()


def refunds_a_fee() -> pl.Expr:
    """Say whether a refund gives back the fee of a commitment.

    By its ARN; AWS also writes refunds of a plan's one-time fee without, under the plan's product.
    """
    product = pl.col("line_item_product_code").is_in(PLAN_PRODUCTS)
    return is_kind(Line.REFUND) & (has_commitment() | product.fill_null(value=False))


def pays_a_commitment() -> pl.Expr:
    """Say whether a line buys, or gives back, what covers other lines: its cost is theirs."""
    always = is_kind(Line.PLAN_RECURRING, Line.PLAN_UPFRONT, Line.RESERVED_FEE)
    return always | (is_kind(Line.FEE) & has_commitment()) | refunds_a_fee()


def is_covered() -> pl.Expr:
    """Say whether a commitment paid for a line."""
    return is_kind(Line.PLAN_COVERED, Line.RESERVED_USAGE)


def is_correction() -> pl.Expr:
    """Say whether a line corrects a period that was invoiced before."""
    before = pl.col("line_item_usage_start_date") < pl.col("bill_billing_period_start_date")
    return before & (is_kind(Line.REFUND) | (pl.col("bill_bill_type") == "Refund").fill_null(value=False))


def category() -> pl.Expr:
    """Give the ChargeCategory of a line."""
    return (
        pl.when(is_kind(Line.USAGE, Line.PLAN_COVERED, Line.RESERVED_USAGE))
        .then(pl.lit("Usage"))
        .when(is_kind(Line.PLAN_RECURRING, Line.PLAN_UPFRONT, Line.RESERVED_FEE, Line.FEE) | refunds_a_fee())
        .then(pl.lit("Purchase"))
        .when(is_kind(Line.REFUND))
        .then(pl.lit("Usage"))
        .when(is_kind(Line.TAX))
        .then(pl.lit("Tax"))
        .when(is_kind(Line.CREDIT))
        .then(pl.lit("Credit"))
        .otherwise(pl.lit("Adjustment"))
    )


def frequency() -> pl.Expr:
    """Give the ChargeFrequency of a line; the type of the bill says nothing about it."""
    return (
        pl.when(is_kind(Line.USAGE, Line.PLAN_COVERED, Line.RESERVED_USAGE))
        .then(pl.lit("Usage-Based"))
        .when(is_kind(Line.PLAN_RECURRING, Line.RESERVED_FEE))
        .then(pl.lit("Recurring"))
        .otherwise(pl.lit("One-Time"))
    )


def pricing() -> pl.Expr:
    """Give the PricingCategory of a line."""
    spot = pl.col("line_item_usage_type").str.contains("SpotUsage", literal=True).fill_null(value=False)
    return (
        pl.when(is_covered())
        .then(pl.lit("Committed"))
        .when(is_kind(Line.USAGE) & spot)
        .then(pl.lit("Dynamic"))
        .when(~is_kind(Line.TAX, Line.CREDIT, Line.DISCOUNT, Line.UNKNOWN))
        .then(pl.lit("Standard"))
    )
