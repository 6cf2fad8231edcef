"""Stretches of whole UTC hours, counted from 1970 so that they need no time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import numpy as np

from daemon.demo.dice import Ints
from domain.window import month_window

EPOCH = date(1970, 1, 1)
_EPOCH_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 24
"""Hours in a day."""


def day_number(day: date) -> int:
    """Count the days since 1970."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """Give the day that is so many days after 1970."""
    return EPOCH + timedelta(days=number)


def hour_of(instant: datetime) -> int:
    """Count the whole hours from 1970 to an instant."""
    return int((instant - _EPOCH_INSTANT) // timedelta(hours=1))


def instant_of(hour: int) -> datetime:
    """Give the instant that is so many hours after 1970."""
    return _EPOCH_INSTANT + timedelta(hours=hour)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Hours from `first` to `end` (exclusive), counted from 1970; both start a day."""

    first: int
    end: int

    @classmethod
    def of_month(cls, period: str) -> Span:
        """Give the hours of a month written `YYYY-MM`."""
        window = month_window(period)
        return cls(first=hour_of(window.start), end=hour_of(window.end))

    def __len__(self) -> int:
        """Count the hours."""
        return self.end - self.first

    @cached_property
    def hours(self) -> Ints:
        """Give every hour."""
        return np.arange(self.first, self.end, dtype=np.int64)

    @cached_property
    def days(self) -> Ints:
        """Give the day number of every hour."""
        return self.hours // DAY

    @cached_property
    def of_day(self) -> Ints:
        """Give the hour of the day (0 to 23) of every hour."""
        return self.hours % DAY

    @cached_property
    def weekday(self) -> Ints:
        """Give the weekday of every hour, Monday is 0 (1970 began on a Thursday)."""
        return (self.days + 3) % 7

    @cached_property
    def first_day(self) -> int:
        """Give the number of the first day."""
        return self.first // DAY

    @cached_property
    def end_day(self) -> int:
        """Give the number of the day after the last."""
        return self.end // DAY
