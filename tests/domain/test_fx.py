"""One total to look at: by the newest rate of the day, exact, or not at all."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from domain.fx import DatedRate, converted

DAY = date(2026, 11, 19)
RATES = [
    DatedRate(currency="USD", on=date(2026, 11, 1), rate=Decimal("0.92")),
    DatedRate(currency="USD", on=date(2026, 10, 1), rate=Decimal("0.90")),
    DatedRate(currency="USD", on=date(2026, 12, 1), rate=Decimal("0.99")),
]


def test_the_newest_rate_not_after_the_day_counts_and_is_named() -> None:
    found = converted({"USD": Decimal("100.000000000001"), "EUR": Decimal(10)}, "EUR", RATES, DAY)
    assert found is not None
    assert found.amount == Decimal("102.00000000000092")
    assert found.used == (RATES[0],)


def test_a_currency_without_a_rate_for_the_day_leaves_the_total_out() -> None:
    assert converted({"GBP": Decimal(1), "USD": Decimal(1)}, "EUR", RATES, DAY) is None
    assert converted({"USD": Decimal(1)}, "EUR", RATES, date(2026, 9, 30)) is None
