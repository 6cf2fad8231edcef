"""The state database: what happened to sources and periods, who holds which lease.

Everything about deliveries here is a mirror of the log of the charges and can be rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from domain.audit import PROGRAM, Act
from domain.delivery import Coverage, Delivery, Freshness, PeriodResult, Rejected
from ledger import audit, leases, periods, quarantine
from ledger.database import Database
from ledger.models import BillingPeriod, DeliveryRow, Job, Source
from ledger.status import (
    Attempt,
    JobStatus,
    Lease,
    PeriodStatus,
    QuarantinedFile,
    QuarantinedRow,
    SourceStatus,
)

QUARANTINE_PAGE = 100


class State:
    """The state database behind a SQLAlchemy URL (`sqlite:///…` or `postgresql://…`)."""

    def __init__(self, url: str) -> None:
        """Connect to nothing yet."""
        self.database = Database(url)

    def open(self) -> None:
        """Connect, and bring the schema up to date.

        Raises:
            StorageError: the database cannot be reached, or a newer costd wrote it.
        """
        self.database.migrate()

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def record_attempt(self, source: str, type: str, at: datetime) -> None:  # noqa: A002 - the word of the configuration
        """Note that a fetch of a source begins."""
        with self.database.session() as session:
            row = periods.source_row(session, source)
            row.type, row.attempted_at = type, at

    def record_fetch(
        self,
        coverage: Coverage,
        results: Sequence[PeriodResult],
        rejected: Sequence[Rejected] = (),
        notes: Sequence[str] = (),
        *,
        at: datetime,
    ) -> None:
        """Note how a fetch, or one batch of it, ended.

        Refused rows that are on record for the periods replaced or refused here give way to
        `rejected`, so calling it once per batch keeps them apart best.
        """
        with self.database.session() as session:
            row = periods.source_row(session, coverage.source)
            row.freshness, row.reason = coverage.freshness.value, quarantine.clean(coverage.reason)
            row.delivered_through = coverage.delivered_through
            row.notes = [quarantine.clean(note) for note in notes]
            if coverage.freshness is not Freshness.FAILED:
                row.succeeded_at = at
            periods.record(session, results, at)
            quarantine.record(session, coverage.source, results, rejected, at)

    def rebuild(self, deliveries: Iterable[Delivery]) -> None:
        """Make the mirror of deliveries equal to the log of the charges, oldest first."""
        with self.database.session() as session:
            periods.rebuild(session, deliveries)

    def sources(self) -> list[SourceStatus]:
        """List every source that was ever attempted or delivered, by name."""
        current = (
            select(
                BillingPeriod.source,
                func.max(DeliveryRow.through).label("through"),
                func.sum(DeliveryRow.rejected).label("rejected"),
            )
            .join(DeliveryRow, DeliveryRow.id == BillingPeriod.delivery_id)
            .group_by(BillingPeriod.source)
            .subquery()
        )
        query = (
            select(Source, current.c.through, current.c.rejected)
            .outerjoin(current, current.c.source == Source.name)
            .order_by(Source.name)
        )
        with self.database.session(read=True) as session:
            return [
                SourceStatus(
                    name=row.name,
                    type=row.type,
                    freshness=Freshness(row.freshness),
                    delivered_through=row.delivered_through or through,
                    reason=row.reason,
                    attempted_at=row.attempted_at,
                    succeeded_at=row.succeeded_at,
                    notes=tuple(row.notes),
                    rejected=int(rejected or 0),
                )
                for row, through, rejected in session.execute(query)
            ]

    def periods(self, source: str | None = None) -> list[PeriodStatus]:
        """List billing periods by source, oldest first."""
        with self.database.session(read=True) as session:
            return periods.statuses(session, source)

    def attempts(self, source: str, billing_period: str) -> list[Attempt]:
        """List the remembered attempts on a period, newest first."""
        with self.database.session(read=True) as session:
            return periods.attempts(session, source, billing_period)

    def quarantine(self, source: str | None = None, *, limit: int = QUARANTINE_PAGE) -> list[QuarantinedRow]:
        """List kept rows that could not be read, by source, file and line."""
        with self.database.session(read=True) as session:
            return quarantine.rows(session, source, limit)

    def quarantined_files(self, source: str | None = None) -> list[QuarantinedFile]:
        """List files with rows that could not be read and their full counts, the worst first."""
        with self.database.session(read=True) as session:
            return quarantine.files(session, source)

    def lease(self, name: str, holder: str, ttl: timedelta, now: datetime) -> Lease:
        """Take a lease that nobody holds, or whose time ran out; the epoch grows.

        Raises:
            ConflictError: somebody holds it.
        """
        with self.database.session() as session:
            before = leases.last_holder(session, name)
            lease = leases.take(session, name, holder, ttl, now)
            if name == leases.LEADER:
                detail = {"holder": holder, "before": before, "epoch": lease.epoch}
                act = Act(by=PROGRAM, action="leader.changed", subject=name, detail=detail)
                audit.append(session, act, now)
            return lease

    def held(self, name: str, now: datetime) -> Lease | None:
        """Give who holds a lease right now, None if it is free."""
        with self.database.session() as session:
            return leases.held(session, name, now)

    def renew(self, lease: Lease, ttl: timedelta, now: datetime) -> Lease:
        """Prolong a lease that is still ours.

        Raises:
            ConflictError: somebody else took it meanwhile.
        """
        with self.database.session() as session:
            return leases.renew(session, lease, ttl, now)

    def release(self, lease: Lease, now: datetime) -> None:
        """Let a lease go; nothing happens if it is no longer ours."""
        with self.database.session() as session:
            leases.release(session, lease, now)

    def job_started(self, name: str, at: datetime) -> None:
        """Note that a run of a recurring job begins."""
        with self.database.session() as session:
            row = session.get(Job, name)
            if row is None:
                row = Job(name=name, error="", runs=0)
                session.add(row)
            row.started_at, row.runs = at, row.runs + 1

    def job_finished(self, name: str, at: datetime, error: str = "") -> None:
        """Note how the run ended; an empty error means well."""
        with self.database.session() as session:
            row = session.get_one(Job, name)
            row.finished_at, row.error = at, quarantine.clean(error)
            if not error:
                row.succeeded_at = at

    def jobs(self) -> list[JobStatus]:
        """List every job that ever ran, by name."""
        with self.database.session(read=True) as session:
            return [
                JobStatus(
                    name=row.name,
                    started_at=row.started_at,
                    finished_at=row.finished_at,
                    succeeded_at=row.succeeded_at,
                    error=row.error,
                    runs=row.runs,
                )
                for row in session.scalars(select(Job).order_by(Job.name))
            ]
