"""Prices: tiers, units, and that nothing unknown is ever free."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.price import NoPrice, Offer, Price, Tier, converted

AT = datetime(2026, 6, 1, tzinfo=UTC)


def price(*tiers: tuple[str, str], unit: str = "Hrs") -> Price:
    return Price(
        tiers=tuple(Tier(start=Decimal(start), amount=Decimal(amount)) for start, amount in tiers),
        unit=unit,
        currency="USD",
        offer=Offer.LIST,
        origin="list",
        seen_at=AT,
        effective_from=AT,
    )


TRAFFIC = price(("0", "0"), ("100", "0.09"), ("10240", "0.085"), unit="GB")


@pytest.mark.parametrize(
    ("quantity", "cost", "one_more"),
    [
        ("0", "0", "0"),
        ("99", "0", "0"),
        ("100", "0", "0.09"),
        ("110", "0.9", "0.09"),
        ("10241", "912.685", "0.085"),
    ],
)
def test_a_quantity_is_priced_tier_by_tier(quantity: str, cost: str, one_more: str) -> None:
    assert TRAFFIC.cost(Decimal(quantity)) == Money(amount=Decimal(cost), currency="USD")
    assert TRAFFIC.at(Decimal(quantity)) == Decimal(one_more)


@pytest.mark.parametrize(
    ("quantity", "unit", "to", "expected"),
    [
        ("90", "Minutes", "Hrs", "1.5"),
        ("1", "hour", "Hours", "1"),
        ("2", "GiB-Hours", "gibibyte hour", "2"),
        ("1073.741824", "MB", "GiB", "1"),
        ("3600", "GB-Seconds", "GB-Hours", "1"),
        ("1500", "Tokens", "1K tokens", "1.5"),
        ("2500000", "tokens", "1M tokens", "2.5"),
        ("1", "GB-Mo", "GB-Mo", "1"),
        ("4", "vCPU-Hours", "vCPU hour", "4"),
    ],
)
def test_units_of_one_kind_are_converted(quantity: str, unit: str, to: str, expected: str) -> None:
    found = converted(Decimal(quantity), unit, to)
    assert found is not None
    assert abs(found - Decimal(expected)) < Decimal("1E-30")


@pytest.mark.parametrize(
    ("unit", "to"),
    [("GB", "Hrs"), ("GB-Mo", "GB-Hours"), ("Tokens", "Requests"), ("furlongs", "Hrs"), ("GB", "GB-Hours")],
)
def test_units_of_different_kinds_give_a_reason_and_no_amount(unit: str, to: str) -> None:
    assert converted(Decimal(1), unit, to) is None
    answer = price(("0", "1"), unit=to).cost(Decimal(1), unit)
    assert isinstance(answer, NoPrice)
    assert unit in answer.reason


def test_a_second_of_an_hourly_price_is_rounded_once() -> None:
    assert price(("0", "0.096")).cost(Decimal(1), "Seconds") == Money(
        amount=Decimal("0.000026666667"), currency="USD"
    )
    assert price(("0", "0.096")).cost(Decimal(3600), "Seconds") == Money(
        amount=Decimal("0.096"), currency="USD"
    )


def test_a_negative_quantity_has_no_price() -> None:
    assert isinstance(price(("0", "1")).cost(Decimal(-1)), NoPrice)


steps = st.lists(st.integers(1, 1000), max_size=4, unique=True).map(sorted)
amounts = st.decimals(min_value=0, max_value=10, places=6)


@given(steps, st.lists(amounts, min_size=5, max_size=5), st.integers(0, 1500), st.integers(0, 1500))
def test_cost_grows_with_quantity_by_what_one_more_unit_costs(
    starts: list[int], each: list[Decimal], low: int, more: int
) -> None:
    found = price(*[(str(start), str(amount)) for start, amount in zip([0, *starts], each, strict=False)])
    first, second = found.cost(Decimal(low)), found.cost(Decimal(low + more))
    assert isinstance(first, Money)
    assert isinstance(second, Money)
    step = sum((found.at(Decimal(at)) for at in range(low, low + more)), Decimal(0))
    assert second.amount - first.amount == step
