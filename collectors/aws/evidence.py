"""What a piece says for the gates of its month, small enough to be kept until the month was read. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from collectors.aws import costs
from collectors.aws.exact import Key
from collectors.aws.line_types import Line, is_kind
from collectors.aws.prepare import Lines
from domain.charge import MONEY
from domain.window import month_of

_PLAN, _RESERVATION = "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"
_PERIOD = pl.col("bill_billing_period_start_date").dt.strftime("%Y-%m").alias("period")
_SEED = 20_260_601
_FOLDABLE = (Line.USAGE, Line.PLAN_COVERED, Line.FEE)
_AMORTISED = "reservation_amortized_upfront_fee_for_billing_period"

COMMITMENTS = pl.Schema(
    {
        "period": pl.String(),
        "arn": pl.String(),
        "currency": pl.String(),
        "start": pl.Datetime("us", "UTC"),
        "used": MONEY,
        "unused": MONEY,
        "promised": MONEY,
        "fees": pl.UInt32(),
        "lines": pl.UInt32(),
    }
)
"""Per commitment and hour (of a reservation: per month, `start` is null) what paid and what used it."""

PARENTS = pl.Schema({"period": pl.String(), "key": pl.UInt64(), "cost": MONEY})
"""Effective cost of what may be split, per resource and hour; `key` is a hash of both."""

SPLITS = pl.Schema(
    {
        "period": pl.String(),
        "key": pl.UInt64(),
        "resource": pl.String(),
        "start": pl.Datetime("us", "UTC"),
        "cost": MONEY,
        "lines": pl.UInt32(),
    }
)
"""What split lines give away of each parent and hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is only counted.

    Attributes:
        accounts: (billing period, payer, account) of every charge.
        open: charges without an invoice id, by billing period; 0 where every one has one.
        net_lines: billing periods that have costs after discounts.
        discount_lines: billing periods that have discounts as lines.
    """

    accounts: frozenset[tuple[str, str, str]] = frozenset()
    open: dict[str, int] = field(default_factory=dict)
    net_lines: frozenset[str] = frozenset()
    discount_lines: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a piece says for the gates.

    Attributes:
        invoiced: what AWS charges, summed over the lines.
        billed: BilledCost, summed over the charges that came of them.
        rounded: lines whose two sides AWS rounds apart: what a plan covered, and its negation.
        facts: what is only counted.
        commitments, parents, splits: frames of the schemas above.
    """

    invoiced: dict[Key, Decimal] = field(default_factory=dict)
    billed: dict[Key, Decimal] = field(default_factory=dict)
    rounded: dict[Key, int] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    commitments: pl.DataFrame = field(default_factory=COMMITMENTS.to_frame)
    parents: pl.DataFrame = field(default_factory=PARENTS.to_frame)
    splits: pl.DataFrame = field(default_factory=SPLITS.to_frame)


def commitments(frame: pl.DataFrame) -> pl.DataFrame:
    """Give what the lines say of commitments, before private discounts, as `COMMITMENTS`."""
    lines = frame.lazy()
    plans = lines.filter(is_kind(Line.PLAN_COVERED, Line.PLAN_RECURRING), pl.col(_PLAN).is_not_null())
    fees = lines.filter(is_kind(Line.RESERVED_USAGE, Line.RESERVED_FEE), pl.col(_RESERVATION).is_not_null())
    covered, recurring = is_kind(Line.PLAN_COVERED), is_kind(Line.PLAN_RECURRING)
    reserved, fee = is_kind(Line.RESERVED_USAGE), is_kind(Line.RESERVED_FEE)
    return pl.concat(
        [
            _summed(
                plans.with_columns(arn=_PLAN, start="line_item_usage_start_date"),
                used=_where(covered, costs.PLAN),
                unused=_where(recurring, costs.PROMISED) - _where(recurring, costs.USED),
                promised=_where(recurring, costs.PROMISED),
                fee=recurring,
            ),
            _summed(
                fees.with_columns(arn=_RESERVATION, start=pl.lit(None, dtype=COMMITMENTS["start"])),
                used=_where(reserved, costs.RESERVED),
                unused=_where(fee, costs.UNUSED_UPFRONT) + _where(fee, costs.UNUSED_RECURRING),
                promised=_where(fee, costs.GROSS) + _where(fee, _AMORTISED),
                fee=fee,
            ),
        ]
    )


