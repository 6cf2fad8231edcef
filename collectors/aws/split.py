"""Split cost allocation: how AWS splits an instance among its pods and tasks. Pure.

These lines cost nothing themselves, so they never become charges; they say whose the cost of their
parent is. Joined on parent and hour.
"""

from __future__ import annotations

import orjson
import polars as pl

from collectors.aws.line_types import Line, is_kind
from domain.allocation import SPLIT_SCHEMA
from domain.charge import MONEY, TAGS

METHOD = "aws-scad"
"""Split cost allocation data, in AWS's short."""

_RESOURCES = {"vCPU": "vCPU", "GB": "Memory", "Accelerator": "Accelerator"}
_NAMES = r":pod/[^/]+/([^/]+/[^/]+)", r":task/(.+)$"


def allocations(frame: pl.DataFrame) -> pl.DataFrame | None:
    """Give the split lines of a piece as rows of `SPLIT_SCHEMA`; None without any."""
    lines = frame.filter(is_kind(Line.SPLIT))
    if lines.is_empty():
        return None
    what = pl.col("line_item_usage_type").str.extract(r"(vCPU|GB|Accelerator)-Hours$")
    resource = pl.col("line_item_resource_id")
    return lines.select(
        pl.col("bill_billing_period_start_date").alias("BillingPeriodStart"),
        pl.col("line_item_usage_start_date").alias("ChargePeriodStart"),
        pl.col("line_item_usage_end_date").alias("ChargePeriodEnd"),
        pl.col("line_item_usage_account_id").alias("SubAccountId"),
        pl.col("product_region_code").alias("RegionId"),
        pl.col("line_item_currency_code").alias("BillingCurrency"),
        pl.col("split_line_item_parent_resource_id").alias("ResourceId"),
        pl.lit(METHOD).alias("AllocatedMethodId"),
        pl.lit(None, dtype=pl.String).alias("AllocatedMethodDetails"),
        resource.alias("AllocatedResourceId"),
        pl.coalesce(resource.str.extract(pattern) for pattern in _NAMES).alias("AllocatedResourceName"),
        _maps(lines["Tags"]).alias("AllocatedTags"),
        what.replace_strict(_RESOURCES, default=None, return_dtype=pl.String).alias("x_SplitResource"),
        _share("split_cost").alias("x_SplitCost"),
        _share("unused_cost").alias("x_SplitUnusedCost"),
        pl.col("split_line_item_split_usage").alias("x_SplitUsage"),
        pl.col("split_line_item_actual_usage").alias("x_ActualUsage"),
        pl.col("split_line_item_reserved_usage").alias("x_ReservedUsage"),
        (what + "-Hours").alias("x_UsageUnit"),
    ).select(pl.col(name).cast(dtype) for name, dtype in SPLIT_SCHEMA.items())


def _share(what: str) -> pl.Expr:
    return pl.coalesce(f"split_line_item_net_{what}", f"split_line_item_{what}").cast(MONEY)


def _maps(texts: pl.Series) -> pl.Series:
    """Give tags as maps; each distinct text is read once."""
    distinct = texts.drop_nulls().unique().to_list()
    pairs = [_pairs(text) for text in distinct]
    maps = pl.Series(pairs, dtype=pl.List(pl.Struct({"key": pl.String, "value": pl.String}))).cast(TAGS)
    place = texts.replace_strict(distinct, list(range(len(distinct))), default=None, return_dtype=pl.UInt32)
    return maps.gather(place).rename(texts.name)


def _pairs(text: str) -> list[dict[str, str]] | None:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    return [{"key": key, "value": str(value)} for key, value in found.items()]
