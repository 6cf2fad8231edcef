"""When recurring jobs are due: at wall-clock times in a zone, or every so often."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_LONGEST = 9
"""Days within which every weekday comes, whatever the clocks do."""


class WallClock(BaseTrigger):  # type: ignore[misc]  # the library ships no types
    """A wall-clock time on some weekdays, in a zone; once a day whatever daylight saving does.

    A time that the spring change skips is due right after the gap. One that the autumn
    change repeats is due the first time only. APScheduler's own trigger fires twice then,
    and loses the midnight of a weekday after the spring change: it counts days in hours.

    Args:
        zone: IANA zone.
        hour: of the day, 0 to 23.
        minute: of the hour.
        days: weekdays: `mon`, `tue`, …
    """

    def __init__(self, *, zone: ZoneInfo, hour: int, minute: int = 0, days: Collection[str] = DAYS) -> None:
        self._zone = zone
        self._time = time(hour, minute)
        self._weekdays = frozenset(DAYS.index(day) for day in days)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Give the first due time after the previous one, not before `now`."""
        after = now if previous_fire_time is None else max(now, previous_fire_time + _TICK)
        first = after.astimezone(self._zone).date() - _DAY
        for step in range(_LONGEST + 1):
            day = first + step * _DAY
            if day.weekday() in self._weekdays and (due := self._due(day)) >= after:
                return due
        return None

    def _due(self, day: date) -> datetime:
        """Give the instant at which the wall clock first shows the time, or has just skipped it."""
        local = datetime.combine(day, self._time, tzinfo=self._zone)
        due = local.astimezone(UTC)
        early = local.replace(fold=1).astimezone(UTC)
        if early >= due:  # the time exists; of two, fold 0 is the first
            return due
        offset = due.astimezone(self._zone).utcoffset()
        while due - early > _SECOND:  # the clocks went forward between these two
            middle = early + (due - early) // 2
            if middle.astimezone(self._zone).utcoffset() == offset:
                due = middle
            else:
                early = middle
        return due.replace(microsecond=0)


def every(span: timedelta, first: datetime) -> IntervalTrigger:
    """Give a trigger that is due at `first` and then every `span`."""
    return IntervalTrigger(seconds=int(span.total_seconds()), start_date=first, timezone=UTC)
