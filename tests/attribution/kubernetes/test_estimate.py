"""Estimates use dated prices, tell spot apart, and say what has no price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.kubernetes.estimate import Cause, Compared, days_to_estimate, estimated, residuals
from domain.price import Asked, NoPrice, Offer, Price, Tier
from domain.usage import NODE_HOURS

T0 = datetime(2026, 6, 10, tzinfo=UTC)


class Book:
    """A price book with one machine, whose spot price halves at 1 o'clock."""

    def price(self, asked: Asked, at: datetime) -> Price | NoPrice:
        if asked.item != "m5.large":
            return NoPrice(reason=f"the price book has no {asked.item}")
        amount = (
            "0.096" if asked.offer is Offer.CONTRACT else "0.04" if at < T0 + timedelta(hours=1) else "0.02"
        )
        return Price(
            tiers=(Tier(start=Decimal(0), amount=Decimal(amount)),),
            unit="Hrs",
            currency="USD",
            offer=asked.offer,
            origin="a list",
            seen_at=at,
            effective_from=at,
        )


def hours(*rows: dict[str, Any]) -> pl.DataFrame:
    usual = {"cluster": "prod", "hour": T0, "node": "n1", "provider_id": "aws:///eu-central-1a/i-0a"}
    machine = {"instance_type": "m5.large", "alive_seconds": 3600.0, "region": "eu-central-1"}
    return pl.DataFrame(
        [dict.fromkeys(NODE_HOURS) | usual | machine | row for row in rows], schema=NODE_HOURS
    )


def test_spot_is_priced_by_the_hour_and_the_others_at_list_price() -> None:
    later = T0 + timedelta(hours=1)
    spot = {"node": "s1", "capacity_type": "spot"}
    found = estimated(hours({"alive_seconds": 900.0}, spot, {**spot, "hour": later}), Book())
    assert found.priced.select("node", "cost", "offer").rows() == [
        ("n1", Decimal("0.024"), "contract"),
        ("s1", Decimal("0.04"), "spot"),
        ("s1", Decimal("0.02"), "spot"),
    ]
    assert found.unpriced.is_empty()


def test_what_has_no_price_is_counted_and_named_and_never_0() -> None:
    found = estimated(
        hours(
            {"instance_type": "x9.huge"},
            {"instance_type": "x9.huge", "hour": T0 + timedelta(hours=1)},
            {"node": "n2", "instance_type": None},
            {"node": "n3", "provider_id": None},
        ),
        Book(),
    )
    assert found.priced.is_empty()
    assert found.unpriced.rows() == [
        ("prod", "n1", 2.0, "the price book has no x9.huge"),
        ("prod", "n2", 1.0, "its instance type is not known"),
        ("prod", "n3", 1.0, "its provider id does not say what it is"),
    ]


@pytest.mark.parametrize(
    ("through", "measured", "days"),
    [
        (T0, T0 + timedelta(days=2, hours=5), [10, 11]),
        (T0 + timedelta(hours=14), T0 + timedelta(days=2), [11]),
        (T0, T0 + timedelta(hours=23), []),
    ],
)
def test_only_whole_days_that_the_bill_has_not_reached_are_estimated(
    through: datetime, measured: datetime, days: list[int]
) -> None:
    assert [day.day for day in days_to_estimate(through, measured)] == days


AMOUNT = st.decimals(0, 10_000, places=6)


@given(st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT, AMOUNT))
def test_causes_add_up_to_what_the_bill_says_beyond_the_estimate(amounts: tuple[Decimal, ...]) -> None:
    price, measured, unmeasured, billed_hours, listed, billed = amounts
    one = Compared(
        unit_price=price,
        hours=measured,
        unmeasured=unmeasured,
        billed_hours=billed_hours,
        billed_list=listed,
        billed=billed,
    )
    assert sum(residuals(one).values(), Decimal(0)) == billed - one.estimate


def test_each_cause_has_its_own_part() -> None:
    one = Compared(
        unit_price=Decimal("0.1"),
        hours=Decimal(20),
        unmeasured=Decimal(3),
        billed_hours=Decimal(24),
        billed_list=Decimal("2.64"),
        billed=Decimal("1.84"),
    )
    assert residuals(one) == {
        Cause.MISSING_METRIC: Decimal("0.3"),
        Cause.TIMING: Decimal("0.1"),
        Cause.PRICE: Decimal("0.24"),
        Cause.DISCOUNT: Decimal("-0.8"),
    }
