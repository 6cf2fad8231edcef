"""Proves that what was attributed is what was stored, exactly, and names every difference.

The last of the gates: parsed = stored is the ledger's, stored = attributed is checked here,
per source, billing period, currency and cost column. A period that fails is not published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

import polars as pl

from attribution.allocate import allocate
from attribution.slices import Sharing, Slice
from attribution.star import CURRENCY, Star
from domain.charge import COSTS
from domain.delivery import Delivery
from domain.errors import GateError
from domain.money import EXACT, plain

_COLUMNS = tuple(COSTS.values())
_WORDS = {column: word for word, column in COSTS.items()}
_NOTHING = Decimal(0)
Key = tuple[str, str, str, str]
"""Source, billing period, currency, cost column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """A named difference.

    Attributes:
        name: what it is, a phrase.
        amount: in the currency it was found in.
    """

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One sum followed from the source to its owners.

    Attributes:
        source: name from the configuration.
        billing_period: `YYYY-MM`.
        currency: ISO code.
        cost: billed, effective, list or contracted.
        parsed: as the source's files said, before rounding to twelve digits.
        stored: as the ledger holds it.
        attributed: over all owners, unallocated included, shared pools spread.
        allocated: the part of `attributed` that some team answers for.
        residuals: every difference between parsed and attributed, named.
    """

    source: str
    billing_period: str
    currency: str
    cost: str
    parsed: Decimal
    stored: Decimal
    attributed: Decimal
    allocated: Decimal
    residuals: tuple[Residual, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether what was attributed is what was stored, to the last digit."""
        return self.attributed == self.stored

    @property
    def unallocated(self) -> Decimal:
        """Give the part that no team answers for."""
        with localcontext(EXACT):
            return self.attributed - self.allocated


def reconcile(cells: pl.LazyFrame, star: Star, deliveries: Iterable[Delivery]) -> list[Reconciled]:
    """Follow every sum of the current deliveries to its owners.

    Args:
        cells: facts (`FACT_SCHEMA`) of whole billing periods.
        star: owners of every resource.
        deliveries: what is stored now, one per source and billing period of `cells`; of
            several the last counts.
    """
    current = {(delivery.source, delivery.billing_period): delivery for delivery in deliveries}
    stored = _by_key(current, "sums")
    rounded = _by_key(current, "residuals")
    attributed, allocated = _attributed(cells, star)
    keys = sorted({*stored, *(key for key, amount in attributed.items() if amount or key in stored)})
    return [_followed(key, stored, rounded, (attributed, allocated)) for key in keys]


def _by_key(deliveries: Mapping[tuple[str, str], Delivery], field: str) -> dict[Key, Decimal]:
    return {
        (source, period, currency, column): amount
        for (source, period), delivery in deliveries.items()
        for currency, columns in getattr(delivery, field).items()
        for column, amount in columns.items()
        if column in _WORDS
    }


def _attributed(cells: pl.LazyFrame, star: Star) -> tuple[dict[Key, Decimal], dict[Key, Decimal]]:
    asked = Slice(by=("source", "billing_month", "team"), costs=_COLUMNS, sharing=Sharing.AFTER)
    rows = allocate(cells, star, asked).collect(engine="streaming")
    whole: dict[Key, Decimal] = {}
    owned: dict[Key, Decimal] = {}
    with localcontext(EXACT):
        for row in rows.iter_rows(named=True):
            for column in _COLUMNS:
                amount = row[column]
                if amount is None:
                    continue
                key = (row["source"] or "", row["billing_month"], row[CURRENCY] or "", column)
                whole[key] = whole.get(key, _NOTHING) + amount
                if row["team"] is not None:
                    owned[key] = owned.get(key, _NOTHING) + amount
    return whole, owned


def _followed(
    key: Key,
    stored: Mapping[Key, Decimal],
    rounded: Mapping[Key, Decimal],
    attributed: tuple[Mapping[Key, Decimal], Mapping[Key, Decimal]],
) -> Reconciled:
    source, period, currency, column = key
    whole, owned = attributed
    held, given = stored.get(key, _NOTHING), whole.get(key, _NOTHING)
    with localcontext(EXACT):
        rounding = rounded.get(key, _NOTHING)
        parsed, lost = held + rounding, held - given
    residuals = []
    if rounding:
        residuals.append(Residual(name="digits beyond twelve, rounded when stored", amount=rounding))
    if lost:
        residuals.append(Residual(name=_why_lost(key, stored), amount=lost))
    return Reconciled(
        source=source,
        billing_period=period,
        currency=currency,
        cost=_WORDS[column],
        parsed=parsed,
        stored=held,
        attributed=given,
        allocated=owned.get(key, _NOTHING),
        residuals=tuple(residuals),
    )


def _why_lost(key: Key, stored: Mapping[Key, Decimal]) -> str:
    if not key[0]:
        return "charges whose resource the ledger does not have"
    return "stored but not attributed" if key in stored else "attributed but never delivered"


def withheld(results: Iterable[Reconciled]) -> dict[tuple[str, str], str]:
    """Give the periods that may not be published: {(source, billing period): why}."""
    reasons: dict[tuple[str, str], str] = {}
    for result in results:
        if not result.holds and (result.source, result.billing_period) not in reasons:
            reasons[result.source, result.billing_period] = (
                f"attributed {result.cost} cost {plain(result.attributed)} {result.currency} is not the "
                f"stored {plain(result.stored)}: {result.residuals[-1].name}"
            )
    return reasons


def require(results: Iterable[Reconciled]) -> None:
    """Stop where a sum does not hold.

    Raises:
        GateError: names every period that may not be published, and why.
    """
    reasons = withheld(results)
    if reasons:
        lines = [f"{source or 'unknown source'} {period}: {why}" for (source, period), why in reasons.items()]
        raise GateError(
            "not published: " + "; ".join(lines),
            hint="collect these periods again with --force; if that does not help, restore a backup",
        )
