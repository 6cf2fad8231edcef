"""The FOCUS columns of usage, fees, tax and adjustments. Pure."""

from __future__ import annotations

import polars as pl

from domain.charge import MONEY, QUANTITY, RAW_SCHEMA

PROVIDER = "Google Cloud"

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingCurrencyEffectiveCost")

DEFAULT_MODELS = ("7754-699E-0EBF",)
"""Ids of the consumption model of everybody without a commitment."""

TYPE = "Committed Use Discount"
_PACIFIC = "America/Los_Angeles"
_GOOGLE = pl.lit(PROVIDER)

_is_regular = pl.col("cost_type").fill_null("regular") == "regular"
_is_purchase = _is_regular & pl.col("is_purchase")
_is_fee = _is_regular & pl.col("is_fee")
_is_usage = _is_regular & ~pl.col("is_purchase")
_is_credited = _is_usage & (pl.col("commitment_amount").fill_null(0) != 0)
_is_modelled = (
    _is_usage
    & pl.col("model_id").is_not_null()
    & ~pl.col("model_id").is_in(list(DEFAULT_MODELS))
    & (pl.col("model").fill_null("").str.to_lowercase() != "default")
)
_is_covered = _is_credited | _is_modelled
_is_spend = (
    pl.when(_is_fee)
    .then(
        pl.col("sku").fill_null("").str.to_lowercase().str.contains("dollar based", literal=True)
        | (pl.col("offset").fill_null(0) != 0)
    )
    .otherwise(pl.col("credit_types").fill_null("").str.contains("DOLLAR_BASE") | ~_is_credited)
)


def identity() -> dict[str, pl.Expr]:
    """Give the columns of a row that also its promotions have: who, where, what, when."""
    start = (pl.col("invoice_month") + "01").str.to_datetime("%Y%m%d", time_zone="UTC", time_unit="us")
    region = pl.coalesce("region", "location")
    resource = pl.coalesce("resource_global_name", "resource_name")
    kind = pl.col("resource_global_name").str.extract(r"/([A-Za-z]+)/[^/]+/?$")
    service = pl.coalesce("service", pl.when(~_is_regular).then(pl.lit("Invoice")), pl.lit("Unknown"))
    seller = pl.when(pl.col("transaction_type").fill_null("GOOGLE") == "GOOGLE").then(_GOOGLE)
    return {
        "BillingAccountId": pl.col("billing_account_id"),
        "BillingAccountName": pl.col("billing_account_id"),  # the export has no name
        "BillingAccountType": pl.lit("Billing Account"),
        "BillingCurrency": pl.col("currency"),
        "PricingCurrency": pl.col("currency"),  # prices in the export are converted already
        "BillingPeriodStart": start,
        "BillingPeriodEnd": start.dt.offset_by("1mo"),
        "ChargePeriodStart": pl.col("usage_start"),
        "ChargePeriodEnd": pl.col("usage_end"),
        "SubAccountId": pl.col("project_id"),
        "SubAccountName": pl.when(pl.col("project_id").is_not_null()).then(
            pl.coalesce("project_name", "project_id")
        ),
        "SubAccountType": pl.when(pl.col("project_id").is_not_null()).then(pl.lit("Project")),
        "AvailabilityZone": pl.col("zone"),
        "RegionId": region,
        "RegionName": region,
        "ResourceId": resource,
        "ResourceName": pl.coalesce(
            "resource_name", pl.col("resource_global_name").str.extract(r"([^/]+)/?$")
        ),
        "ResourceType": pl.when(resource.is_not_null()).then(
            pl.coalesce(
                kind.replace_strict(_TYPES, default=None, return_dtype=pl.String), kind, pl.lit("Resource")
            )
        ),
        "ServiceName": service,
        "ServiceCategory": pl.col("category"),
        "ServiceSubcategory": pl.col("subcategory"),
        "ProviderName": _GOOGLE,
        "ServiceProviderName": _GOOGLE,
        "HostProviderName": _GOOGLE,
        "InvoiceIssuerName": _GOOGLE,
        "PublisherName": pl.coalesce(seller, "seller", _GOOGLE),
        "Tags": pl.col("Tags"),
        "x_InvoiceMonth": pl.col("invoice_month"),
        "x_LineItemType": pl.coalesce("cost_type", pl.lit("regular")),
        "x_ServiceCode": pl.col("service_id"),
    }


