"""What a provider says a billing period cost, apart from the charges that it exports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class LineKind(StrEnum):
    """The parts of an invoice that tend to come late, or by another way than usage."""

    CHARGES = "charges"
    """Usage, purchases and fees: everything that is none of the others."""
    CREDITS = "credits"
    REFUNDS = "refunds"
    TAX = "tax"
    SUPPORT = "support"
    MARKETPLACE = "marketplace"


class AccountKind(StrEnum):
    """Whose account the lines of an invoice name."""

    PAYER = "payer"
    """BillingAccountId: who pays."""
    USAGE = "usage"
    """SubAccountId: who used it; the payer where a charge has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoiced:
    """One sum that a provider states.

    Attributes:
        account: its id, "" for the whole source.
        currency: ISO code.
        amount: what it says, as exact as it says it.
        kind: what it is for; None where only a total is known.
        number: of the invoice, "" if none is known.
    """

    account: str
    currency: str
    amount: Decimal
    kind: LineKind | None = None
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What a provider says one billing period of a source cost.

    Attributes:
        source: name from the configuration.
        billing_period: `YYYY-MM`.
        origin: where this was asked or read, e.g. `Cost Explorer, net unblended cost`.
        lines: the sums; those of one account and currency add up to its invoice.
        accounts: whose accounts the lines name.
        kinds: the kinds that the lines tell apart; what is of another is among `charges`.
            Empty: the lines are totals.
        digits: digits after the point that each line is rounded to; None if it is exact.
        seen_at: when it was asked, None if that does not matter.
    """

    source: str
    billing_period: str
    origin: str
    lines: tuple[Invoiced, ...]
    accounts: AccountKind = AccountKind.PAYER
    kinds: frozenset[LineKind] = field(default=frozenset())
    digits: int | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoInvoice:
    """Why there is nothing to compare with: one sentence without its full stop."""

    reason: str
