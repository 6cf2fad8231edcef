"""What costd itself asks of providers that charge for it: counted before it is asked, never above a limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from domain.errors import StorageError
from domain.money import Money, plain
from domain.own_cost import Paid, Spent
from ledger.database import Database
from ledger.models import OwnCostRow


class OwnCosts:
    """The paid requests in a state database; implements `domain.ports.RequestBudget`.

    Args:
        database: gives where they are counted; asked only once something is to be paid.
    """

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database

    def take(self, paid: Paid, *, limit: int, now: datetime) -> bool:
        """Count what is about to be asked; False, and nothing counted, beyond the limit of a UTC day."""
        try:
            with self._database().session() as session:
                return _taken(session, paid, limit, now)
        except StorageError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
        with self._database().session() as session:  # another process made the day's row first
            return _taken(session, paid, limit, now)

    def left(self, source: str, service: str, *, limit: int, now: datetime) -> int:
        """Give how many units the UTC day still allows."""
        with self._database().session(read=True) as session:
            rows = session.scalars(
                select(OwnCostRow).where(
                    OwnCostRow.source == source, OwnCostRow.service == service, OwnCostRow.day == _day(now)
                )
            )
            return max(0, limit - sum(row.quantity for row in rows))

    def spent(self, *, since: date) -> list[Spent]:
        """List what was asked from a day on, by source, service and day."""
        query = (
            select(OwnCostRow)
            .where(OwnCostRow.day >= since.isoformat())
            .order_by(OwnCostRow.source, OwnCostRow.service, OwnCostRow.unit, OwnCostRow.day)
        )
        with self._database().session(read=True) as session:
            return [
                Spent(
                    day=date.fromisoformat(row.day),
                    limit=row.most,
                    paid=Paid(
                        source=row.source,
                        service=row.service,
                        unit=row.unit,
                        quantity=row.quantity,
                        cost=Money(amount=Decimal(row.cost), currency=row.currency),
                    ),
                )
                for row in session.scalars(query)
            ]


def _taken(session: Session, paid: Paid, limit: int, now: datetime) -> bool:
    key = (paid.source, paid.service, paid.unit, _day(now))
    row = session.get(OwnCostRow, key, with_for_update=True)
    if (row.quantity if row is not None else 0) + paid.quantity > limit:
        return False
    if row is None:
        source, service, unit, day = key
        row = OwnCostRow(
            source=source, service=service, unit=unit, day=day, quantity=0, most=limit, cost="0", currency=""
        )
        row.currency = paid.cost.currency
        session.add(row)
    total = Money(amount=Decimal(row.cost), currency=row.currency) + paid.cost
    row.quantity, row.most, row.cost = row.quantity + paid.quantity, limit, plain(total.amount)
    session.flush()
    return True


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()
