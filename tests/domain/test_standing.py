"""Open, closed, reopened: what the deliveries of a period show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.delivery import Delivery
from domain.standing import PeriodState, standing_of, standings

NOW = datetime(2026, 8, 20, tzinfo=UTC)


def delivery(
    seen: datetime, closes: datetime | None = None, period: str = "2026-06", **more: object
) -> Delivery:
    given: dict[str, object] = {"source": "aws", "allocations": 0, **more}
    return Delivery(
        id=f"{seen}",
        billing_period=period,
        seen_at=seen,
        manifest_hash="",
        rows=1,
        rejected=0,
        sums={},
        residuals={},
        days=1,
        first_day="",
        last_day="",
        version=0,
        closes_at=closes,
        **given,  # type: ignore[arg-type]  # the fields that a test is about
    )


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("deliveries", "state"),
    [
        ([(at(7, 5), None)], PeriodState.UNKNOWN),
        ([(at(7, 5), at(7, 19))], PeriodState.CLOSED),
        ([(at(8, 15), at(8, 29))], PeriodState.OPEN),
        ([(at(7, 5), at(7, 19)), (at(7, 10), at(7, 24))], PeriodState.CLOSED),
        ([(at(7, 5), at(7, 19)), (at(8, 15), at(8, 29))], PeriodState.REOPENED),
        ([(at(7, 5), at(7, 19)), (at(8, 15), None)], PeriodState.REOPENED),
        ([(at(7, 5), at(7, 19)), (at(7, 25), at(8, 8))], PeriodState.CLOSED),
        ([(at(7, 5), at(7, 19)), (at(7, 10), None)], PeriodState.OPEN),
    ],
)
def test_a_period_stands_as_its_deliveries_show(
    deliveries: list[tuple[datetime, datetime | None]], state: PeriodState
) -> None:
    assert standing_of([delivery(seen, closes) for seen, closes in deliveries], NOW).state is state


def test_a_month_that_is_not_over_is_open_whatever_the_source_says() -> None:
    assert standing_of([delivery(at(8, 3), period="2026-08")], NOW).state is PeriodState.OPEN


def test_a_source_that_closes_other_months_leaves_none_unknown() -> None:
    found = standings(
        [
            delivery(at(6, 5), at(6, 19), period="2026-05", allocations=7),
            delivery(at(7, 5), period="2026-06"),
            delivery(at(7, 5), period="2026-06", source="files"),
        ],
        NOW,
    )
    assert {key: one.state.value for key, one in found.items()} == {
        ("aws", "2026-05"): "closed",
        ("aws", "2026-06"): "open",
        ("files", "2026-06"): "unknown",
    }
    assert found["aws", "2026-05"].allocations == 7


@given(st.lists(st.tuples(st.integers(0, 60), st.none() | st.integers(0, 30)), min_size=1, max_size=6))
def test_a_period_is_closed_only_if_its_newest_delivery_is(moves: list[tuple[int, int | None]]) -> None:
    seen, deliveries = at(7, 1), []
    for hours, closes in moves:
        seen += timedelta(hours=hours)
        deliveries.append(delivery(seen, None if closes is None else seen + timedelta(days=closes)))
    found, newest = standing_of(deliveries, NOW), deliveries[-1]
    is_final = newest.closes_at is not None and newest.closes_at <= NOW
    assert (found.state is PeriodState.CLOSED) == is_final
    if found.state is PeriodState.REOPENED:
        assert len(deliveries) > 1
