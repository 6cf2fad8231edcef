"""Dated prices: what one unit of a SKU costs, from when on, and who said so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from enum import StrEnum

import polars as pl

from domain.charge import INSTANT, QUANTITY
from domain.money import EXACT, UNIT, Money


class Offer(StrEnum):
    """How something is bought."""

    LIST = "list"
    """On demand, at the published price."""
    SPOT = "spot"
    """Capacity that may be taken back."""
    CONTRACT = "contract"
    """As negotiated."""


BOOK_SCHEMA = pl.Schema(
    {
        "provider": pl.String(),
        "service": pl.String(),
        "sku": pl.String(),
        "item": pl.String(),
        "variant": pl.String(),
        "region": pl.String(),
        "zone": pl.String(),
        "offer": pl.String(),
        "currency": pl.String(),
        "unit": pl.String(),
        "amount": QUANTITY,
        "tiers": pl.String(),
        "effective_from": INSTANT,
        "origin": pl.String(),
        "seen_at": INSTANT,
    }
)
"""The price book: one row per price and the instant from which it holds.

`provider` is a lower-case word (`aws`, `gcp`); `service` is the provider's code. `item` is what people
name, an instance type or a resource group; `variant` tells its kinds apart (`Linux`). Text that does not
apply is "". `amount` is the price of the first unit; `tiers` is null, or JSON `[["0","0.09"],["10240",
"0.085"]]`: from which quantity on a unit costs how much. `origin` names the list it stood in.
"""

KEY = ("provider", "service", "sku", "item", "variant", "region", "zone", "offer", "currency", "unit")
"""The columns that say which price it is; the others say how much, since when and who said so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """From which quantity on a unit costs how much."""

    start: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a price is asked for. What is "" may be anything, as long as only one price fits.

    Attributes:
        provider: `aws`, `gcp`.
        offer: list or spot; contract is what is paid on demand: as negotiated, else at list price.
        sku: the provider's SKU.
        item: instance type or resource group.
        variant: e.g. `Linux`.
        currency: ISO code.
    """

    provider: str
    offer: Offer = Offer.LIST
    service: str = ""
    sku: str = ""
    item: str = ""
    variant: str = ""
    region: str = ""
    zone: str = ""
    currency: str = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPrice:
    """Why there is no price: one sentence. It never means that something is free."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a unit costs, and where and when that came from.

    Attributes:
        tiers: at least one, by rising quantity, the first from 0.
        unit: what is counted, in the provider's words.
        offer: list, spot or contract.
        origin: the list it stood in, e.g. `AWS Price List AmazonEC2 eu-central-1 20260612`.
        seen_at: when costd read it there.
        effective_from: when it began to hold.
        sku: the provider's SKU, "" if it has none.
    """

    tiers: tuple[Tier, ...]
    unit: str
    currency: str
    offer: Offer
    origin: str
    seen_at: datetime
    effective_from: datetime
    sku: str = ""

    @property
    def amount(self) -> Decimal:
        """Give the price of the first unit."""
        return self.tiers[0].amount

    def at(self, quantity: Decimal) -> Decimal:
        """Give the price of one more unit once `quantity` of them were used."""
        return next((tier.amount for tier in reversed(self.tiers) if tier.start <= quantity), self.amount)

    def cost(self, quantity: Decimal, unit: str = "") -> Money | NoPrice:
        """Give what a quantity costs, tier by tier, rounded half to even once; `unit` is converted."""
        counted = quantity if not unit else converted(quantity, unit, self.unit)
        if counted is None:
            return NoPrice(reason=f"the price is per {self.unit}, which {unit} cannot be converted to")
        if counted < 0:
            return NoPrice(reason="a negative quantity has no price")
        total, ends = Decimal(0), [tier.start for tier in self.tiers[1:]]
        with localcontext(EXACT):
            for tier, end in zip(self.tiers, [*ends, counted], strict=True):
                total += max(min(counted, end) - tier.start, Decimal(0)) * tier.amount
            rounded = total.quantize(UNIT, rounding=ROUND_HALF_EVEN)
        return Money(amount=rounded, currency=self.currency)


_TIMES = {
    word: name
    for name, words in {
        "s": "s sec secs second seconds",
        "min": "min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
    }.items()
    for word in words.split()
}
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_BYTES = re.compile(r"([kmgtp]?)(i?)(?:b|bytes?)")
_LONG_BYTES = re.compile(r"(kibi|mebi|gibi|tebi|pebi|kilo|mega|giga|tera|peta)bytes?")
_COUNTED = re.compile(r"(\d*)([km]?) ?(tokens?|requests?|units?)")


def converted(quantity: Decimal, unit: str, to: str) -> Decimal | None:
    """Give a quantity in another unit of the same kind, None where the two do not compare.

    Months are no unit of time here: how long one is depends on the month.
    """
    if unit == to:
        return quantity
    found, wanted = _measured(unit), _measured(to)
    if found is None or wanted is None or found[0] != wanted[0]:
        return None
    with localcontext(EXACT):
        return quantity * found[1] / wanted[1]


def _measured(unit: str) -> tuple[str, Decimal] | None:
    """Give what a unit measures, and its size; None for a unit that is not known."""
    kinds, size = [], Decimal(1)
    for part in re.split(r"[-. ·]+", unit.strip().lower()):
        one = _single(part)
        if one is None:
            return _count(unit)
        kinds.append(one[0])
        size *= one[1]
    return "-".join(sorted(kinds)), size


def _single(part: str) -> tuple[str, Decimal] | None:
    if part in _TIMES:
        return "time", Decimal(_SECONDS[_TIMES[part]])
    if long := _LONG_BYTES.fullmatch(part):
        short = long[1]
        return "bytes", Decimal(1024 if short.endswith("bi") else 1000) ** _POWERS[short[0]]
    if short_ := _BYTES.fullmatch(part):
        return "bytes", Decimal(1024 if short_[2] else 1000) ** _POWERS[short_[1]]
    return ("vcpu", Decimal(1)) if part in {"vcpu", "vcpus", "core", "cores"} else None


def _count(unit: str) -> tuple[str, Decimal] | None:
    found = _COUNTED.fullmatch(unit.strip().lower())
    if found is None:
        return None
    return found[3].rstrip("s"), Decimal(found[1] or 1) * Decimal(1000) ** _POWERS[found[2]]
