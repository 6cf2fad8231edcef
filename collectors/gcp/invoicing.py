"""What BigQuery says an invoice month costs, apart from the charges that were made of it. Pure."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from collectors.gcp.summary import Summary
from domain.invoice import Invoice, Invoiced, LineKind
from domain.money import EXACT

ORIGIN = "BigQuery, cost and all credits of the invoice month"
TOTAL = "BigQuery, BilledCost of the month"


def invoice_of(source: str, period: str, summary: Summary, asked_at: datetime) -> Invoice:
    """Give the sums of a month per billing account and currency, promotions and tax by themselves."""
    if not summary.has_credits:
        totals = sorted(summary.billed.items())
        lines = [Invoiced(account=one, currency=currency, amount=sum_) for (one, currency), sum_ in totals]
        return Invoice(
            source=source, billing_period=period, origin=TOTAL, lines=tuple(lines), seen_at=asked_at
        )
    sums: defaultdict[tuple[str, str, LineKind], Decimal] = defaultdict(Decimal)

    def add(account: tuple[str, str], kind: LineKind, amount: Decimal) -> None:
        sums[*account, kind] = EXACT.add(sums[*account, kind], amount)

    for group in summary.groups:
        kind = LineKind.TAX if group.cost_type == "tax" else LineKind.CHARGES
        add(group.account, kind, EXACT.add(group.cost, group.applied))
        add(group.account, LineKind.CREDITS, EXACT.subtract(group.credits, group.applied))
    return Invoice(
        source=source,
        billing_period=period,
        origin=ORIGIN,
        lines=tuple(
            Invoiced(account=account, currency=currency, amount=amount, kind=kind)
            for (account, currency, kind), amount in sorted(sums.items())
            if amount
        ),
        kinds=frozenset({LineKind.CREDITS, LineKind.TAX}),
        seen_at=asked_at,
    )
