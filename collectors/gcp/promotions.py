"""Charges that no row of the export is: promotions, and what of a commitment nobody used. Pure."""

from __future__ import annotations

from decimal import Decimal

import orjson
import polars as pl

from collectors.gcp.charges import COSTS, PROVIDER, TYPE, identity, raw
from collectors.gcp.commitments import Pool
from collectors.gcp.rows import PROMOTION
from collectors.gcp.skus import category_of, subcategory_of, unit_of
from domain.charge import MONEY, RAW_SCHEMA
from domain.money import stored
from domain.window import month_window


def promoted(work: pl.DataFrame) -> pl.DataFrame:
    """Give a Credit per promotion of the rows: Google takes promotions for payments, not for discounts."""
    rows = work.filter(pl.col("promotions").is_not_null())
    found = [
        (index, str(one.get("name") or "Promotion"), stored(Decimal(one["amount"])))
        for index, text in enumerate(rows["promotions"])
        for one in orjson.loads(text)
    ]
    if not found:
        return pl.DataFrame(schema=RAW_SCHEMA)
    indexes, names, amounts = zip(*found, strict=True)
    mine = rows.select(expression.alias(name) for name, expression in identity().items())
    amount = pl.Series("amount", list(amounts), dtype=MONEY)
    return raw(
        mine.select(pl.all().gather(list(indexes))).with_columns(
            *(amount.alias(name) for name in COSTS),
            pl.Series("ChargeDescription", list(names), dtype=pl.String),
            pl.lit("Credit").alias("ChargeCategory"),
            pl.lit("One-Time").alias("ChargeFrequency"),
            pl.lit(PROMOTION).alias("x_CreditType"),
        )
    )


def unused(pools: list[Pool], period: str) -> pl.DataFrame:
    """Give a row per commitment for the part of its fee that nobody used; nothing where all was used."""
    rows = [_unused(pool, period) for pool in pools if pool.unused]
    columns = {name: [row.get(name) for row in rows] for name in RAW_SCHEMA}
    return pl.DataFrame(columns, schema=RAW_SCHEMA)


def _unused(pool: Pool, period: str) -> dict[str, object]:
    account, currency = pool.account
    category = category_of(pool.service_id, pool.service)
    month = month_window(period)
    nothing = Decimal(0)
    by_amount = pool.category == "Spend" or not pool.unit
    return {
        "BillingAccountId": account,
        "BillingAccountName": account,
        "BillingAccountType": "Billing Account",
        "BillingCurrency": currency,
        "PricingCurrency": currency,
        "BillingPeriodStart": month.start,
        "BillingPeriodEnd": month.end,
        "ChargePeriodStart": month.start,
        "ChargePeriodEnd": month.end,
        "SubAccountId": pool.project or None,
        "SubAccountName": pool.project or None,
        "SubAccountType": "Project" if pool.project else None,
        "RegionId": pool.region or None,
        "RegionName": pool.region or None,
        "ResourceId": pool.id,
        "ResourceName": pool.name,
        "ResourceType": "Commitment",
        "ServiceName": pool.service or "Unknown",
        "ServiceCategory": category,
        "ServiceSubcategory": subcategory_of(category),
        **dict.fromkeys(
            ("ProviderName", "ServiceProviderName", "HostProviderName", "InvoiceIssuerName", "PublisherName"),
            PROVIDER,
        ),
        "BilledCost": nothing,
        "EffectiveCost": pool.unused,
        "PricingCurrencyEffectiveCost": pool.unused,
        "ListCost": nothing,
        "ContractedCost": nothing,
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": f"Unused: {pool.name}",
        "PricingCategory": "Committed",
        "SkuId": pool.sku_id or None,
        "SkuPriceId": pool.sku_id or None,
        "SkuMeter": pool.name if pool.sku_id else None,
        "CommitmentDiscountId": pool.id,
        "CommitmentDiscountName": pool.name,
        "CommitmentDiscountType": TYPE,
        "CommitmentDiscountCategory": pool.category,
        "CommitmentDiscountStatus": "Unused",
        "CommitmentDiscountQuantity": pool.unused if by_amount else pool.unused_quantity,
        "CommitmentDiscountUnit": currency if by_amount else unit_of(pool.unit),
        "x_InvoiceMonth": period.replace("-", ""),
        "x_ServiceCode": pool.service_id or None,
    }
