"""How busy the company is: hours of the day, weekdays, holidays and growth, in permille."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from daemon.demo.dice import Ints
from daemon.demo.hours import DAY, Span, day_number, day_of

# Sums are 24 000 and 7 000, so that an average day of an average week is 1000 per hour.
_AUDIENCE_HOURS = (420, 330, 280, 260, 300, 430, 650, 900, 1080, 1180, 1240, 1280,
                   1300, 1290, 1270, 1260, 1290, 1380, 1480, 1540, 1500, 1330, 1130, 880)  # fmt: skip
_AUDIENCE_WEEK = (1010, 1020, 1020, 1030, 1050, 960, 910)
_OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 400, 1500, 2600, 2900, 2900, 2600,
                 1900, 2300, 2400, 2200, 1500, 600, 200, 0, 0, 0, 0, 0)  # fmt: skip
_OFFICE_WEEK = (1360, 1400, 1400, 1360, 1200, 160, 120)
_NIGHT_HOURS = (3000, 4000, 4000, 4000, 3500, 2500, 1000) + (0,) * 14 + (400, 600, 1000)

REFERENCE = date(2026, 11, 19)
"""The day at which the amounts in the tables are true; growth is counted from it."""

GROWTH_PER_DAY = 420
"""Parts per million of the reference that the company grows by each day, 15 % a year."""

_SHRUNK, _GROWN = 350_000, 2_500_000


@lru_cache(maxsize=64)
def holidays(year: int) -> dict[date, str]:
    """Name the days of a year on which the company's people or customers behave otherwise."""
    easter = _easter(year)
    november = date(year, 11, 1)
    thanksgiving = november + timedelta(days=(3 - november.weekday()) % 7 + 21)
    named = {
        date(year, 1, 1): "New Year's Day",
        easter - timedelta(days=2): "Good Friday",
        easter + timedelta(days=1): "Easter Monday",
        date(year, 5, 1): "Labour Day",
        date(year, 10, 3): "German Unity Day",
        thanksgiving + timedelta(days=1): "Black Friday",
        thanksgiving + timedelta(days=4): "Cyber Monday",
        date(year, 12, 24): "Christmas Eve",
        date(year, 12, 25): "Christmas Day",
        date(year, 12, 26): "Boxing Day",
        date(year, 12, 31): "New Year's Eve",
    }
    quiet = (date(year, 12, day) for day in range(27, 31))
    return named | dict.fromkeys(quiet, "Year-end")


def _easter(year: int) -> date:
    """Give Easter Sunday (anonymous Gregorian computus)."""
    a, b, c = year % 19, year // 100, year % 100
    d = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    e = (32 + 2 * (b % 4) + 2 * (c // 4) - d - c % 4) % 7
    f = (a + 11 * d + 22 * e) // 451
    month, day = divmod(d + e - 7 * f + 114, 31)
    return date(year, month, day + 1)


def _name(day: date) -> str | None:
    return holidays(day.year).get(day)


_BUSY = {"Black Friday": 1850, "Cyber Monday": 1600}


def audience_factor(day: date) -> int:
    """Give how much of its usual traffic a day has, in permille."""
    name = _name(day)
    if name in _BUSY:
        return _BUSY[name]
    before = [_name(day - timedelta(days=back)) for back in (1, 2)]
    if "Black Friday" in before:
        return 1350
    if before[0] == "Cyber Monday":
        return 1150
    return 820 if name else 1000


def office_factor(day: date) -> int:
    """Give how many of its people work on a day, in permille of usual."""
    name = _name(day)
    return 120 if name and name not in _BUSY else 1000


def growth(span: Span) -> Ints:
    """Give the size of the company per hour, in parts per million of the reference day."""
    size = 1_000_000 + GROWTH_PER_DAY * (span.days - day_number(REFERENCE))
    return np.clip(size, _SHRUNK, _GROWN)


def _per_day(span: Span, factor: Callable[[date], int]) -> Ints:
    """Give a factor of days for every hour."""
    days = [factor(day_of(number)) for number in range(span.first_day, span.end_day)]
    return np.repeat(np.array(days, dtype=np.int64), DAY)


def _steady(span: Span) -> Ints:
    return np.full(len(span), 1000, dtype=np.int64)


def _grow(span: Span) -> Ints:
    return growth(span) // 1000


def _audience(span: Span) -> Ints:
    shape: Ints = np.array(_AUDIENCE_HOURS)[span.of_day] * np.array(_AUDIENCE_WEEK)[span.weekday] // 1000
    return shape * _per_day(span, audience_factor) // 1000 * growth(span) // 1_000_000


def _office(span: Span) -> Ints:
    shape: Ints = np.array(_OFFICE_HOURS)[span.of_day] * np.array(_OFFICE_WEEK)[span.weekday] // 1000
    return shape * _per_day(span, office_factor) // 1000 * growth(span) // 1_000_000


def _night(span: Span) -> Ints:
    return np.array(_NIGHT_HOURS)[span.of_day] * growth(span) // 1_000_000


def _weekly(span: Span) -> Ints:
    """Somebody who comes on Tuesdays only."""
    return np.where(span.weekday == 1, _office(span) * 5, 0)


_LOADS: dict[str, Callable[[Span], Ints]] = {
    "steady": _steady,
    "grow": _grow,
    "audience": _audience,
    "office": _office,
    "night": _night,
    "weekly": _weekly,
}
LOADS = tuple(_LOADS)
"""Names of the shapes that use can take over a day, a week and the years."""


@lru_cache(maxsize=128)
def load(name: str, span: Span) -> Ints:
    """Give a shape of use per hour, in permille of its average on the reference day."""
    drawn = _LOADS[name](span)
    drawn.flags.writeable = False  # shared by everybody who asks
    return drawn
