"""The bills of the demo company: one source per provider of a simulated world.

The world is handed in through `domain.ports.BillingWorld`. The first fetch replays the
past: every month that is long settled once, as it finally was, and the open ones as they
grew over the last days, so that there is a history to look at. Later fetches give what is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from typing import Literal

import polars as pl
from pydantic import Field

from collectors.interface import Health, Probe
from config.source import SourceEnvelope
from domain.charge import FOCUS, Kind
from domain.delivery import Batch, Chunk, Coverage, Cursor, Fetch, Freshness, SourceFile
from domain.errors import CostdError
from domain.ports import BillingWorld, Clock, Progress
from domain.window import month_of, month_window, next_month

DELIVERY_TIME = time(6, tzinfo=UTC)
"""When the simulated providers deliver, every day."""

REPLAYED_DAYS = 3
"""Daily deliveries of an open month that one fetch catches up with."""

HOURLY_DAYS = 14
"""Days before the first fetch that are given by the hour already; all later ones are.

A day once given by the hour stays so: a bill that came back with fewer rows would look like one
that lost some, and the ledger refuses those.
"""

SETTLED_AFTER = timedelta(days=15)
"""After the end of a month nothing of it changes any more, in the demo world."""

_COST_COLUMNS = tuple(column.name for column in FOCUS if column.kind is Kind.COST)


class DemoSettings(SourceEnvelope):
    """A provider of the demo company."""

    provider: Literal["aws", "gcp", "azure"] = Field(
        description="Whose bill to simulate: `aws`, `gcp` or `azure`. Required.",
    )
    seed: int = Field(
        default=7,
        ge=0,
        description="Which demo company: the same number gives the same company, day by day. Give all "
        "sources of one company the same number. Default 7, the company of the documentation.",
    )


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Due:
    """A month that is to be fetched as it was delivered at an instant."""

    seen_at: datetime
    period: str


class DemoCollector:
    """One provider's bill of the demo company."""

    Settings = DemoSettings

    def __init__(self, settings: DemoSettings, *, world: BillingWorld, clock: Clock) -> None:
        self.name = settings.name
        self._provider = settings.provider
        self._world = world
        self._clock = clock

    def probe(self) -> list[Probe]:
        """Ask the world for how far it reaches; nothing outside this process is needed."""
        try:
            through = self._world.delivered_through(self._provider, seen_at=self._clock.now())
            self._world.bill(self._provider, month_of(through), seen_at=through)
        except CostdError as error:
            return [
                Probe(
                    subject=f"demo world, {self._provider}",
                    health=Health.FAIL,
                    breaks=str(error),
                    fix=error.hint or "run `costd demo reset`",
                )
            ]
        return [Probe(subject=f"demo world, {self._provider} through {through:%Y-%m-%d}", health=Health.OK)]

    def fetch(self, cursors: Mapping[str, Cursor], *, progress: Progress) -> Fetch:
        """Give the months that changed since they were last fetched, oldest delivery first."""
        now = self._clock.now()
        due = sorted(self._due(cursors, now))
        hourly_from = _hourly_from(cursors, now)
        progress.start(f"Demo bills of {self._provider}", len(due), "deliveries")
        return Fetch(
            batches=self._batches(due, hourly_from, progress),
            coverage=Coverage(
                source=self.name,
                freshness=Freshness.FRESH,
                delivered_through=self._world.delivered_through(self._provider, seen_at=now),
            ),
        )

    def _due(self, cursors: Mapping[str, Cursor], now: datetime) -> Iterator[_Due]:
        first = self._world.first_day().replace(day=1)
        while month_of(first) <= month_of(now):
            period = month_of(first)
            seen = cursors.get(period, {}).get("seen_at")
            since = datetime.fromisoformat(seen) if isinstance(seen, str) else None
            for instant in _deliveries(period, since, now):
                yield _Due(seen_at=instant, period=period)
            first = next_month(first)

    def _batches(self, due: list[_Due], hourly_from: date, progress: Progress) -> Iterator[Batch]:
        for one in due:
            bill = self._world.bill(self._provider, one.period, seen_at=one.seen_at, hourly_from=hourly_from)
            if not bill.is_empty():
                cursor = {"seen_at": one.seen_at.isoformat(), "hourly_from": hourly_from.isoformat()}
                yield self._batch(bill, one, cursor)
            progress.advance(1)

    def _batch(self, bill: pl.DataFrame, due: _Due, cursor: Cursor) -> Batch:
        stream = BytesIO()
        bill.write_ipc(stream, compression="uncompressed")
        content = stream.getbuffer()
        tag = sha256(content).hexdigest()
        path = f"demo://{self._provider}/{due.period}"
        return Batch(
            source=self.name,
            periods=frozenset({due.period}),
            chunks=iter((Chunk(charges=bill, file=path, parsed=_sums(bill, due.period)),)),
            files=(SourceFile(path=path, size_bytes=len(content), tag=tag, rows=len(bill)),),
            manifest_hash=sha256(f"{path}\0{tag}".encode()).hexdigest(),
            cursors={due.period: cursor},
            focus_version="1.2",
            seen_at=due.seen_at,
        )


def _hourly_from(cursors: Mapping[str, Cursor], now: datetime) -> date:
    """Give the first day that is given by the hour: as it was at the first fetch."""
    known = [cursor["hourly_from"] for cursor in cursors.values() if "hourly_from" in cursor]
    return date.fromisoformat(min(known)) if known else (now - timedelta(days=HOURLY_DAYS)).date()


def _deliveries(period: str, since: datetime | None, now: datetime) -> list[datetime]:
    """List the deliveries of a month to fetch, the last one as late as possible."""
    window = month_window(period)
    settled = datetime.combine((window.end + SETTLED_AFTER).date(), DELIVERY_TIME)
    last = min(settled, now)
    if since is not None and since >= last:
        return []
    days = (
        datetime.combine(last.date() - timedelta(days=back), DELIVERY_TIME)
        for back in range(REPLAYED_DAYS, -1, -1)
    )
    if since is None and settled <= now:
        return [last]
    return [at for at in days if window.start < at < last and (since is None or at > since)] + [last]


def _sums(bill: pl.DataFrame, period: str) -> dict[tuple[str, str, str], Decimal]:
    """Sum what was given; a column without any value has no sum, which is not 0."""
    given = [name for name in _COST_COLUMNS if bill[name].null_count() < len(bill)]
    currencies = bill.group_by("BillingCurrency").agg(pl.col(name).sum() for name in given)
    return {
        (period, row["BillingCurrency"], name): row[name]
        for row in currencies.iter_rows(named=True)
        for name in given
    }
