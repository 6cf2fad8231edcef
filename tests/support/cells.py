"""Builders of the star: resources, prices and facts, by what a test is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from attribution.allocate import allocate
from attribution.ownership import Rules, compile_rules
from attribution.slices import Filter, Sharing, Slice
from attribution.sources import RuleSources
from attribution.star import Star, star_of
from config.ownership import Ownership
from domain.charge import COSTS, FACT_SCHEMA, PRICE_SCHEMA, RESOURCE_SCHEMA
from domain.money import plain
from domain.window import month_of

_RESOURCE = {
    "source": "aws",
    "BillingAccountId": "900",
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ProviderName": "AWS",
    "ServiceName": "EC2",
    "SubAccountId": "111",
}


def resources(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """Give rows as the resource dimension; `dim_id` counts from 0 where a row has none."""
    full = [
        {**dict.fromkeys(RESOURCE_SCHEMA), **_RESOURCE, "dim_id": at, **row} for at, row in enumerate(rows)
    ]
    for row in full:
        if unknown := set(row) - set(RESOURCE_SCHEMA):
            raise TypeError(f"not a column of the resource dimension: {', '.join(sorted(unknown))}")
    return pl.DataFrame(full, schema=RESOURCE_SCHEMA)


def prices(*skus: str | None) -> pl.DataFrame:
    """Give the price dimension of these SKUs; `price_id` counts from 0."""
    rows = [
        {**dict.fromkeys(PRICE_SCHEMA), "source": "aws", "price_id": at, "SkuId": sku}
        for at, sku in enumerate(skus)
    ]
    return pl.DataFrame(rows, schema=PRICE_SCHEMA)


def a_fact(
    dim_id: int,
    cost: object = "1",
    start: str = "2026-06-10T00:00",
    *,
    period: str | None = None,
    **more: object,
) -> dict[str, Any]:
    """Give one fact; every cost column is `cost` unless it is named."""
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    costs = {column: more.pop(column, cost) for column in COSTS.values()}
    return {
        **dict.fromkeys(FACT_SCHEMA),
        "source": more.pop("source", "aws"),
        "billing_period": period or month_of(begin),
        "day": begin.date(),
        "dim_id": dim_id,
        "price_id": 0,
        "ChargePeriodStart": begin,
        "ChargePeriodEnd": begin + timedelta(hours=1),
        **{column: None if value is None else Decimal(str(value)) for column, value in costs.items()},
        **more,
    }


def facts(*rows: Mapping[str, Any]) -> pl.LazyFrame:
    """Give rows as facts."""
    return pl.DataFrame(list(rows), schema=FACT_SCHEMA).lazy()


def rules(ownership: Mapping[str, Any] | None = None, sources: RuleSources | None = None) -> Rules:
    """Compile what would stand under `ownership:`."""
    written = Ownership.model_validate(dict(ownership or {}))
    return compile_rules(written) if sources is None else compile_rules(written, sources)


def a_star(
    frame: pl.DataFrame, ownership: Mapping[str, Any] | None = None, skus: tuple[str, ...] = ()
) -> Star:
    """Give the star of resources by these rules."""
    return star_of(frame, rules(ownership), prices(*skus) if skus else None)


def team(name: str, **more: Any) -> dict[str, Any]:
    """Give a resource that is tagged with a team."""
    return {"Tags": {"team": name}, **more}


def sums(
    cells: pl.LazyFrame, star: Star, *by: str, sharing: Sharing = Sharing.AFTER, **asked: Any
) -> dict[Any, str | None]:
    """Give {key: billed cost as text}; a key is a tuple if it has several parts, USD is left out."""
    question = Slice(by=by, costs=(COSTS["billed"],), sharing=sharing, **asked)
    found: dict[Any, str | None] = {}
    for *key, currency, amount in allocate(cells, star, question).collect().iter_rows():
        names = tuple(key) if currency == "USD" else (*key, currency)
        found[names[0] if len(names) == 1 else names] = None if amount is None else plain(amount)
    return found


def one(dimension: str, *values: str | None) -> Filter:
    """Give a condition that one dimension has one of these values."""
    return Filter(dimension=dimension, values=values)
