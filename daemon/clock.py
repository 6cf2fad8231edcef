"""The only file that reads the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock, as aware UTC."""

    def now(self) -> datetime:
        """Give the present."""
        return datetime.now(UTC)  # noqa: TID251  # the one place that may


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedClock:
    """A clock that stands still: `--now`, and tests.

    Attributes:
        at: the instant it always gives, aware.
    """

    at: datetime

    def now(self) -> datetime:
        """Give the instant."""
        return self.at
