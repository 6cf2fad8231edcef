"""One total of several currencies by dated rates: only to look at, never stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from domain.money import EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRate:
    """What one unit of a currency is worth in the display currency, from a day on."""

    currency: str
    on: date
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A total and the rates behind it.

    Attributes:
        amount: exact product and sum; rounded only when shown.
        currency: the display currency.
        used: the rates, one per foreign currency, in the order of the currencies.
    """

    amount: Decimal
    currency: str
    used: tuple[DatedRate, ...]


def converted(
    totals: Mapping[str, Decimal], to: str, rates: Iterable[DatedRate], day: date
) -> Converted | None:
    """Give one total by the newest rates not after the day; None where a currency has none."""
    newest: dict[str, DatedRate] = {}
    for rate in rates:
        known = newest.get(rate.currency)
        if rate.on <= day and (known is None or known.on < rate.on):
            newest[rate.currency] = rate
    foreign = sorted(currency for currency in totals if currency != to)
    if any(currency not in newest for currency in foreign):
        return None
    with localcontext(EXACT):
        amount = totals.get(to, Decimal(0)) + sum(
            (totals[currency] * newest[currency].rate for currency in foreign), Decimal(0)
        )
    return Converted(amount=amount, currency=to, used=tuple(newest[currency] for currency in foreign))
