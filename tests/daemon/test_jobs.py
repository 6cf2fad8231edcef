"""What was missed is caught up once, whatever daylight saving does to the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from daemon.jobs import Job, Trigger, missed
from daemon.triggers import WallClock, every

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


def a_job(trigger: Trigger, catch_up: timedelta = DAY) -> Job:
    return Job(name="digest", run=lambda: None, trigger=trigger, catch_up=catch_up)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def test_a_job_that_never_ran_missed_nothing() -> None:
    assert missed(a_job(WallClock(hour=9, zone=BERLIN)), None, berlin("2026-11-20 12:00")) is None


def test_a_run_that_was_due_while_no_daemon_ran_is_caught_up() -> None:
    job = a_job(WallClock(hour=9, zone=BERLIN))
    found = missed(job, berlin("2026-11-19 09:00"), berlin("2026-11-20 09:40"))
    assert found == berlin("2026-11-20 09:00")


def test_of_many_missed_runs_only_the_newest_counts() -> None:
    job = a_job(WallClock(hour=9, zone=BERLIN), catch_up=10 * DAY)
    found = missed(job, berlin("2026-11-12 09:00"), berlin("2026-11-20 08:59"))
    assert found == berlin("2026-11-19 09:00")


def test_what_was_missed_too_long_ago_is_let_go() -> None:
    job = a_job(WallClock(hour=9, zone=BERLIN), catch_up=timedelta(hours=3))
    assert missed(job, berlin("2026-11-18 09:00"), berlin("2026-11-20 12:30")) is None


def test_a_job_without_catch_up_is_never_caught_up() -> None:
    job = a_job(WallClock(hour=9, zone=BERLIN), catch_up=timedelta(0))
    assert missed(job, berlin("2026-11-18 09:00"), berlin("2026-11-20 09:01")) is None


@pytest.mark.parametrize(
    ("day", "offset_hours"), [("2026-03-28", 1), ("2026-03-29", 2), ("2026-10-24", 2), ("2026-10-25", 1)]
)
def test_a_local_time_stays_local_over_both_edges_of_daylight_saving(day: str, offset_hours: int) -> None:
    job = a_job(WallClock(hour=9, zone=BERLIN))
    now = berlin(f"{day} 10:00")
    found = missed(job, now - timedelta(hours=20), now)
    assert found == datetime.fromisoformat(f"{day} 09:00").replace(tzinfo=UTC) - timedelta(hours=offset_hours)


def test_a_time_that_daylight_saving_skips_is_still_due_that_day_once() -> None:
    trigger = WallClock(hour=2, minute=30, zone=BERLIN)
    due, days = berlin("2026-03-28 12:00"), []
    for _ in range(3):
        found = trigger.get_next_fire_time(None, due + timedelta(seconds=1))
        assert found is not None
        due = found
        days.append(due.astimezone(BERLIN).date().isoformat())
    assert days == ["2026-03-29", "2026-03-30", "2026-03-31"]


def test_a_time_that_daylight_saving_skips_is_due_right_after_the_gap() -> None:
    found = WallClock(hour=2, minute=30, zone=BERLIN).get_next_fire_time(None, berlin("2026-03-28 12:00"))
    assert found is not None
    assert abs(found - datetime(2026, 3, 29, 1, tzinfo=UTC)) <= timedelta(seconds=1)


def test_a_midnight_of_one_weekday_is_not_lost_when_the_clocks_change() -> None:
    trigger = WallClock(hour=0, zone=BERLIN, days=("mon",))
    due = datetime(2024, 3, 24, 23, 0, 0, 1, tzinfo=UTC)
    assert trigger.get_next_fire_time(None, due) == datetime(2024, 3, 31, 22, tzinfo=UTC)


def test_a_time_that_daylight_saving_repeats_is_due_once() -> None:
    trigger = WallClock(hour=2, minute=30, zone=BERLIN)
    first = trigger.get_next_fire_time(None, berlin("2026-10-24 12:00"))
    assert first == berlin("2026-10-25 02:30")
    second = trigger.get_next_fire_time(first, first + timedelta(seconds=1))
    assert second == berlin("2026-10-26 02:30")


def test_an_interval_counts_from_its_anchor() -> None:
    anchor = datetime(2026, 11, 20, 6, tzinfo=UTC)
    job = a_job(every(timedelta(hours=6), anchor))
    assert missed(job, anchor, anchor + timedelta(hours=13)) == anchor + timedelta(hours=12)
    assert missed(job, anchor, anchor + timedelta(hours=5)) is None
