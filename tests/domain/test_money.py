"""Money is exact: parsed as written, rounded once, split without losing a unit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import MoneyError
from domain.money import SCALE, UNIT, Money, parse_amount, plain, split, stored

AMOUNTS = st.decimals(min_value=Decimal("-1e15"), max_value=Decimal("1e15"), places=SCALE)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**40), min_size=1, max_size=30).filter(any)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.00000080000", "0.0000008"),
        ("1E-7", "0.0000001"),
        ("-3.5e2", "-350"),
        (" 4 ", "4"),
        ("+3", "3"),
        (".5", "0.5"),
        ("-0", "0"),
        ("99999999999999999999999999.999999999999", "99999999999999999999999999.999999999999"),
    ],
)
def test_reads_an_amount_exactly_as_written(text: str, value: str) -> None:
    assert parse_amount(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "1,000.00", "12 USD", "NaN", "Infinity", "-inf", "abc", "1e26", "1e999999"]
)
def test_refuses_what_is_not_an_amount_it_can_hold(text: str) -> None:
    with pytest.raises(MoneyError):
        parse_amount(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("0.0000000000005", "0"), ("0.0000000000015", "0.000000000002"), ("0.0000000000025", "0.000000000002")],
)
def test_rounds_what_it_stores_half_to_even_at_twelve_digits(text: str, kept: str) -> None:
    assert stored(parse_amount(text)) == Decimal(kept)


@given(AMOUNTS)
def test_an_amount_of_twelve_digits_is_stored_unchanged(amount: Decimal) -> None:
    assert stored(amount) == amount


@given(AMOUNTS)
def test_a_shown_amount_reads_back_as_itself(amount: Decimal) -> None:
    assert parse_amount(plain(amount)) == amount


@pytest.mark.parametrize(
    ("value", "text"), [("1E-7", "0.0000001"), ("-0.000", "0"), ("5.00", "5"), ("1E+3", "1000")]
)
def test_writes_an_amount_without_exponent_and_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@given(AMOUNTS, WEIGHTS)
def test_parts_sum_to_the_whole_and_stay_within_a_unit_of_their_share(
    total: Decimal, weights: list[int]
) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    units = int(total.scaleb(SCALE))
    for part, weight in zip(parts, weights, strict=True):
        assert abs(int(part.scaleb(SCALE)) * sum(weights) - units * weight) < sum(weights)


@given(AMOUNTS, WEIGHTS)
def test_nobody_without_weight_gets_anything(total: Decimal, weights: list[int]) -> None:
    assert all(part == 0 for part, weight in zip(split(total, weights), weights, strict=True) if weight == 0)


def test_gives_the_left_over_unit_to_the_earliest_of_equals() -> None:
    assert split(Decimal(100), [1, 1, 1]) == [
        Decimal("33.333333333334"),
        Decimal("33.333333333333"),
        Decimal("33.333333333333"),
    ]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [2, -1]])
def test_refuses_weights_that_name_nobody(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(UNIT, weights)


def test_never_adds_two_currencies() -> None:
    with pytest.raises(MoneyError, match="cannot add EUR to USD"):
        Money(amount=Decimal(1), currency="USD") + Money(amount=Decimal(1), currency="EUR")


def test_adds_money_of_one_currency_to_the_last_digit() -> None:
    one = Money(amount=Decimal(99999999999999999999999999), currency="USD")
    assert (one + Money(amount=UNIT, currency="USD")).amount == Decimal(
        "99999999999999999999999999.000000000001"
    )