_TYPES = {
    "instances": "Instance",
    "disks": "Disk",
    "snapshots": "Snapshot",
    "buckets": "Bucket",
    "clusters": "Cluster",
    "services": "Service",
    "functions": "Function",
    "addresses": "Address",
    "images": "Image",
    "endpoints": "Endpoint",
    "datasets": "Dataset",
    "databases": "Database",
    "secrets": "Secret",
    "forwardingRules": "Forwarding Rule",
}


def _costs(*, settled: bool) -> dict[str, pl.Expr]:
    billed = pl.col("cost") + pl.col("credits_applied").fill_null(0)
    effective = billed + pl.col("share")
    if settled:
        effective = pl.when(_is_fee).then(pl.lit(0).cast(MONEY)).otherwise(effective)
    return {
        "BilledCost": billed,
        "EffectiveCost": effective,
        "PricingCurrencyEffectiveCost": effective,
        "ListCost": pl.when(_is_usage).then(pl.coalesce("cost_at_list", "cost")).otherwise(pl.col("cost")),
        "ContractedCost": pl.col("cost"),
        "x_CreditsApplied": pl.col("credits_applied"),
        "x_CreditType": pl.col("credit_types"),
        "x_EffectiveCostProvisional": (
            pl.lit(None, dtype=pl.String) if settled else pl.when(_is_fee | _is_credited).then(pl.lit("true"))
        ),
    }


def _category() -> dict[str, pl.Expr]:
    invoice = pl.col("invoice_month")
    used = pl.col("usage_start").dt.convert_time_zone(_PACIFIC).dt.strftime("%Y%m")
    return {
        "ChargeCategory": pl.when(_is_usage)
        .then(pl.lit("Usage"))
        .when(_is_purchase)
        .then(pl.lit("Purchase"))
        .when(pl.col("cost_type") == "tax")
        .then(pl.lit("Tax"))
        .otherwise(pl.lit("Adjustment")),
        "ChargeClass": pl.when(pl.col("adjusted").is_not_null() & (used < invoice)).then(
            pl.lit("Correction")
        ),
        "ChargeFrequency": pl.when(_is_usage)
        .then(pl.lit("Usage-Based"))
        .when(_is_purchase)
        .then(pl.lit("Recurring"))
        .otherwise(pl.lit("One-Time")),
        "ChargeDescription": pl.coalesce("sku", pl.col("cost_type").str.replace_all("_", " ")),
        "PricingCategory": pl.when(_is_covered)
        .then(pl.lit("Committed"))
        .when(_is_usage & pl.col("is_spot"))
        .then(pl.lit("Dynamic"))
        .when(_is_regular)
        .then(pl.lit("Standard")),
    }


def _prices() -> dict[str, pl.Expr]:
    tier = pl.col("tier_start").str.replace(r"\.0+$", "")
    sku_price = pl.concat_str("sku_id", "model_id", tier, separator="/", ignore_nulls=True)
    has_sku = _is_regular & pl.col("sku_id").is_not_null()

    def when(condition: pl.Expr, column: str) -> pl.Expr:
        return pl.when(condition).then(pl.col(column))

    quantified = _is_regular & pl.col("pricing_amount").is_not_null() & pl.col("priced_in").is_not_null()
    consumed = _is_usage & pl.col("usage_amount").is_not_null() & pl.col("used_in").is_not_null()
    return {
        "ConsumedQuantity": when(consumed, "usage_amount"),
        "ConsumedUnit": when(consumed, "used_in"),
        "PricingQuantity": when(quantified, "pricing_amount"),
        "PricingUnit": when(quantified, "priced_in"),
        "ListUnitPrice": when(has_sku, "list_price"),
        "ContractedUnitPrice": when(has_sku, "effective_price"),
        "PricingCurrencyListUnitPrice": when(has_sku, "list_price"),
        "PricingCurrencyContractedUnitPrice": when(has_sku, "effective_price"),
        "SkuId": when(has_sku, "sku_id"),
        "SkuPriceId": pl.when(has_sku).then(sku_price),
        "SkuMeter": when(has_sku, "sku"),
        "SkuPriceDetails": when(has_sku, "details"),
        "x_ConsumptionModelId": pl.col("model_id"),
        "x_InstanceType": pl.col("machine"),
        "x_GpuModel": pl.col("gpu"),
        "x_GpuCount": pl.col("gpus"),
    }


