"""What costd itself has cost this month: requests and bytes that providers charge for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from domain.money import Money, plain
from domain.own_cost import Spent
from domain.show import money_text
from domain.text import printable

if TYPE_CHECKING:
    from daemon.rooms import Rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCost:
    """What one source asked of one service.

    Attributes:
        source: name of the source.
        service: who charges.
        unit: what is counted, in the plural.
        today: units of this UTC day.
        limit: the most units of a day, as it was when last asked.
        month: units of this UTC month.
        cost: of this month.
    """

    source: str
    service: str
    unit: str
    today: int
    limit: int
    month: int
    cost: Money

    @property
    def text(self) -> str:
        """Give it as one sentence."""
        day = f"{self.today:,} of {self.limit:,} {self.unit} today"
        month = f"{self.month:,} this month, {money_text(self.cost.amount, self.cost.currency)}"
        return printable(f"{self.source} asked {self.service}: {day} · {month}")

    @property
    def document(self) -> dict[str, object]:
        """Give it for programs."""
        return {
            "source": self.source,
            "service": self.service,
            "unit": self.unit,
            "today": self.today,
            "limit": self.limit,
            "month": self.month,
            "cost": plain(self.cost.amount),
            "currency": self.cost.currency,
        }


def gather_own_costs(rooms: Rooms) -> tuple[OwnCost, ...]:
    """Look up what was asked this month."""
    from ledger.own_costs import OwnCosts

    now = rooms.clock.now()
    database = rooms.state.database
    spent = OwnCosts(lambda: database).spent(since=now.date().replace(day=1))
    return tuple(own_costs(spent, now))


def own_costs(spent: Iterable[Spent], now: datetime) -> Iterator[OwnCost]:
    """Add up the days of a month per source and service."""
    rows: dict[tuple[str, str, str], list[Spent]] = {}
    for one in spent:
        rows.setdefault((one.paid.source, one.paid.service, one.paid.unit), []).append(one)
    for (source, service, unit), days in sorted(rows.items()):
        cost = days[0].paid.cost
        for one in days[1:]:
            cost += one.paid.cost
        yield OwnCost(
            source=source,
            service=service,
            unit=unit,
            today=sum(one.paid.quantity for one in days if one.day == now.date()),
            limit=days[-1].limit,
            month=sum(one.paid.quantity for one in days),
            cost=cost,
        )
