"""Builders of charges, chunks and batches: name what the test is about, the rest has defaults."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from domain.charge import COLUMN_OF, COLUMNS, COSTS, RAW_SCHEMA, Kind
from domain.delivery import Batch, Chunk, Cursor, SourceFile
from domain.window import month_of, month_window

_DEFAULTS: dict[str, object] = {
    "BilledCost": "1.25",
    "EffectiveCost": "1.20",
    "ListCost": "1.50",
    "ContractedCost": "1.25",
    "BillingAccountId": "111122223333",
    "BillingAccountName": "Acme",
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargeDescription": "Linux instance, per hour",
    "ChargeFrequency": "Usage-Based",
    "ConsumedQuantity": "1",
    "ConsumedUnit": "Hours",
    "InvoiceIssuerName": "AWS",
    "PricingCategory": "Standard",
    "PricingQuantity": "1",
    "PricingUnit": "Hours",
    "ProviderName": "AWS",
    "PublisherName": "AWS",
    "RegionId": "eu-central-1",
    "RegionName": "Europe (Frankfurt)",
    "ResourceId": "i-0aa1",
    "ResourceName": "web-1",
    "ResourceType": "Instance",
    "ServiceCategory": "Compute",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "SkuId": "SKU1",
    "SkuPriceId": "SKU1.JRTC",
    "SubAccountId": "444455556666",
    "SubAccountName": "prod",
    "Tags": {"team": "web", "env": "prod"},
}
FIRST = datetime(2026, 6, 10, tzinfo=UTC)
"""Start of a charge where a test does not care."""


def a_charge(
    *, start: datetime | str = FIRST, hours: int = 1, period: str | None = None, **columns: object
) -> dict[str, object]:
    """Give one charge as a row of `RAW_SCHEMA`.

    `start` and `hours` make the charge period, `period` (`YYYY-MM`) the billing period, the
    month of `start` if not said. Numbers are text, int or Decimal; JSON columns may be dicts.
    A keyword that is no FOCUS column is a mistake in the test and raises.
    """
    begin = datetime.fromisoformat(start) if isinstance(start, str) else start
    begin = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
    month = month_window(period or month_of(begin))
    row = {
        **_DEFAULTS,
        "ChargePeriodStart": begin,
        "ChargePeriodEnd": begin + timedelta(hours=hours),
        "BillingPeriodStart": month.start,
        "BillingPeriodEnd": month.end,
        **columns,
    }
    if unknown := set(row) - set(COLUMN_OF):
        raise TypeError(f"not a FOCUS column: {', '.join(sorted(unknown))}")
    return {column.name: _typed(column.kind, row.get(column.name)) for column in COLUMNS}


def _typed(kind: Kind, value: object) -> object:
    if value is None:
        return None
    if kind in {Kind.COST, Kind.QUANTITY}:
        return Decimal(str(value))
    if kind is Kind.JSON and not isinstance(value, str):
        return json.dumps(value, sort_keys=True)
    return value


def charges(*rows: Mapping[str, object]) -> pl.DataFrame:
    """Give rows as a frame of exactly `RAW_SCHEMA`; no rows give an empty one."""
    columns = {name: [row.get(name) for row in rows] for name in RAW_SCHEMA}
    return pl.DataFrame(columns, schema=RAW_SCHEMA)


def parsed_sums(frame: pl.DataFrame) -> dict[tuple[str, str, str], Decimal]:
    """Give what a reader would have parsed: {(billing period, currency, column): sum}."""
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in frame.iter_rows(named=True):
        for column in COSTS.values():
            if row[column] is not None:
                sums[month_of(row["BillingPeriodStart"]), row["BillingCurrency"], column] += row[column]
    return dict(sums)


def a_chunk(*rows: Mapping[str, object], file: str = "charges-1.csv", **fields: Any) -> Chunk:
    """Give rows as one chunk whose parsed sums are true."""
    frame = charges(*rows)
    return Chunk(charges=frame, file=file, **{"parsed": parsed_sums(frame), **fields})


def a_batch(
    *rows: Mapping[str, object],
    source: str = "aws",
    chunks: Iterable[Chunk] | None = None,
    periods: Iterable[str] | None = None,
    cursor: Cursor | None = None,
    **fields: Any,
) -> Batch:
    """Give a batch of one chunk of the rows, or of the chunks given, for the months they hold."""
    parts: Iterator[Chunk] = iter((a_chunk(*rows),) if chunks is None else chunks)
    named = frozenset(periods or (month_of(_instant(row["BillingPeriodStart"])) for row in rows))
    defaults: dict[str, Any] = {
        "files": (SourceFile(path="charges-1.csv", size_bytes=1, tag="t1"),),
        "manifest_hash": "hash-1",
        "focus_version": "1.2",
    }
    return Batch(
        source=source,
        periods=named,
        chunks=parts,
        cursors=dict.fromkeys(named, cursor or {}),
        **(defaults | fields),
    )


def _instant(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"not an instant: {value!r}")
    return value
