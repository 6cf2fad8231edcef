"""Windows are aware, half-open, and months are those of the bill."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.window import Window, midnight, month_of, month_window, next_month, previous_month


def test_refuses_a_window_without_a_zone() -> None:
    with pytest.raises(ValueError, match="aware"):
        Window(start=datetime(2026, 1, 1), end=datetime(2026, 1, 2, tzinfo=UTC))  # noqa: DTZ001 the naive time is the case


def test_refuses_a_window_that_ends_before_it_starts() -> None:
    with pytest.raises(ValueError, match="ends 2026-01-01 before it starts 2026-01-02"):
        Window.of_days(date(2026, 1, 2), date(2026, 1, 1))


def test_days_of_a_window_are_utc_days_whatever_the_zone_of_its_ends() -> None:
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    window = Window(
        start=datetime(2026, 3, 1, 2, tzinfo=kathmandu), end=datetime(2026, 3, 2, 5, 45, tzinfo=kathmandu)
    )
    assert (window.first_day, window.end_day) == (date(2026, 2, 28), date(2026, 3, 2))


def test_a_window_that_ends_within_a_day_reaches_into_it() -> None:
    window = Window(start=midnight(date(2026, 3, 1)), end=datetime(2026, 3, 1, 0, 1, tzinfo=UTC))
    assert window.end_day == date(2026, 3, 2)


@pytest.mark.parametrize("text", ["2026-13", "2026-6", "26-06", "2026-06-01", "", "2026-00", " 2026-06"])
def test_refuses_what_is_not_a_month(text: str) -> None:
    with pytest.raises(ValueError, match="not a month"):
        month_window(text)


@given(st.dates(min_value=date(1970, 2, 1), max_value=date(9998, 11, 30)))
def test_months_follow_each_other_without_gap(day: date) -> None:
    window = month_window(month_of(day))
    assert window.first_day <= day < window.end_day
    assert window.end_day == next_month(day)
    assert previous_month(window.end_day) == window.first_day
