"""What facts are joined with: owners, resources and prices, under the names reports use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import polars as pl

from attribution.ownership import Rules, assign
from attribution.sharing import Policy, policy_of
from attribution.subjects import TAG, texts_of
from domain.allocation import OWNER_FIELDS
from domain.charge import PRICE_SCHEMA, RESOURCE_SCHEMA

OWNERS = (*OWNER_FIELDS, "pool", "cost_kind")
"""Dimensions that ownership decides."""

_SUBJECTS = {
    "provider": "provider",
    "publisher": "publisher",
    "account": "account",
    "billing_account": "billing_account",
    "region": "region",
    "cluster": "cluster",
    "namespace": "namespace",
    "workload": "workload",
    "pod": "pod",
    "resource": "resource",
    "resource_type": "resource_type",
    "charge_category": "charge_category",
    "cloud_service": "service",
    "service_category": "service_category",
    "source": "source",
}
_PRICES = {"sku": "SkuId"}
CURRENCY = "currency"
"""Always part of a result: amounts of different currencies never add up."""

TIMES: dict[str, Callable[[], pl.Expr]] = {
    "hour": lambda: pl.col("ChargePeriodStart").dt.truncate("1h"),
    "day": lambda: pl.col("day"),
    "week": lambda: pl.col("day").dt.truncate("1w"),
    "month": lambda: pl.col("day").dt.truncate("1mo"),
    "billing_month": lambda: pl.col("billing_period"),
}
"""Time dimensions over facts; ISO weeks start on Monday."""

_SHOWN = {"hour": "%Y-%m-%d %H:00Z", "week": "%G-W%V", "month": "%Y-%m"}


def shown_time(name: str) -> pl.Expr:
    """Give a time dimension as it is shown: a date, or text (`2026-06-10 05:00Z`, `2026-W47`, `2026-06`)."""
    return pl.col(name).dt.strftime(_SHOWN[name]) if name in _SHOWN else pl.col(name)


def is_resource(name: str) -> bool:
    """Tell whether a dimension belongs to the resource dimension."""
    return name in _SUBJECTS or name == CURRENCY or name.startswith(TAG) or name in RESOURCE_SCHEMA


def is_price(name: str) -> bool:
    """Tell whether a dimension belongs to the price dimension."""
    return name in _PRICES or (name in PRICE_SCHEMA and name not in RESOURCE_SCHEMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Star:
    """The dimensions around the facts.

    Attributes:
        resources: the resource dimension (`RESOURCE_SCHEMA`, promoted tags).
        ownership: owner of every resource (`OWNERSHIP_SCHEMA`), in any order.
        prices: the price dimension (`PRICE_SCHEMA`); needed only by its own dimensions.
        policy: how pools are shared and what follows what.
    """

    resources: pl.DataFrame
    ownership: pl.DataFrame
    prices: pl.DataFrame | None = None
    policy: Policy = field(default_factory=Policy)

    def resource_names(self, names: Iterable[str]) -> pl.DataFrame:
        """Give `dim_id` and resource dimensions, one row per resource."""
        wanted = list(dict.fromkeys(names))
        asked = {name: name if name.startswith(TAG) else _SUBJECTS.get(name, "") for name in wanted}
        texts = texts_of(self.resources, filter(None, asked.values()))
        named = texts.frame.select(
            "dim_id", *(texts.first(subject).alias(name) for name, subject in asked.items() if subject)
        )
        plain = {name: "BillingCurrency" if name == CURRENCY else name for name in wanted if not asked[name]}
        columns = (self.resources.get_column(column).alias(name) for name, column in plain.items())
        return named.with_columns(*columns).select("dim_id", *wanted)

    def price_names(self, names: Iterable[str]) -> pl.DataFrame:
        """Give `price_id` and price dimensions, one row per price.

        Raises:
            ValueError: the star has no prices.
        """
        if self.prices is None:
            raise ValueError("the prices are needed for a price dimension")
        return self.prices.select(
            "price_id", *(pl.col(_PRICES.get(name, name)).alias(name) for name in dict.fromkeys(names))
        )


def star_of(resources: pl.DataFrame, rules: Rules, prices: pl.DataFrame | None = None) -> Star:
    """Give the star with every resource's owner by these rules."""
    return Star(
        resources=resources,
        ownership=assign(resources, rules),
        prices=prices,
        policy=policy_of(rules.ownership),
    )
