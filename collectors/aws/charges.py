"""Lines as charges: every column of FOCUS and our own, as expressions over prepared lines. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl

from collectors.aws import costs, line_types
from collectors.aws.described import FACTOR
from collectors.aws.line_types import Line, is_covered, is_kind, pays_a_commitment
from collectors.aws.units import UNKNOWN
from domain.charge import QUANTITY, RAW_SCHEMA

PROVIDER = "AWS"
_PLAN, _RESERVATION = "savings_plan_savings_plan_a_r_n", "reservation_reservation_a_r_n"
_ZERO = pl.lit(0, dtype=QUANTITY)
_ARN = pl.coalesce(_PLAN, _RESERVATION)
_IS_PLAN = pl.col(_PLAN).is_not_null()
_NORMALISED = pl.col("line_item_normalized_usage_amount")

_COPIED = {
    "AvailabilityZone": "line_item_availability_zone",
    "BillingAccountId": "bill_payer_account_id",
    "BillingAccountName": "bill_payer_account_name",
    "BillingCurrency": "line_item_currency_code",
    "BillingPeriodEnd": "bill_billing_period_end_date",
    "BillingPeriodStart": "bill_billing_period_start_date",
    "CapacityReservationId": "capacity_reservation_capacity_reservation_arn",
    "ChargeDescription": "line_item_line_item_description",
    "ChargePeriodEnd": "line_item_usage_end_date",
    "ChargePeriodStart": "line_item_usage_start_date",
    "InvoiceId": "bill_invoice_id",
    "PricingCurrency": "pricing_currency",
    "RegionId": "product_region_code",
    "RegionName": "RegionName",
    "ServiceCategory": "ServiceCategory",
    "ServiceName": "ServiceName",
    "ServiceSubcategory": "ServiceSubcategory",
    "SubAccountId": "line_item_usage_account_id",
    "SubAccountName": "line_item_usage_account_name",
    "Tags": "Tags",
    "x_CostCategories": "x_CostCategories",
    "x_GpuCount": "x_GpuCount",
    "x_GpuModel": "x_GpuModel",
    "x_InstanceType": "x_InstanceType",
    "x_LineItemType": "line_item_line_item_type",
    "x_ModelId": "x_ModelId",
    "x_Operation": "line_item_operation",
    "x_RawTags": "x_RawTags",
    "x_ServiceTier": "x_ServiceTier",
    "x_TokenType": "x_TokenType",
    "x_UsageType": "line_item_usage_type",
}


def of_lines(absent: Collection[str] = ()) -> list[pl.Expr]:
    """Give the columns of the charge that a line itself becomes; `absent` columns are null in all lines."""
    made = {
        **{name: pl.col(source) for name, source in _COPIED.items()},
        **_who(),
        **_what(),
        **_prices(),
        **_commitment(),
        **_costs(costs.of_line(), absent),
    }
    return [_column(name, made.get(name)) for name in RAW_SCHEMA]


def of_unused() -> list[pl.Expr]:
    """Give the columns of the charge for what a fee paid and nobody used."""
    unused = "reservation_unused_quantity", "reservation_unused_normalized_unit_quantity"
    hours, normalised = (pl.col(name) for name in unused)
    amount = costs.total(costs.of_unused()["EffectiveCost"]).cast(QUANTITY)
    quantity = pl.when(is_kind(Line.RESERVED_FEE)).then(hours)
    changed = {
        **_costs(costs.of_unused()),
        "ChargeCategory": pl.lit("Usage"),
        "ChargeFrequency": pl.lit("Usage-Based"),
        "PricingCategory": pl.lit("Committed"),
        "PricingQuantity": quantity,
        "PricingUnit": pl.when(quantity.is_not_null()).then(pl.lit("Hours")),
        "ListUnitPrice": None,
        "ContractedUnitPrice": None,
        "CommitmentDiscountStatus": pl.lit("Unused"),
        "CommitmentDiscountQuantity": pl.when(is_kind(Line.PLAN_RECURRING))
        .then(amount)
        .otherwise(pl.when(normalised > 0).then(normalised).otherwise(hours)),
        "CommitmentDiscountUnit": pl.when(is_kind(Line.PLAN_RECURRING))
        .then(pl.col("line_item_currency_code"))
        .when(normalised > 0)
        .then(pl.lit("Normalized Hours"))
        .when(hours.is_not_null())
        .then(pl.lit("Hours")),
    }
    return [_column(name, changed[name]) for name in RAW_SCHEMA if name in changed]


def _costs(terms_of: Mapping[str, costs.Terms], absent: Collection[str] = ()) -> dict[str, pl.Expr]:
    """Give the costs; also in the currency of prices, where that is the one of the bill."""
    found = {name: costs.total(terms, absent) for name, terms in terms_of.items()}
    is_same = pl.col("pricing_currency") == pl.col("line_item_currency_code")
    return {**found, "PricingCurrencyEffectiveCost": pl.when(is_same).then(found["EffectiveCost"])}


def _column(name: str, made: pl.Expr | None) -> pl.Expr:
    dtype = RAW_SCHEMA[name]
    if made is None:
        return pl.lit(None, dtype=dtype).alias(name)
    return made.cast(dtype).alias(name)


def _who() -> dict[str, pl.Expr]:
    account = pl.col("line_item_usage_account_id")
    return {
        "BillingAccountType": pl.lit("Organization management account"),
        "SubAccountType": pl.when(account.is_not_null()).then(pl.lit("Account")),
        "ProviderName": pl.lit(PROVIDER),
        "ServiceProviderName": pl.lit(PROVIDER),
        "HostProviderName": pl.lit(PROVIDER),
        "PublisherName": pl.coalesce("line_item_legal_entity", pl.lit(PROVIDER)),
        "InvoiceIssuerName": pl.coalesce("bill_invoicing_entity", pl.lit(PROVIDER)),
        "x_Principal": pl.coalesce("line_item_iam_principal", "line_item_user_identifier"),
        "x_ServiceCode": pl.coalesce("line_item_product_code", "product_servicecode"),
    }


def _what() -> dict[str, pl.Expr]:
    reservation = pl.col("capacity_reservation_capacity_reservation_arn")
    status = pl.col("capacity_reservation_capacity_reservation_status").str.to_lowercase()
    resource = (
        pl.when(pays_a_commitment())
        .then(pl.coalesce(_PLAN, _RESERVATION, "line_item_resource_id"))
        .otherwise(pl.col("line_item_resource_id"))
    )
    kind = (
        pl.when(pays_a_commitment() & _ARN.is_not_null())
        .then(_commitment_type())
        .otherwise(pl.coalesce("product_product_family", "ServiceName"))
    )
    return {
        "ChargeCategory": line_types.category(),
        "ChargeClass": pl.when(line_types.is_correction()).then(pl.lit("Correction")),
        "ChargeFrequency": line_types.frequency(),
        "PricingCategory": line_types.pricing(),
        "ResourceId": resource,
        "ResourceType": pl.when(resource.is_not_null()).then(kind),
        "CapacityReservationStatus": pl.when(reservation.is_not_null() & (status == "used"))
        .then(pl.lit("Used"))
        .when(reservation.is_not_null() & status.str.starts_with("unused"))
        .then(pl.lit("Unused")),
    }


def _prices() -> dict[str, pl.Expr]:
    untaxed = ~is_kind(Line.TAX)
    used = is_kind(Line.USAGE, Line.PLAN_COVERED, Line.RESERVED_USAGE)
    bought = is_kind(Line.PLAN_RECURRING, Line.PLAN_UPFRONT, Line.RESERVED_FEE, Line.FEE)
    priced = used | bought | is_kind(Line.REFUND)
    quantity = pl.when(priced).then(pl.col("line_item_usage_amount"))
    factor = pl.col(FACTOR)
    consumed = pl.when(used).then(
        pl.when(factor.is_null())
        .then(pl.col("line_item_usage_amount"))
        .otherwise((pl.col("line_item_usage_amount") * factor.fill_null(1)).cast(QUANTITY))
    )
    public = pl.col("pricing_public_on_demand_rate")
    public = pl.when(used & (public > 0)).then(public)
    rate = pl.col("line_item_unblended_rate")
    own = pl.when(bought | used).then(pl.when(rate >= 0).then(rate))
    net = pl.col("line_item_net_unblended_rate")
    net = pl.when((bought | used) & (net >= 0)).then(net)
    contracted = pl.when(is_covered()).then(pl.coalesce(public, own)).otherwise(own)
    price = pl.when(untaxed).then(pl.col("pricing_rate_code"))
    sku = pl.when(untaxed).then(
        pl.coalesce("product_sku", pl.col("pricing_rate_code").str.extract(r"^([^.]+)\."))
    )
    return {
        "PricingQuantity": quantity,
        "PricingUnit": pl.when(quantity.is_not_null()).then(pl.coalesce("priced_unit", pl.lit(UNKNOWN))),
        "ConsumedQuantity": consumed,
        "ConsumedUnit": pl.when(consumed.is_not_null()).then(pl.coalesce("consumed_unit", pl.lit(UNKNOWN))),
        "ListUnitPrice": pl.coalesce(public, own),
        "ContractedUnitPrice": pl.when(pl.col(costs.FOLDED).is_null()).then(
            pl.when(is_kind(Line.RESERVED_USAGE)).then(contracted).otherwise(pl.coalesce(net, contracted))
        ),
        "SkuId": sku,
        "SkuPriceId": price,
        "SkuMeter": pl.when(sku.is_not_null()).then(pl.col("line_item_usage_type")),
        "SkuPriceDetails": pl.when(price.is_not_null()).then(pl.col("SkuPriceDetails")),
    }


def _commitment_type() -> pl.Expr:
    return pl.when(_IS_PLAN).then(pl.lit("Savings Plan")).otherwise(pl.lit("Reserved Instance"))


def _commitment() -> dict[str, pl.Expr]:
    has = (is_covered() | pays_a_commitment()) & _ARN.is_not_null()
    amount = pl.col("line_item_usage_amount")
    is_normalised = ~_IS_PLAN & (_NORMALISED > 0)
    plan = (
        pl.when(is_kind(Line.PLAN_COVERED))
        .then(pl.col(costs.PLAN))
        .when(is_kind(Line.PLAN_RECURRING))
        .then(pl.col(costs.PROMISED))
        .otherwise(pl.coalesce(costs.NET, costs.GROSS))
        .cast(QUANTITY)
    )
    counted = has & ~is_kind(Line.REFUND)
    quantity = pl.when(counted).then(
        pl.when(_IS_PLAN).then(plan).when(is_normalised).then(_NORMALISED).otherwise(amount)
    )
    unit = (
        pl.when(_IS_PLAN)
        .then(pl.col("line_item_currency_code"))
        .when(is_normalised)
        .then(pl.lit("Normalized Hours"))
        .when(is_kind(Line.FEE))
        .then(pl.lit(UNKNOWN))
        .otherwise(pl.lit("Hours"))
    )
    return {
        "CommitmentDiscountId": pl.when(has).then(_ARN),
        "CommitmentDiscountCategory": pl.when(has).then(
            pl.when(_IS_PLAN).then(pl.lit("Spend")).otherwise(pl.lit("Usage"))
        ),
        "CommitmentDiscountType": pl.when(has).then(_commitment_type()),
        "CommitmentDiscountStatus": pl.when(has & is_covered()).then(pl.lit("Used")),
        "CommitmentDiscountQuantity": quantity,
        "CommitmentDiscountUnit": pl.when(quantity.is_not_null()).then(unit),
    }