def _where(where: pl.Expr, column: str) -> pl.Expr:
    return pl.when(where).then(pl.col(column)).otherwise(pl.lit(0, dtype=MONEY)).fill_null(0)


def _summed(
    lines: pl.LazyFrame, *, used: pl.Expr, unused: pl.Expr, promised: pl.Expr, fee: pl.Expr
) -> pl.DataFrame:
    sums = lines.group_by(_PERIOD, "arn", pl.col("line_item_currency_code").alias("currency"), "start").agg(
        used=used.sum(),
        unused=unused.sum(),
        promised=promised.sum(),
        fees=fee.sum(),
        lines=pl.len(),
    )
    typed = sums.select(pl.col(name).cast(dtype) for name, dtype in COMMITMENTS.items())
    return typed.collect(engine="streaming")


def parents(charges: pl.DataFrame) -> pl.DataFrame:
    """Give the effective cost of instances per hour as `PARENTS`; only they are ever split."""
    resource = pl.col("ResourceId")
    instances = charges.lazy().filter(
        resource.str.starts_with("i-") | resource.str.contains("instance/", literal=True)
    )
    sums = instances.group_by(
        pl.col("BillingPeriodStart").dt.strftime("%Y-%m").alias("period"),
        _key("ResourceId", "ChargePeriodStart", "BillingCurrency").alias("key"),
    ).agg(cost=pl.col("EffectiveCost").sum())
    return sums.select(pl.col(name).cast(dtype) for name, dtype in PARENTS.items()).collect(
        engine="streaming"
    )


def splits(allocations: pl.DataFrame | None) -> pl.DataFrame:
    """Give what split lines give away as `SPLITS`."""
    if allocations is None:
        return SPLITS.to_frame()
    cost = pl.col("x_SplitCost").fill_null(0) + pl.col("x_SplitUnusedCost").fill_null(0)
    sums = (
        allocations.lazy()
        .filter(pl.col("ResourceId").is_not_null())
        .group_by(
            pl.col("BillingPeriodStart").dt.strftime("%Y-%m").alias("period"),
            _key("ResourceId", "ChargePeriodStart", "BillingCurrency").alias("key"),
        )
        .agg(
            resource=pl.col("ResourceId").first(),
            start=pl.col("ChargePeriodStart").first(),
            cost=cost.sum(),
            lines=pl.len(),
        )
    )
    return sums.select(pl.col(name).cast(dtype) for name, dtype in SPLITS.items()).collect(engine="streaming")


def _key(*columns: str) -> pl.Expr:
    return pl.struct(columns).hash(_SEED)


def facts(lines: Lines, charges: pl.DataFrame) -> Facts:
    """Count accounts, charges that no invoice has yet, and which kinds of discounts there are."""
    frame = lines.frame
    keys = ["BillingPeriodStart", "BillingAccountId", "SubAccountId"]
    counted = charges.lazy().group_by(keys).agg(pl.col("InvoiceId").is_null().sum())
    groups = counted.collect(engine="streaming").rows()
    still_open: Counter[str] = Counter()
    for start, _, _, count in groups:
        still_open[month_of(start)] += count
    return Facts(
        accounts=frozenset(
            (month_of(start), payer, account) for start, payer, account, _ in groups if account is not None
        ),
        open=dict(still_open),
        net_lines=_months(frame, is_kind(*_FOLDABLE), pl.col(costs.NET) != pl.col(costs.GROSS)),
        discount_lines=_months(frame, is_kind(Line.DISCOUNT)),
    )


def _months(frame: pl.DataFrame, *where: pl.Expr) -> frozenset[str]:
    # lazily: else every column of the lines would be copied
    starts = frame.lazy().filter(*where).select(pl.col("bill_billing_period_start_date").unique())
    return frozenset(month_of(start) for start in starts.collect().to_series())
