"""Says in one phrase what moved a cost: one resource if one explains most of it, else a service."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.show import money_text
from domain.text import shortened

_NAME = 28
_MOST = 2
"""A resource that explains at least one half of a change is named alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One resource of one team, now and usually.

    Attributes:
        resource: its id; None where a charge has none.
        name: how people call it, "" if only by its id.
        service: the provider's product.
        now: cost of the day.
        usual: cost of the days it is compared with.
    """

    resource: str | None
    name: str
    service: str | None
    now: Decimal
    usual: Decimal

    @property
    def change(self) -> Decimal:
        """Give now minus usual."""
        return self.now - self.usual


def explain(parts: Iterable[Part], change: Decimal, currency: str) -> str:
    """Give what explains most of a change, e.g. `train-7b (Amazon EC2), new, explains +$203.63`.

    Parts that moved the other way explain nothing; amounts are exact sums of parts.
    """
    along = [part for part in parts if part.change * change > 0]
    if not along:
        return ""
    largest = max(along, key=lambda part: (abs(part.change), part.resource or ""))
    if largest.resource is not None and abs(largest.change) * _MOST >= abs(change):
        return f"{_label(largest)}{_fate([largest])} explains {_money(largest.change, currency)}"
    services: defaultdict[str | None, list[Part]] = defaultdict(list)
    for part in along:
        services[part.service].append(part)
    service, moved = max(services.items(), key=lambda found: (abs(_sum(found[1])), found[0] or ""))
    named = shortened(service, _NAME) if service else "charges without a service"
    resources = {part.resource for part in moved if part.resource is not None}
    count = f", {len(resources):,} resources{_fate(moved)}," if len(resources) > 1 else ""
    return f"{named}{count} explains {_money(_sum(moved), currency)}"


def _label(part: Part) -> str:
    name = part.name or (part.resource or "").rstrip("/").replace(":", "/").rpartition("/")[2]
    return shortened(name, _NAME) + (f" ({shortened(part.service, _NAME)})" if part.service else "")


def _fate(parts: Sequence[Part]) -> str:
    if all(part.usual == 0 for part in parts):
        return ", new," if len(parts) == 1 else " (all new)"
    if all(part.now == 0 for part in parts):
        return ", gone," if len(parts) == 1 else " (all gone)"
    return ""


def _sum(parts: Iterable[Part]) -> Decimal:
    return sum((part.change for part in parts), Decimal(0))


def _money(amount: Decimal, currency: str) -> str:
    return money_text(amount, currency, signed=True)