def _commitment() -> dict[str, pl.Expr]:
    concerned = _is_covered | _is_fee
    own = pl.coalesce("subscription", "pool_id", "commitment_name", "model_id", "sku_id")
    identified = pl.when(_is_fee).then(own).otherwise(pl.coalesce("pool_id", own))
    # No money: byte-seconds times a share overflow a decimal, so it goes by way of a float.
    share = -pl.col("commitment_amount").cast(pl.Float64) / pl.col("cost").cast(pl.Float64)
    part = (pl.col("usage_amount").cast(pl.Float64) * share).round(6).cast(QUANTITY)
    whole = -pl.col("commitment_amount") == pl.col("cost")
    ratio = pl.when(whole | (pl.col("cost") == 0)).then(pl.col("usage_amount")).otherwise(part)
    quantity = (
        pl.when(_is_spend)
        .then(pl.col("EffectiveCost").cast(QUANTITY))
        .when(_is_credited)
        .then(ratio)
        .otherwise(pl.col("usage_amount"))
    )
    fee = pl.when(_is_spend).then(pl.col("cost").cast(QUANTITY)).otherwise(pl.col("usage_amount"))
    unit = pl.when(_is_spend).then(pl.col("currency")).otherwise(pl.col("used_in"))
    return {
        "CommitmentDiscountId": pl.when(concerned).then(identified),
        "CommitmentDiscountName": pl.when(concerned).then(pl.coalesce("pool_name", "commitment_name", "sku")),
        "CommitmentDiscountType": pl.when(concerned).then(pl.lit(TYPE)),
        "CommitmentDiscountCategory": pl.when(concerned).then(
            pl.when(_is_spend).then(pl.lit("Spend")).otherwise(pl.lit("Usage"))
        ),
        "CommitmentDiscountStatus": pl.when(_is_covered).then(pl.lit("Used")),
        "CommitmentDiscountQuantity": pl.when(_is_fee).then(fee).when(_is_covered).then(quantity),
        "CommitmentDiscountUnit": pl.when(concerned).then(unit),
    }


def charges(work: pl.DataFrame, *, settled: bool) -> pl.DataFrame:
    """Give one charge per row; `settled` says that commitments' fees were handed out."""
    named = {**identity(), **_costs(settled=settled), **_category(), **_prices()}
    done = work.with_columns(expression.alias(name) for name, expression in named.items())
    done = done.with_columns(expression.alias(name) for name, expression in _commitment().items())
    # A commitment is the resource that its fee buys.
    bought = pl.when(_is_fee).then(pl.col("CommitmentDiscountId"))
    done = done.with_columns(
        pl.coalesce(bought, "ResourceId").alias("ResourceId"),
        pl.when(_is_fee).then(pl.col("sku")).otherwise(pl.col("ResourceName")).alias("ResourceName"),
        pl.when(_is_fee).then(pl.lit("Commitment")).otherwise(pl.col("ResourceType")).alias("ResourceType"),
    )
    return raw(done)


def raw(frame: pl.DataFrame) -> pl.DataFrame:
    """Give a frame as exactly `RAW_SCHEMA`; columns it lacks are null."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in RAW_SCHEMA.items()
    )
