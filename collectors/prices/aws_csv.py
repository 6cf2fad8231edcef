"""AWS's bulk price list, row by row: on-demand prices of the things that were asked for. Pure.

The CSV form has five lines about the file, then a header, then one row per SKU, term and tier. Nine of ten
rows are reserved terms, so rows are looked at one by one and only those that count are kept.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase

from collectors.prices.book import Dated
from domain.errors import MoneyError, SourceError
from domain.money import parse_amount
from domain.price import Tier

_META_LINES = 12
_NEEDED = (
    *("SKU", "OfferTermCode", "TermType", "EffectiveDate", "StartingRange", "Unit"),
    *("PricePerUnit", "Currency", "usageType"),
)
_VARIANT = (
    *("Operating System", "Pre Installed S/W", "License Model", "Tenancy", "CapacityStatus"),
    *("Database Engine", "Database Edition", "Deployment Option"),
)
_ORDINARY = frozenset(
    {"", "NA", "N/A", "No License required", "Shared", "Used", "Single-AZ", "No license required"}
)
_NEVER_BOUGHT = frozenset({"AllocatedCapacityReservation", "AllocatedHost"})
"""Capacity that a reservation or a host has paid for already; its rows cost nothing and mean nothing."""


@dataclass(slots=True, kw_only=True)
class Reading:
    """What is wanted of one region file, and what was met in it.

    Attributes:
        service: offer code, e.g. `AmazonEC2`.
        region: of the file; rows without a region of their own get it.
        origin: what the prices say of where they come from.
        items: globs of instance types or usage types; none means all.
        unreadable: rows whose price or date is none.
    """

    service: str
    region: str
    origin: str
    items: Sequence[str] = ()
    unreadable: int = 0


def on_demand(lines: Iterable[str], reading: Reading) -> Iterator[Dated]:
    """Give the on-demand prices of a region file, each with all of its tiers.

    Raises:
        SourceError: the file has no such header.
    """
    rows = csv.reader(lines)
    at = _positions(rows)
    found: dict[tuple[str, str, str], dict[Decimal, tuple[Decimal, dict[str, str]]]] = {}
    for row in rows:
        if len(row) <= max(at.values()) or row[at["TermType"]] != "OnDemand":
            continue
        fields = {name: row[place] for name, place in at.items()}
        if fields.get("CapacityStatus") in _NEVER_BOUGHT or not _is_asked(fields, reading.items):
            continue
        try:
            tier = parse_amount(fields["StartingRange"] or "0")
            amount = parse_amount(fields["PricePerUnit"])
            _date(fields["EffectiveDate"])
        except (MoneyError, ValueError):
            reading.unreadable += 1
            continue
        key = (fields["SKU"], fields["OfferTermCode"], fields["Currency"])
        found.setdefault(key, {})[tier] = (amount, fields)
    for (sku, _, currency), tiers in found.items():
        steps = sorted(tiers)
        fields = tiers[steps[0]][1]
        yield Dated(
            provider="aws",
            service=reading.service,
            sku=sku,
            item=_item(fields),
            variant=", ".join(v for name in _VARIANT if (v := fields.get(name, "")) not in _ORDINARY),
            region=fields.get("Region Code") or reading.region,
            currency=currency,
            unit=fields["Unit"],
            tiers=tuple(Tier(start=step, amount=tiers[step][0]) for step in steps),
            effective_from=_date(fields["EffectiveDate"]),
            origin=reading.origin,
        )


def _positions(rows: Iterator[list[str]]) -> dict[str, int]:
    """Pass over the lines about the file, and give where the columns stand."""
    for _, row in zip(range(_META_LINES), rows, strict=False):
        if "SKU" in row:
            wanted = (*_NEEDED, *_VARIANT, "Instance Type", "Region Code")
            at = {name: row.index(name) for name in wanted if name in row}
            missing = [name for name in _NEEDED if name not in at]
            if missing:
                raise SourceError(f"the price list lacks the column {missing[0]}; AWS has changed its form")
            return at
    raise SourceError("the price list has no header with SKU; it is none, or AWS has changed its form")


def _is_asked(fields: Mapping[str, str], items: Sequence[str]) -> bool:
    names = (fields.get("Instance Type", ""), fields["usageType"])
    return not items or any(fnmatchcase(name, item) for item in items for name in names)


def _item(fields: Mapping[str, str]) -> str:
    return fields.get("Instance Type") or fields["usageType"]


def _date(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
