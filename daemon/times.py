"""The years that days, instants and months asked for may lie in: room for every sum with them."""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from domain.errors import UsageError

Day = TypeVar("Day", bound=date)

YEARS = range(1970, 9999)
"""No bill is older, and the last year that exists leaves no room for its own next day."""


BEGINNING = date(YEARS[0], 1, 1)
"""The first day of a window that begins with everything."""


def in_range(day: Day, text: str) -> Day:
    """Give a day or an instant back if it lies in these years.

    Raises:
        UsageError: it does not; `text` is how it was written.
    """
    if day.year not in YEARS:
        raise UsageError(f"{text!r} is out of range", hint=f"years go from {YEARS[0]} to {YEARS[-1]}")
    return day
