"""What costd itself costs: requests and bytes that a provider charges for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from domain.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """Something about to be asked of a provider that charges for it.

    Attributes:
        source: name of the source that asks.
        service: who charges, in its own words, e.g. `Cost Explorer`.
        unit: what is counted, in the plural: `requests`, `bytes`.
        quantity: how many of them.
        cost: what they cost, by the provider's price list.
    """

    source: str
    service: str
    unit: str
    quantity: int
    cost: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What was asked of one provider on one UTC day.

    Attributes:
        day: the UTC day.
        paid: the sum of it.
        limit: the most units of a day that were allowed when it was last asked.
    """

    day: date
    paid: Paid
    limit: int
