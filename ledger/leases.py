"""Leases: one holder of a named right at a time, with an epoch that only grows."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import ConflictError
from ledger.models import LeaseRow
from ledger.status import Lease

LEADER = "daemon"
"""Name of the lease that makes a daemon the one that works."""


def take(session: Session, name: str, holder: str, ttl: timedelta, now: datetime) -> Lease:
    """Take a lease that nobody holds, or whose time ran out; the epoch grows.

    Raises:
        ConflictError: somebody holds it.
    """
    row = session.scalar(select(LeaseRow).where(LeaseRow.name == name).with_for_update())
    if row is None:
        row = LeaseRow(name=name, holder=holder, epoch=1, expires_at=now + ttl)
        session.add(row)
        try:
            session.flush()
        except IntegrityError as error:
            raise ConflictError(
                f"{name} was taken by somebody else at the same instant", hint="try again"
            ) from error
        return _lease(row)
    if row.expires_at > now:
        raise ConflictError(
            f"{name} is held by {row.holder} until {row.expires_at:%Y-%m-%d %H:%M:%S} UTC",
            hint="wait until it has finished; if that process died, the lease ends by itself at that time",
        )
    row.holder, row.epoch, row.expires_at = holder, row.epoch + 1, now + ttl
    return _lease(row)


def last_holder(session: Session, name: str) -> str:
    """Name who held a lease last, "" if nobody ever did."""
    return session.scalar(select(LeaseRow.holder).where(LeaseRow.name == name)) or ""


def held(session: Session, name: str, now: datetime) -> Lease | None:
    """Give who holds a lease right now, None if it is free."""
    row = session.scalar(select(LeaseRow).where(LeaseRow.name == name))
    return _lease(row) if row is not None and row.expires_at > now else None


def renew(session: Session, lease: Lease, ttl: timedelta, now: datetime) -> Lease:
    """Prolong a lease that is still ours, also when its time ran out and nobody took it.

    Raises:
        ConflictError: somebody else took it meanwhile.
    """
    row = session.scalar(select(LeaseRow).where(LeaseRow.name == lease.name).with_for_update())
    if row is None or row.epoch != lease.epoch:
        raise ConflictError(
            f"{lease.name} was lost: its time ran out and {row.holder if row else 'nobody'} has it now",
            hint="start again; what was not committed is not stored",
        )
    row.expires_at = now + ttl
    return _lease(row)


def release(session: Session, lease: Lease, now: datetime) -> None:
    """Let a lease go; the row stays so that the epoch keeps growing."""
    row = session.scalar(select(LeaseRow).where(LeaseRow.name == lease.name).with_for_update())
    if row is not None and row.epoch == lease.epoch:
        row.expires_at = min(row.expires_at, now)


def _lease(row: LeaseRow) -> Lease:
    return Lease(name=row.name, holder=row.holder, epoch=row.epoch, expires_at=row.expires_at)
