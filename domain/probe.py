"""What a read-only look at one thing found: how well it is, what breaks if it is not, the fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum


class Health(StrEnum):
    """How well one thing is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One read-only check: what was looked at, what breaks if it is not well, the fix.

    Attributes:
        subject: what was looked at, and what was seen, e.g. `./exports/azure: 12 files listed`.
        health: ok, warn or fail.
        breaks: what will not work, "" when ok.
        fix: the exact thing to do, a command or a line of YAML where there is one, "" when ok.
        server_time: the time a server told while it answered, None if it told none.
    """

    subject: str
    health: Health
    breaks: str = ""
    fix: str = ""
    server_time: datetime | None = None


def instant_of(date_header: str) -> datetime | None:
    """Read the `Date` header of HTTP; None if it is none."""
    try:
        found = parsedate_to_datetime(date_header)
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
