"""When a digest is due, and of which UTC days it tells. Pure.

A digest tells of the UTC days that ended before it was due and that the one before it did not
tell of. That is counted from when it was due, not from when it is sent: one that is sent
hours late, after midnight or after the clocks changed, tells of the same days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from daemon.triggers import WallClock

if TYPE_CHECKING:
    from config.messages import DigestSettings

LATE = timedelta(hours=6)
"""How long after its time a digest is still worth sending; a later one would meet the next."""

MOST_FOLDED = 8
"""A week, and the day that it may gain where local midnight passes that of UTC."""
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_BACK = timedelta(days=9)
"""Longer than any digest waits for the one after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One time at which a digest is due.

    Attributes:
        at: when (UTC).
        local: its local day, whose weekday people see.
        day: the last UTC day that had ended by then.
        folded: how many UTC days it tells of, `day` and those before it; 0 if the digest
            before it told of that day already, as when clocks go forward at midnight UTC.
    """

    at: datetime
    local: date
    day: date
    folded: int


def trigger_of(digest: DigestSettings, zone: ZoneInfo) -> WallClock:
    """Give when a digest is due."""
    hour, minute = map(int, digest.at.split(":"))
    return WallClock(zone=zone, hour=hour, minute=minute, days=digest.days)


def last_due(digest: DigestSettings, zone: ZoneInfo, now: datetime) -> Due | None:
    """Give when a digest was due last, None if that is too long ago to be worth sending."""
    times = _times(trigger_of(digest, zone), now - LATE, now)
    return due_at(digest, zone, times[-1]) if times else None


def due_at(digest: DigestSettings, zone: ZoneInfo, at: datetime) -> Due:
    """Give what a digest tells of that is due, or sent by hand, at an instant."""
    day = day_of(at)
    before = _times(trigger_of(digest, zone), at - _BACK, at - _TICK)
    folded = 1
    if digest.fold and before:
        folded = min((day - day_of(before[-1])).days, MOST_FOLDED)
    elif before and day_of(before[-1]) == day:
        folded = 0
    return Due(at=at.astimezone(UTC), local=at.astimezone(zone).date(), day=day, folded=folded)


def due_by_hand(digest: DigestSettings, zone: ZoneInfo, now: datetime) -> Due:
    """Give what a digest tells of that a person sends now: the same as one of the same day."""
    times = _times(trigger_of(digest, zone), now - _BACK, now)
    scheduled = times[-1] if times and day_of(times[-1]) == day_of(now) else now
    due = due_at(digest, zone, scheduled)
    return replace(due, folded=max(due.folded, 1))


def day_of(at: datetime) -> date:
    """Give the last UTC day that had ended at an instant."""
    return at.astimezone(UTC).date() - _DAY


def _times(trigger: WallClock, since: datetime, until: datetime) -> list[datetime]:
    """Give the times in a span at which something is due, both ends included."""
    found: list[datetime] = []
    due = trigger.get_next_fire_time(None, since)
    while due is not None and due <= until:
        found.append(due)
        due = trigger.get_next_fire_time(due, due + _TICK)
    return found
