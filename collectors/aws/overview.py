"""A first overview of a month from Cost Explorer, until the export delivers it. Pure but for asking.

Charges are by day, account, service and kind of record, nothing finer, and each says so
(`x_Origin`). They are never mixed with an export: a month is wholly one or wholly the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import polars as pl

from collectors.aws.delivery import EXPLORER, FORMAT, is_of_export
from collectors.aws.explorer import DaySum, Explorer
from collectors.focus.normalise import Memory, to_focus
from domain.delivery import Batch, Chunk, Closing, Cursor
from domain.money import plain
from domain.window import midnight, month_of, month_window, previous_month

NOTE = (
    "is of Cost Explorer, by day, account and service only, until the export delivers it; tags, resources "
    "and hours are not known"
)
_LAG = timedelta(days=1)
"""Cost Explorer fills a day up to a day after it ended; until then the day looks too cheap."""

_KEEP_ASKING = timedelta(days=15)
"""A month that ended longer ago is settled; it is not asked for again."""

_KINDS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation"),
        ("Usage", "Usage-Based"),
    ),
    **dict.fromkeys(
        ("RIFee", "Recurring", "Recurring reservation fee", "SavingsPlanRecurringFee", "Support"),
        ("Purchase", "Recurring"),
    ),
    **dict.fromkeys(
        ("Fee", "Upfront", "Upfront reservation fee", "SavingsPlanUpfrontFee"), ("Purchase", "One-Time")
    ),
    "Tax": ("Tax", "One-Time"),
    "Credit": ("Credit", "One-Time"),
    "Refund": ("Usage", "One-Time"),
}
_OTHER = ("Adjustment", "One-Time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be asked.

    Attributes:
        periods: the months, oldest first; they follow each other.
        first: the first day.
        end: the day before which it ends.
    """

    periods: tuple[str, ...]
    first: date
    end: date


def wanted(delivered: Iterable[str], cursors: Mapping[str, Cursor], now: datetime) -> Wanted | None:
    """Say which of this month and the one before no export has delivered and were not asked for today."""
    today, has = now.date(), set(delivered)
    asked = []
    for month in (previous_month(today), today.replace(day=1)):
        period = month_of(month)
        cursor = cursors.get(period)
        is_settled = now >= month_window(period).end + _KEEP_ASKING and bool(cursor)
        is_asked = bool(cursor) and (cursor or {}).get("asked") == today.isoformat()
        if period not in has and not is_of_export(cursor) and not is_settled and not is_asked:
            asked.append(period)
    end = today - _LAG
    asked = [period for period in asked if month_window(period).start.date() < end]
    if not asked:
        return None
    return Wanted(
        periods=tuple(asked),
        first=month_window(asked[0]).start.date(),
        end=min(end, month_window(asked[-1]).end.date()),
    )


def overview(source: str, explorer: Explorer, asked: Wanted, payer: str, now: datetime) -> list[Batch]:
    """Ask for the months: one request for the kinds of records there are, one for each kind.

    Raises:
        BudgetError: the day's requests are used up; nothing is stored of what was asked.
        SourceError: Cost Explorer does not answer.
    """
    kinds: dict[tuple[str, str], set[str]] = {}
    for one in explorer.sums(asked.first, asked.end):
        kinds.setdefault(_KINDS.get(one.record_type, _OTHER), set()).add(one.record_type)
    rows = [
        _row(day, kind, types, payer)
        for kind, types in sorted(kinds.items())
        for day in explorer.days(asked.first, asked.end, tuple(sorted(types)))
    ]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(_COLUMNS, pl.String))
    batches = (_batch(source, period, frame, now) for period in reversed(asked.periods))
    # A month of which nothing is known is left out: it is no month that cost nothing.
    return [batch for batch in batches if batch is not None]


_COLUMNS = (
    *("BillingAccountId", "BillingPeriodStart", "BillingPeriodEnd", "BillingCurrency"),
    *("ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeFrequency", "ChargeDescription"),
    *("SubAccountId", "ServiceName", "ProviderName", "PublisherName", "InvoiceIssuerName"),
    *("BilledCost", "EffectiveCost"),
)


def _row(day: DaySum, kind: tuple[str, str], types: set[str], payer: str) -> dict[str, str]:
    month = month_window(month_of(day.day))
    return {
        "BillingAccountId": payer,
        "BillingPeriodStart": month.start.isoformat(),
        "BillingPeriodEnd": month.end.isoformat(),
        "BillingCurrency": day.currency,
        "ChargePeriodStart": midnight(day.day).isoformat(),
        "ChargePeriodEnd": midnight(day.day + timedelta(days=1)).isoformat(),
        "ChargeCategory": kind[0],
        "ChargeFrequency": kind[1],
        "ChargeDescription": f"Cost Explorer: {', '.join(sorted(types))}",
        "SubAccountId": day.account,
        "ServiceName": day.service,
        "ProviderName": "AWS",
        "PublisherName": "AWS",
        "InvoiceIssuerName": "AWS",
        "BilledCost": plain(day.unblended),
        "EffectiveCost": plain(day.amortised),
    }


def _batch(source: str, period: str, frame: pl.DataFrame, now: datetime) -> Batch | None:
    found = to_focus(frame, Memory(), {period})
    if found.charges.is_empty():
        return None
    charges = found.charges.with_columns(
        pl.lit(EXPLORER).alias("x_Origin"),
        pl.col("ChargeDescription").str.strip_prefix("Cost Explorer: ").alias("x_LineItemType"),
    )
    cursor: dict[str, Any] = {"format": FORMAT, "origin": EXPLORER, "asked": now.date().isoformat()}
    chunk = Chunk(
        charges=charges,
        file=f"Cost Explorer {period}",
        parsed=found.sums.parsed,
        residual=found.sums.residual,
    )
    return Batch(
        source=source,
        periods=frozenset({period}),
        chunks=iter([chunk]),
        files=(),
        manifest_hash=_hash(charges, now),
        cursors={period: cursor},
        notes=(f"{period} {NOTE}",),
        focus_version="Cost Explorer",
        closing=lambda _: Closing(supersedes=True),  # yesterday's overview, never an export's month
    )


def _hash(charges: pl.DataFrame, now: datetime) -> str:
    """Give a mark of what was told and on which day: asking on another day is another delivery."""
    rows = "\n".join(map(str, sorted(map(str, charges.iter_rows()))))
    return sha256(f"{now.date()}\n{rows}".encode()).hexdigest()
