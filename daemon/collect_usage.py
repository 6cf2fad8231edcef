"""Takes what ran where: hour by hour, so that what stops midway goes on where it stopped."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from config.secrets import redact
from daemon.collect_run import Collected, Run, UsageTaken
from daemon.logs import get_logger
from domain.delivery import Coverage, Freshness
from domain.errors import CostdError
from domain.usage import HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from collectors.interface import UsageCollector
    from domain.usage import UsageBatch, UsageFetch


def take_usage(run: Run, collector: UsageCollector) -> Collected:
    """Store the hours since the last stored batch; what fails later leaves those before in place.

    Raises:
        CostdError: the state database cannot be written.
    """
    run.rooms.state.record_attempt(run.name, run.type, run.rooms.clock.now())
    notes = dict.fromkeys(run.rooms.ledger.repair_usage(run.name, now=run.rooms.clock.now()))
    taking = _Taking(run, notes)
    try:
        fetch = collector.fetch_usage(run.rooms.ledger.usage_cursor(run.name), progress=run.progress)
        taking.all_of(fetch)
    except CostdError as error:
        return taking.failed(error)
    return taking.ended(fetch.coverage)


TOGETHER_SECONDS = 2.0
"""Batches that come quicker than this are stored together: a commit takes longer than a small batch."""

TOGETHER_ROWS = 250_000
"""Rows that are held at most before they are stored."""


def _rows(batches: Iterable[UsageBatch]) -> int:
    return sum(frame.height for batch in batches for frame in batch.frames.values())


class _Taking:
    """One fetch of usage on its way into the ledger."""

    def __init__(self, run: Run, notes: dict[str, None]) -> None:
        self._run = run
        self._notes = notes
        self._taken = UsageTaken()

    def all_of(self, fetch: UsageFetch) -> None:
        """Store every batch, keeping the lease; quick ones are stored together."""
        self._notes.update(dict.fromkeys(fetch.notes))
        held: list[UsageBatch] = []
        since = time.monotonic()
        try:
            for batch in fetch.batches:
                held.append(batch)
                if time.monotonic() - since >= TOGETHER_SECONDS or _rows(held) >= TOGETHER_ROWS:
                    self._store(held)
                    since = time.monotonic()
        finally:
            self._store(held)

    def _store(self, held: list[UsageBatch]) -> None:
        """Store what is held, and hold nothing."""
        if not held:
            return
        self._run.rows_done(0)
        batches = tuple(held)
        held.clear()
        self._run.rooms.ledger.replace_usages(batches, seen_at=self._run.rooms.clock.now())
        taken = self._taken
        starts, ends = [one.start for one in batches], [one.end for one in batches]
        self._notes.update(dict.fromkeys(note for batch in batches for note in batch.notes))
        self._taken = UsageTaken(
            hours=taken.hours + sum((one.end - one.start) // HOUR for one in batches),
            rows=taken.rows + _rows(batches),
            since=min((taken.since or starts[0], *starts)),
            through=max((taken.through or ends[0], *ends)),
        )

    def ended(self, coverage: Coverage) -> Collected:
        """Say how far the source reaches, by its own word or by what is stored."""
        through = coverage.delivered_through or self._reached()
        coverage = replace(coverage, delivered_through=through)
        self._record(coverage)
        get_logger().info(
            "usage_collected",
            source=self._run.name,
            freshness=coverage.freshness.value,
            hours=self._taken.hours,
            rows=self._taken.rows,
        )
        return Collected(source=self._run.name, coverage=coverage, usage=self._taken)

    def failed(self, error: CostdError) -> Collected:
        """Say why it ended early, and how far what is stored reaches."""
        get_logger().warning("source_failed", source=self._run.name, code=error.code, reason=str(error))
        coverage = Coverage(
            source=self._run.name,
            freshness=Freshness.FAILED,
            delivered_through=self._reached(),
            reason=redact(str(error)),
        )
        self._record(coverage)
        return Collected(
            source=self._run.name,
            coverage=coverage,
            usage=self._taken,
            error=str(error),
            hint=error.hint,
        )

    def _reached(self) -> datetime | None:
        return self._run.rooms.ledger.usage_through(self._run.name)

    def _record(self, coverage: Coverage) -> None:
        now = self._run.rooms.clock.now()
        self._run.rooms.state.record_fetch(coverage, (), (), tuple(self._notes), at=now)
