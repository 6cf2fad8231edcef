"""Prices as rows for the book, whatever list they stood in. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import polars as pl

from domain.money import plain
from domain.price import BOOK_SCHEMA, Offer, Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """One price as a list has it.

    Attributes:
        tiers: at least one, by rising quantity.
        origin: the list, with its place and version.
        The others are the columns of `domain.price.BOOK_SCHEMA`.
    """

    provider: str
    tiers: tuple[Tier, ...]
    unit: str
    currency: str
    effective_from: datetime
    origin: str
    offer: Offer = Offer.LIST
    service: str = ""
    sku: str = ""
    item: str = ""
    variant: str = ""
    region: str = ""
    zone: str = ""


def frame_of(prices: Iterable[Dated]) -> pl.DataFrame:
    """Give prices as rows of the book; when they were seen is for the book to say."""
    return pl.DataFrame([_row(price) for price in prices], schema=BOOK_SCHEMA)


def _row(price: Dated) -> Mapping[str, object]:
    steps = [[plain(tier.start), plain(tier.amount)] for tier in price.tiers]
    row: dict[str, object] = {name: getattr(price, name, None) for name in BOOK_SCHEMA}
    return row | {
        "offer": price.offer.value,
        "amount": _fitting(price.tiers[0].amount),
        "tiers": json.dumps(steps) if len(steps) > 1 else None,
        "seen_at": None,
    }


def _fitting(amount: Decimal) -> Decimal:
    """Refuse what the column cannot hold, instead of rounding a price."""
    if amount != round(amount, 15):
        raise ValueError(f"a price has more than 15 digits after the point: {plain(amount)}")
    return amount
