"""What questions to BigQuery cost, counted before they are asked. Pure but for the count it is handed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.errors import SourceError
from domain.money import EXACT, Money, plain, stored
from domain.own_cost import Paid
from domain.ports import Clock, RequestBudget

_PRICE_PER_TIB = Decimal("6.25")
_TIB = 2**40
_MIB = 2**20
_LEAST = 10
"""MiB that BigQuery bills for any question to a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Counts what a source reads in BigQuery, and stops it at the limit of a day.

    Attributes:
        source: name of the source.
        requests: keeps the count across restarts.
        clock: tells which day it is.
        max_bytes: the most that may be read on a UTC day.
    """

    source: str
    requests: RequestBudget
    clock: Clock
    max_bytes: int

    def take(self, size: int) -> None:
        """Count a question that is about to be asked.

        Raises:
            SourceError: the day's limit is reached; it may not be asked.
        """
        billed = max(_LEAST, -(-size // _MIB))
        cost = Money(amount=_cost(billed * _MIB), currency="USD")
        paid = Paid(source=self.source, service="BigQuery", unit="MiB", quantity=billed, cost=cost)
        if not self.requests.take(paid, limit=self.max_bytes // _MIB, now=self.clock.now()):
            raise SourceError(
                f"a question to BigQuery that reads {shown(size)} was not asked: {self.source} would read "
                f"more today than `max_bytes_per_day` ({shown(self.max_bytes)}) allows",
                hint="collect again tomorrow (UTC), or raise `max_bytes_per_day` of this source",
            )


def shown(size: int) -> str:
    """Write a size for people: `1.4 GiB`."""
    for unit, bytes_ in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size} B"


def cost_of(size: int) -> str:
    """Give what reading so many bytes costs by BigQuery's list price for questions on demand."""
    cost = _cost(size).quantize(Decimal("0.01"))
    return f"about {plain(cost)} USD" if cost else "less than 0.01 USD"


def _cost(size: int) -> Decimal:
    return stored(EXACT.multiply(_PRICE_PER_TIB, Decimal(size) / _TIB))
