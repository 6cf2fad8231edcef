"""When recurring jobs are due: at wall-clock times in a zone, or every so often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

_TICK = timedelta(microseconds=1)
_FOLD = timedelta(hours=1)
"""Longer than any wall clock goes back at once, shorter than a day."""


class WallClock(BaseTrigger):  # type: ignore[misc]  # the library ships no types
    """A wall-clock time on some weekdays, in a zone; once a day whatever daylight saving does.

    A time that the spring change skips is due right after the gap. One that the autumn
    change repeats is due the first time only; APScheduler's own trigger fires twice.

    Args:
        zone: IANA zone.
        hour: of the day, 0 to 23.
        minute: of the hour.
        days: weekdays as cron writes them, e.g. `mon-fri`.
    """

    def __init__(self, *, zone: ZoneInfo, hour: int, minute: int = 0, days: str = "*") -> None:
        self._zone = zone
        self._cron = CronTrigger(hour=hour, minute=minute, day_of_week=days, timezone=zone)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Give the first due time after the previous one, not before `now`."""
        after = now if previous_fire_time is None else max(now, previous_fire_time + _TICK)
        # In UTC throughout: ambiguous local times compare and add up wrongly (PEP 495).
        due = self._due(after.astimezone(UTC))
        while due is not None and self._is_repeated(due):
            due = self._due(due + _FOLD)
        return due

    def _due(self, after: datetime) -> datetime | None:
        found: datetime | None = self._cron.get_next_fire_time(None, after)
        return None if found is None else found.astimezone(UTC)

    def _is_repeated(self, due: datetime) -> bool:
        """Tell whether the wall clock showed this time an hour before already."""
        return due.astimezone(self._zone).fold == 1


def every(span: timedelta, first: datetime) -> IntervalTrigger:
    """Give a trigger that is due at `first` and then every `span`."""
    return IntervalTrigger(seconds=int(span.total_seconds()), start_date=first, timezone=UTC)
