"""Amounts, shares and days as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from domain.show import (
    age_text,
    amount_text,
    count_text,
    day_text,
    headline_text,
    instant_text,
    money_text,
    percent_text,
    rounded,
    weekday_text,
)


@pytest.mark.parametrize(
    ("amount", "digits", "shown"),
    [
        ("1842.1", 2, "1,842.10"),
        ("-12.5", 2, "-12.50"),
        ("0", 2, "0.00"),
        ("-0.0", 2, "0.00"),
        ("0.0000008", 2, "<0.01"),
        ("-0.0000008", 2, ">-0.01"),
        ("0.0000008", 8, "0.00000080"),
        ("1.005", 2, "1.00"),
        ("1.015", 2, "1.02"),
        ("99999999999999999999999999.999999999999", 2, "100,000,000,000,000,000,000,000,000.00"),
    ],
)
def test_amounts_are_rounded_once_half_even_and_never_shown_as_nothing(
    amount: str, digits: int, shown: str
) -> None:
    assert amount_text(Decimal(amount), digits) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "signed", "shown"),
    [
        ("1842.10", "USD", False, "$1,842.10"),
        ("214.1", "USD", True, "+$214.10"),
        ("-12.5", "EUR", True, "-€12.50"),
        ("-3", "CHF", False, "-CHF 3.00"),
        ("0", "USD", True, "+$0.00"),
        ("5", "\x1b[31m", False, "\\x1b[31m 5.00"),
    ],
)
def test_money_names_its_currency_and_a_hostile_one_cannot_act(
    amount: str, currency: str, *, signed: bool, shown: str
) -> None:
    assert money_text(Decimal(amount), currency, signed=signed) == shown


def test_headlines_have_cents_only_below_ten() -> None:
    assert headline_text(Decimal("9.994"), "USD") == "$9.99"
    assert headline_text(Decimal("1842.10"), "USD") == "$1,842"
    assert headline_text(Decimal("-188.4"), "USD", signed=True) == "-$188"


def test_a_share_of_nothing_is_not_a_number() -> None:
    assert percent_text(Decimal("188.40"), Decimal("1653.70"), signed=True) == "+11 %"
    assert percent_text(Decimal("128.70"), Decimal("1842.10"), digits=1) == "7.0 %"
    assert percent_text(Decimal(5), Decimal(0)) == ""
    assert percent_text(Decimal(5), Decimal(-10), signed=True) == "+50 %"
    assert percent_text(Decimal("-0.75"), Decimal(712), signed=True) == "0 %"
    assert percent_text(Decimal(-75), Decimal(712)) == "-11 %"
    assert percent_text(Decimal(3160), Decimal("0.1"), signed=True) == ">+999 %"
    assert percent_text(Decimal(-3160), Decimal("0.1")) == ">-999 %"


def test_times_are_utc_and_ages_take_their_largest_unit() -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    assert instant_text(datetime(2026, 11, 20, 4, 45, tzinfo=zone)) == "2026-11-19 23:00Z"
    assert [
        age_text(timedelta(**age)) for age in ({"minutes": 5}, {"hours": 9}, {"days": 3}, {"days": -1})
    ] == [
        "5 min",
        "9 h",
        "3 d",
        "0 min",
    ]
    assert day_text(date(2026, 11, 19)) == "Thu 19 Nov"
    assert day_text(datetime(2026, 11, 19, tzinfo=UTC).date(), weekday=False) == "19 Nov"
    assert weekday_text(date(2026, 11, 19)) == "Thursday"


def test_rounding_never_touches_more_than_it_says() -> None:
    assert rounded(Decimal("1.123456789012"), 12) == Decimal("1.123456789012")


def test_one_thing_is_no_plural() -> None:
    assert [count_text(number, "file") for number in (0, 1, 1200)] == ["0 files", "1 file", "1,200 files"]
