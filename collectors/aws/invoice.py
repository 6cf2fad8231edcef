"""What Cost Explorer says of a month, in the words by which bills are compared. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from collectors.aws.explorer import AccountSum
from domain.invoice import AccountKind, Invoice, Invoiced, LineKind

_KINDS = {"tax": LineKind.TAX, "credit": LineKind.CREDITS, "refund": LineKind.REFUNDS}
_TOLD = frozenset({LineKind.CHARGES, *_KINDS.values()})
_DIGITS = 2
"""An invoice is in cents; what Cost Explorer gives beyond them is the sum of its own roundings."""


def invoice_of(source: str, period: str, sums: Sequence[AccountSum], now: datetime) -> Invoice:
    """Give what AWS says each account used a month for: unblended, which is what it puts on the invoice."""
    lines = tuple(
        Invoiced(
            account=one.account, currency=one.currency, amount=one.unblended, kind=kind_of(one.record_type)
        )
        for one in sums
    )
    # Support is a record type of its own on some bills, and a fee among others on the rest.
    support = {LineKind.SUPPORT} & {line.kind for line in lines}
    estimated = ", estimated" if any(one.is_estimated for one in sums) else ""
    return Invoice(
        source=source,
        billing_period=period,
        origin=f"Cost Explorer, unblended cost{estimated}",
        lines=lines,
        accounts=AccountKind.USAGE,
        kinds=_TOLD | support,
        digits=_DIGITS,
        seen_at=now,
    )


def kind_of(record_type: str) -> LineKind:
    """Give what a record type is on an invoice; `SavingsPlanRecurringFee` and the like are charges."""
    lower = record_type.lower()
    if "support" in lower:
        return LineKind.SUPPORT
    return _KINDS.get(lower, LineKind.CHARGES)
