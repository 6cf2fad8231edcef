"""Half-open windows of aware UTC time, and the months that bills are cut into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_MONTH = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Time from `start` (inclusive) to `end` (exclusive), both aware UTC.

    Raises:
        ValueError: a naive time, or an end before the start.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive and reversed windows at the door."""
        if self.start.utcoffset() is None or self.end.utcoffset() is None:
            raise ValueError("a window needs aware times")
        if self.end < self.start:
            raise ValueError(f"window ends {self.end:%Y-%m-%d} before it starts {self.start:%Y-%m-%d}")

    @classmethod
    def of_days(cls, first: date, end: date) -> Window:
        """Give the window from the first day (inclusive) to `end` (exclusive), in UTC."""
        return cls(start=midnight(first), end=midnight(end))

    @property
    def first_day(self) -> date:
        """Give the first UTC day the window touches."""
        return self.start.astimezone(UTC).date()

    @property
    def end_day(self) -> date:
        """Give the UTC day before which the window ends (exclusive, rounded up)."""
        end = self.end.astimezone(UTC)
        return end.date() if end.time() == time(0) else end.date() + timedelta(days=1)


def midnight(day: date) -> datetime:
    """Give the UTC start of a day."""
    return datetime.combine(day, time(0), tzinfo=UTC)


def month_of(instant: datetime | date) -> str:
    """Name the month of an instant: `2026-06`."""
    return f"{instant.year:04d}-{instant.month:02d}"


def month_window(period: str) -> Window:
    """Give the UTC window of a month written `YYYY-MM`.

    Raises:
        ValueError: not such a month.
    """
    match = _MONTH.match(period)
    if match is None:
        raise ValueError(f"not a month (YYYY-MM): {period!r}")
    first = date(int(match[1]), int(match[2]), 1)
    return Window.of_days(first, next_month(first))


def next_month(day: date) -> date:
    """Give the first day of the month after the one of `day`."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def previous_month(day: date) -> date:
    """Give the first day of the month before the one of `day`."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)
