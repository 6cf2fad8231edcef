"""The mirror of committed deliveries in the state database, and how attempts ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from domain.delivery import Delivery, PeriodResult, Verdict
from domain.money import plain
from ledger.models import BillingPeriod, DeliveryRow, GateResult, Source
from ledger.quarantine import KEPT_TEXT, clean
from ledger.status import Attempt, PeriodStatus

KEPT_ATTEMPTS = 20
"""Attempts remembered per source and period."""


def source_row(session: Session, name: str) -> Source:
    """Give the row of a source, made if there is none."""
    row = session.get(Source, name)
    if row is None:
        row = Source(name=name, notes=[])
        session.add(row)
        session.flush()
    return row


def record(session: Session, results: Sequence[PeriodResult], at: datetime) -> None:
    """Note how each period of a fetch ended and what is stored now."""
    for result in results:
        if result.delivery is not None:
            _mirror(session, result.delivery)
        row = _period_row(session, result.source, result.billing_period)
        row.verdict, row.gate, row.checked_at = result.verdict.value, result.gate, at
        row.reason = clean(result.reason)
        if result.delivery is not None:
            row.delivery_id = result.delivery.id
        session.add(
            GateResult(
                source=result.source,
                billing_period=result.billing_period,
                at=at,
                verdict=result.verdict.value,
                gate=result.gate,
                reason=clean(result.reason)[: 4 * KEPT_TEXT],
                delivery_id=result.delivery.id if result.delivery else "",
            )
        )
        session.flush()
        _forget_old_attempts(session, result.source, result.billing_period)


def rebuild(session: Session, deliveries: Iterable[Delivery]) -> None:
    """Make the mirror equal to the deliveries of the log, oldest first."""
    mirrored = list(deliveries)
    session.execute(update(BillingPeriod).values(delivery_id=None))
    session.execute(delete(DeliveryRow))
    for source in {delivery.source for delivery in mirrored}:
        source_row(session, source)
    if mirrored:
        session.execute(insert(DeliveryRow), [_columns(delivery) for delivery in mirrored])
    current = {(delivery.source, delivery.billing_period): delivery for delivery in mirrored}
    for (source, billing_period), delivery in current.items():
        _period_row(session, source, billing_period).delivery_id = delivery.id


def attempts(session: Session, source: str, billing_period: str) -> list[Attempt]:
    """List the remembered attempts on a period, newest first."""
    query = (
        select(GateResult)
        .where(GateResult.source == source, GateResult.billing_period == billing_period)
        .order_by(GateResult.id.desc())
    )
    return [
        Attempt(
            source=row.source,
            billing_period=row.billing_period,
            at=row.at,
            verdict=Verdict(row.verdict),
            gate=row.gate,
            reason=row.reason,
            delivery_id=row.delivery_id,
        )
        for row in session.scalars(query)
    ]


def statuses(session: Session, source: str | None) -> list[PeriodStatus]:
    """List periods by source, oldest first."""
    query = (
        select(BillingPeriod, DeliveryRow)
        .outerjoin(DeliveryRow, DeliveryRow.id == BillingPeriod.delivery_id)
        .order_by(BillingPeriod.source, BillingPeriod.billing_period)
    )
    if source is not None:
        query = query.where(BillingPeriod.source == source)
    return [_status(period, delivery) for period, delivery in session.execute(query)]


def _status(period: BillingPeriod, stored: DeliveryRow | None) -> PeriodStatus:
    return PeriodStatus(
        source=period.source,
        billing_period=period.billing_period,
        verdict=Verdict(period.verdict) if period.verdict else None,
        gate=period.gate,
        reason=period.reason,
        checked_at=period.checked_at,
        delivery_id=stored.id if stored else "",
        seen_at=stored.seen_at if stored else None,
        rows=stored.rows if stored else 0,
        rejected=stored.rejected if stored else 0,
        sums=_amounts(stored),
        first_day=stored.first_day if stored else "",
        last_day=stored.last_day if stored else "",
        through=stored.through if stored else None,
        version=stored.version if stored else -1,
        focus_version=stored.focus_version if stored else "",
        notes=tuple(stored.notes) if stored else (),
        forced=stored.forced if stored else False,
    )


def _amounts(stored: DeliveryRow | None) -> dict[str, dict[str, Decimal]]:
    if stored is None:
        return {}
    return {
        currency: {column: Decimal(text) for column, text in columns.items()}
        for currency, columns in stored.sums.items()
    }


def _period_row(session: Session, source: str, billing_period: str) -> BillingPeriod:
    row = session.get(BillingPeriod, (source, billing_period))
    if row is None:
        source_row(session, source)
        row = BillingPeriod(source=source, billing_period=billing_period, verdict="", gate="", reason="")
        session.add(row)
        session.flush()
    return row


def _mirror(session: Session, delivery: Delivery) -> None:
    if session.get(DeliveryRow, delivery.id) is None:
        source_row(session, delivery.source)
        session.execute(insert(DeliveryRow), [_columns(delivery)])


def _columns(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "source": delivery.source,
        "billing_period": delivery.billing_period,
        "seen_at": delivery.seen_at,
        "manifest_hash": delivery.manifest_hash,
        "rows": delivery.rows,
        "rejected": delivery.rejected,
        "sums": {
            currency: {column: plain(amount) for column, amount in columns.items()}
            for currency, columns in delivery.sums.items()
        },
        "first_day": delivery.first_day,
        "last_day": delivery.last_day,
        "through": delivery.through,
        "version": delivery.version,
        "focus_version": clean(delivery.focus_version),
        "notes": [clean(note) for note in delivery.notes],
        "forced": delivery.forced,
    }


def _forget_old_attempts(session: Session, source: str, billing_period: str) -> None:
    mine = (GateResult.source == source, GateResult.billing_period == billing_period)
    oldest_kept = session.scalar(
        select(GateResult.id).where(*mine).order_by(GateResult.id.desc()).offset(KEPT_ATTEMPTS - 1).limit(1)
    )
    if oldest_kept is not None:
        session.execute(delete(GateResult).where(*mine, GateResult.id < oldest_kept))
