"""Rows of Google's own FOCUS export (Preview) as charges: what it leaves out is added. Pure.

Of the 57 columns of FOCUS 1.2 the export has 37. Missing are mandatory ones, such as ServiceCategory and
InvoiceIssuerName, and all of Tags, which it has under own names.
"""

from __future__ import annotations

import polars as pl

from collectors.focus.normalise import Memory as FocusMemory
from collectors.focus.normalise import to_focus as normalised
from collectors.gcp.charges import PROVIDER, TYPE
from collectors.gcp.convert import Converted, billed_sums, parsed_sums
from collectors.gcp.memory import Memory
from collectors.gcp.native_sql import LABELS, OWN
from collectors.gcp.skus import category_of, subcategory_of
from domain.charge import BY_NAME, RAW_SCHEMA


class NativeMemory:
    """Remembers what was found out, for the rows of one month."""

    def __init__(self) -> None:
        self.focus = FocusMemory()
        self.labels = Memory()


def to_focus(rows: pl.DataFrame, memory: NativeMemory | None = None) -> Converted:
    """Turn rows of the FOCUS export into charges with every column that FOCUS demands."""
    memory = memory or NativeMemory()
    extra = [name for name in ("x_InvoiceMonth", *OWN, *LABELS) if name not in rows.columns]
    rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in extra)
    month = pl.col("x_InvoiceMonth")
    start = pl.concat_str(month.str.slice(0, 4), pl.lit("-"), month.str.slice(4, 2), pl.lit("-01T00:00:00Z"))
    rows = rows.with_columns(start.alias("BillingPeriodStart"))
    found = normalised(rows.select(name for name in rows.columns if name in BY_NAME), memory.focus)
    kept = (
        rows
        if not found.rejected
        else rows.with_row_index("row").filter(~pl.col("row").is_in(list(found.rejected)))
    )
    charges = _completed(found.charges, kept, memory.labels)
    return Converted(
        charges=charges,
        rejected=found.rejected,
        parsed=parsed_sums(charges),
        billed=billed_sums(charges),
        notes=found.notes,
    )


def _completed(charges: pl.DataFrame, rows: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    tags = memory.tags(rows.select(pl.col(name).alias(mine) for name, mine in LABELS.items()))
    frame = charges.with_columns(
        pl.coalesce(pl.lit(tags), "Tags").alias("Tags"),
        rows["x_ServiceId"].alias("x_ServiceCode"),
        rows["x_CostType"].alias("x_LineItemType"),
        rows["x_ConsumptionModelId"].alias("x_ConsumptionModelId"),
        rows["x_InvoiceMonth"].alias("x_InvoiceMonth"),
        pl.coalesce("CommitmentDiscountId", pl.lit(rows["x_SubscriptionInstanceId"])).alias(
            "CommitmentDiscountId"
        ),
    )
    frame = frame.join(_categories(frame), on=["x_ServiceCode", "ServiceName"], how="left",
                       nulls_equal=True, maintain_order="left")  # fmt: skip
    issued = ("InvoiceIssuerName", "ProviderName", "PublisherName", "HostProviderName", "ServiceProviderName")
    is_usage, committed = pl.col("ChargeCategory") == "Usage", pl.col("CommitmentDiscountId").is_not_null()
    return frame.with_columns(
        *(pl.col(name).fill_null(PROVIDER) for name in issued),
        pl.coalesce("ServiceCategory", "category").alias("ServiceCategory"),
        pl.coalesce("ServiceSubcategory", "subcategory").alias("ServiceSubcategory"),
        pl.col("ServiceName").fill_null("Unknown"),
        pl.col("EffectiveCost").fill_null(pl.col("BilledCost")),
        pl.coalesce(
            "ChargeFrequency",
            pl.when(is_usage)
            .then(pl.lit("Usage-Based"))
            .when(pl.col("ChargeCategory") == "Purchase")
            .then(pl.lit("Recurring"))
            .otherwise(pl.lit("One-Time")),
        ).alias("ChargeFrequency"),
        pl.when(committed).then(pl.coalesce("CommitmentDiscountCategory", pl.lit("Spend"))),
        pl.when(committed).then(pl.coalesce("CommitmentDiscountType", pl.lit(TYPE))),
        pl.when(committed & is_usage).then(pl.coalesce("CommitmentDiscountStatus", pl.lit("Used"))),
        pl.when(pl.col("SubAccountId").is_not_null()).then(pl.lit("Project")).alias("SubAccountType"),
        pl.coalesce("BillingAccountName", "BillingAccountId").alias("BillingAccountName"),
        pl.coalesce("BillingAccountType", pl.lit("Billing Account")).alias("BillingAccountType"),
    ).select(list(RAW_SCHEMA))


def _categories(frame: pl.DataFrame) -> pl.DataFrame:
    """Give category and subcategory of the services met."""
    known = []
    for service_id, service in frame.select("x_ServiceCode", "ServiceName").unique().iter_rows():
        category = category_of(service_id or "", service or "")
        known.append((service_id, service, category, subcategory_of(category)))
    names = ("x_ServiceCode", "ServiceName", "category", "subcategory")
    return pl.DataFrame(known, schema=dict.fromkeys(names, pl.String()), orient="row")
