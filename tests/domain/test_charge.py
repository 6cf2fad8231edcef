"""The column registry says what FOCUS says."""

from collections import Counter

import polars as pl
import pytest

from domain.charge import (
    BY_NAME,
    COLUMN_OF,
    COLUMNS,
    COSTS,
    FACT_SCHEMA,
    FOCUS,
    MONEY,
    PRICE_SCHEMA,
    RAW_SCHEMA,
    RESOURCE_SCHEMA,
    Kind,
)


@pytest.mark.parametrize(("version", "count"), [("1.0", 43), ("1.1", 50), ("1.2", 57), ("1.3", 65)])
def test_knows_as_many_columns_as_each_version_of_focus_has(version: str, count: int) -> None:
    assert sum(column.since <= version for column in FOCUS) == count


def test_every_column_is_kept_in_exactly_one_table_of_the_star() -> None:
    kept = Counter(
        name
        for schema in (FACT_SCHEMA, PRICE_SCHEMA, RESOURCE_SCHEMA)
        for name in schema
        if name in COLUMN_OF
    )
    assert kept == Counter(dict.fromkeys(RAW_SCHEMA, 1))


def test_every_cost_is_decimal_with_twelve_digits() -> None:
    assert {BY_NAME[name].dtype for name in COSTS.values()} == {MONEY}
    assert pl.Decimal(38, 12) == MONEY


def test_no_amount_is_ever_a_float() -> None:
    kinds = {Kind.COST, Kind.QUANTITY}
    assert not any(column.dtype.is_float() for column in COLUMNS if column.kind in kinds)


def test_what_rules_ask_lies_in_the_resource_dimension() -> None:
    asked = {
        "Tags",
        "SubAccountId",
        "ServiceName",
        "RegionId",
        "ResourceId",
        "ChargeCategory",
        "BillingCurrency",
    }
    assert asked <= set(RESOURCE_SCHEMA)
