"""Which invoice months are read again: those that got rows since they were last read. Pure.

The exports only grow, and every row says when it was exported. So one small question to the newest partitions
tells, for all months at once, whether anything was added: to the running month, to the last one until about
the 7th, and to older ones, which Google corrects for weeks. A month to which something was added is read
whole; the others cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain.delivery import Cursor
from domain.window import midnight, month_window, previous_month

FORMAT = 1
"""Raised when a cursor would be read differently; then every month is read anew."""

OPEN_FOR = timedelta(days=7)
"""After the end of a month Google still works on its invoice."""

SETTLED_AFTER = OPEN_FOR + timedelta(days=60)
"""After that a month that changes is worth a note."""

HISTORY_MONTHS = 13
"""Months read at first: a year, and the one to compare it with."""

_OVERLAP = timedelta(days=3)
"""Partitions looked at again, because rows may arrive in them a little late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """An invoice month that has rows.

    Attributes:
        period: `YYYY-MM`.
        exported: when its newest row was exported, as ISO text.
    """

    period: str
    exported: str


class Watermarks:
    """How far each month was read, as it was stored with its charges."""

    def __init__(self, cursors: Mapping[str, Cursor], table: str) -> None:
        # Another table, or another form of cursor, says nothing about this one.
        self._cursors = {
            period: cursor
            for period, cursor in cursors.items()
            if cursor.get("format") == FORMAT and cursor.get("table") == table
        }

    def first(self, now: datetime, since: date | None) -> datetime:
        """Give the oldest partition that may hold something new."""
        start = since or oldest_month(now)
        asked = [date.fromisoformat(cursor["since"]) for cursor in self._cursors.values()]
        if not asked or start < min(asked):
            return midnight(start) - timedelta(days=1)
        newest = max(datetime.fromisoformat(c["exported"]) for c in self._cursors.values())
        return midnight(newest.astimezone(UTC).date()) - _OVERLAP

    def due(self, found: Iterable[Month], since: date) -> list[Month]:
        """Give the months to read, newest first: those that grew, or could not be read last time."""
        candidates = {month.period: month.exported for month in found}
        for cursor in self._cursors.values():
            for period, exported in cursor["due"].items():
                candidates[period] = max(exported, candidates.get(period, ""))
        first = f"{since:%Y-%m}"
        grown = (
            Month(period=period, exported=exported)
            for period, exported in candidates.items()
            if period >= first and exported > self._exported(period)
        )
        return sorted(grown, key=lambda month: month.period, reverse=True)

    def rows(self, period: str) -> int:
        """Give how many rows a month had when it was last read; 0 if it never was."""
        return int(self._cursors.get(period, {}).get("rows", 0))

    def _exported(self, period: str) -> str:
        return str(self._cursors.get(period, {}).get("exported", ""))


def oldest_month(now: datetime) -> date:
    """Give the first day of the oldest month that is read where nothing else is said."""
    day = now.date().replace(day=1)
    for _ in range(HISTORY_MONTHS - 1):
        day = previous_month(day)
    return day


def bounds(period: str) -> tuple[datetime, datetime]:
    """Give the partitions in which rows of an invoice month can lie; the last is as good as never.

    Rows of a month are exported from its first hour in California on, which is later than in UTC, and
    corrections for as long as Google likes.
    """
    return month_window(period).start - timedelta(days=1), datetime(9999, 1, 1, tzinfo=UTC)


def closes_at(period: str) -> datetime:
    """Give from when on a month counts as closed unless it changes."""
    return month_window(period).end + OPEN_FOR
