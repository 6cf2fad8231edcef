"""One source while it is collected, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.delivery import Coverage, Delivery, PeriodResult, Verdict

if TYPE_CHECKING:
    from collectors.interface import Collector, UsageCollector
    from daemon.rooms import Rooms
    from domain.ports import Progress
    from ledger.status import Lease

LEASE_TIME = timedelta(minutes=15)
"""Longer than any single commit; a process that died on this host is not waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTaken:
    """What a source of usage gave in one run.

    Attributes:
        hours: whole hours of a cluster that were stored.
        rows: in all frames of them.
        since, through: from when to when they reach; None without any.
    """

    hours: int = 0
    rows: int = 0
    since: datetime | None = None
    through: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What became of one source in one run.

    Attributes:
        source: its name.
        results: what became of each of its periods that was looked at.
        kept: periods that were not looked at again because nothing in them changed.
        coverage: how complete the source is now.
        rejected: rows that could not be read.
        usage: what a source of usage gave; None for a source of charges.
        error: why the source as a whole, or a batch of it, failed, or "".
        hint: what to do about that, or "".
    """

    source: str
    results: tuple[PeriodResult, ...] = ()
    kept: tuple[Delivery, ...] = ()
    coverage: Coverage
    rejected: int = 0
    usage: UsageTaken | None = None
    error: str = ""
    hint: str = ""

    @property
    def is_refused(self) -> bool:
        """Tell whether something of the source was not taken."""
        return bool(self.error) or any(result.verdict is Verdict.REFUSED for result in self.results)

    @property
    def is_stored(self) -> bool:
        """Tell whether something of the source was taken, or was there unchanged."""
        if self.usage is not None and (self.usage.hours or not self.error):
            return True
        return bool(self.kept) or any(result.verdict is not Verdict.REFUSED for result in self.results)


@dataclass(slots=True, kw_only=True)
class Run:
    """One source while it is collected."""

    rooms: Rooms
    collector: Collector | UsageCollector
    force: bool
    progress: Progress
    lease: Lease
    results: dict[str, PeriodResult] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    rejected: int = 0

    @property
    def name(self) -> str:
        """Give the source's name."""
        return self.collector.name

    @property
    def type(self) -> str:
        """Give the source's type, as the configuration names it."""
        return next((s.type for s in self.rooms.settings.sources if s.name == self.name), "")

    def note(self, results: Iterable[PeriodResult]) -> None:
        """Keep what became of each period last; what was stored a moment ago did not stay unchanged."""
        for result in results:
            before = self.results.get(result.billing_period)
            if before is None or result.verdict is not Verdict.UNCHANGED:
                self.results[result.billing_period] = result

    def rows_done(self, _rows: int) -> None:
        """Keep the lease while rows flow.

        Raises:
            ConflictError: somebody else took it; nothing more is committed.
        """
        now = self.rooms.clock.now()
        if self.lease.expires_at - now < LEASE_TIME * 2 / 3:
            self.lease = self.rooms.state.renew(self.lease, LEASE_TIME, now)
