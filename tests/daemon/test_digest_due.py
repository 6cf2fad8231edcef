"""Which UTC days a digest tells of: each once, whenever it is sent and whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.messages import DAYS, DigestSettings
from daemon.digest_due import LATE, Due, due_at, due_by_hand, last_due, trigger_of

BERLIN = ZoneInfo("Europe/Berlin")
NINE = datetime(2026, 11, 20, 8, tzinfo=UTC)
"""Nine in the morning in Berlin, a Friday."""


def a_digest(**fields: object) -> DigestSettings:
    return DigestSettings.model_validate({"channel": "C0123456", **fields})


def due(now: datetime, zone: ZoneInfo = BERLIN, **fields: object) -> Due:
    found = last_due(a_digest(**fields), zone, now)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("days", "day", "folded"),
    [
        ("Mon-Fri", 16, 3),
        ("Mon-Fri", 20, 1),
        ("daily", 16, 1),
        ("Mon", 16, 7),
        ("Mon,Wed,Fri", 20, 2),
    ],
)
def test_days_without_a_digest_are_told_with_the_next(days: str, day: int, folded: int) -> None:
    at = datetime(2026, 11, day, 8, tzinfo=UTC)
    assert due_at(a_digest(days=days), BERLIN, at).folded == folded
    assert due_at(a_digest(days=days, fold=False), BERLIN, at).folded == 1


def test_it_is_due_at_local_time_also_when_daylight_saving_changes() -> None:
    assert due(datetime(2026, 3, 28, 8, 30, tzinfo=UTC), days="daily").at.hour == 8
    assert due(datetime(2026, 3, 29, 8, 30, tzinfo=UTC), days="daily").at.hour == 7
    assert last_due(a_digest(days="daily"), BERLIN, datetime(2026, 3, 29, 6, 59, tzinfo=UTC)) is None
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert due(first + timedelta(hours=2), days="daily", at="02:30").at == first


def test_what_was_due_too_long_ago_is_not_due() -> None:
    assert due(NINE + LATE).at == NINE
    assert last_due(a_digest(), BERLIN, NINE + LATE + timedelta(minutes=1)) is None


def test_one_that_is_sent_after_local_midnight_tells_of_the_same_day() -> None:
    at = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
    on_time, late = (due(now, at="23:30", days="daily") for now in (at, at + timedelta(hours=5)))
    assert (on_time.day, on_time.local) == (date(2026, 11, 19), date(2026, 11, 20))
    assert late == on_time
    following = due(at + timedelta(days=1), at="23:30", days="daily")
    assert (following.day, following.folded) == (date(2026, 11, 20), 1)


def test_where_utc_midnight_lies_between_two_digests_the_clocks_lose_and_repeat_no_day() -> None:
    london = ZoneInfo("Europe/London")
    settings = a_digest(at="00:30", days="daily")
    spring = [due_at(settings, london, datetime(2026, 3, 29, hour, 30, tzinfo=UTC)) for hour in (0, 23)]
    assert [(one.day.day, one.folded) for one in spring] == [(28, 1), (28, 0)]
    autumn = [
        due_at(settings, london, at)
        for at in (datetime(2026, 10, 24, 23, 30, tzinfo=UTC), datetime(2026, 10, 26, 0, 30, tzinfo=UTC))
    ]
    assert [(one.day.day, one.folded) for one in autumn] == [(23, 1), (25, 2)]


def test_by_hand_it_tells_the_same_as_the_scheduled_one_of_the_day() -> None:
    monday = datetime(2026, 11, 16, 15, tzinfo=UTC)
    assert due_by_hand(a_digest(), BERLIN, monday) == due_at(
        a_digest(), BERLIN, datetime(2026, 11, 16, 8, tzinfo=UTC)
    )
    saturday = due_by_hand(a_digest(), BERLIN, NINE + timedelta(days=1))
    assert (saturday.day, saturday.folded) == (date(2026, 11, 20), 1)


ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "Pacific/Auckland",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "Africa/Casablanca",
)


@given(
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    at=st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 45])),
    days=st.sets(st.sampled_from(DAYS), min_size=1),
    start=st.dates(date(2024, 1, 10), date(2027, 12, 1)),
    late=st.timedeltas(timedelta(0), LATE),
)
def test_every_utc_day_is_told_of_exactly_once_however_late_each_is_sent(
    *, zone: ZoneInfo, at: tuple[int, int], days: set[str], start: date, late: timedelta
) -> None:
    settings = a_digest(at=f"{at[0]:02}:{at[1]:02}", days=",".join(days))
    trigger = trigger_of(settings, zone)
    now = datetime(start.year, start.month, start.day, tzinfo=UTC)
    told: list[date] = []
    for _ in range(12):
        found = trigger.get_next_fire_time(None, now)
        assert found is not None
        one = last_due(settings, zone, found + late)
        assert one is not None
        told += [one.day - timedelta(days=back) for back in reversed(range(one.folded))]
        now = found + timedelta(microseconds=1)
    assert told == [told[0] + timedelta(days=step) for step in range(len(told))]
