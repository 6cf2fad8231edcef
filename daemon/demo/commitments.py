"""What the company promised to buy: a Savings Plan, a Google commitment, Azure reservations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from daemon.demo import dice
from daemon.demo.company import ACCOUNT
from daemon.demo.dice import Ints
from daemon.demo.entities import Metered
from daemon.demo.hours import DAY, Span, day_number
from daemon.demo.prices import MICRO, Sku, skus

_TERM = 365 * DAY
_ORIGIN = day_number(date(2015, 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A promise that is renewed, with or without a gap.

    Attributes:
        key: `savings-plan`, `flexible-cud` or `reservation`.
        provider: who sold it.
        account: who bought it.
        kind: CommitmentDiscountType.
        spend: per hour, in 1E-12 USD, for promises of money; 0 otherwise.
        units: per hour, in millionths of the SKU's unit, for promises of use; 0 otherwise.
        permille: price under a promise of use, in permille of the list price.
        gap: days between the end of one term and the start of the next.
        service: service key its fee is billed under.
        covered: the one SKU of a promise of use.
    """

    key: str
    provider: str
    account: str
    kind: str
    spend: int = 0
    units: int = 0
    permille: int = 0
    gap: int = 0
    service: str
    covered: str = ""

    @property
    def category(self) -> str:
        """Give the CommitmentDiscountCategory."""
        return "Spend" if self.spend else "Usage"

    def covers(self, sku: Sku) -> bool:
        """Say whether use of a SKU falls under the promise."""
        return (
            bool(sku.commit_permille) and sku.provider == self.provider
            if self.spend
            else (sku.key == self.covered)
        )

    def price(self, sku: Sku) -> int:
        """Give what a unit costs under the promise, in millionths of a USD."""
        return sku.commit_price if self.spend else sku.list_price * self.permille // 1000

    def terms(self, seed: int, span: Span) -> list[Term]:
        """Give the terms that touch a span, oldest first."""
        every = _TERM + self.gap * DAY
        anchor = _ORIGIN * DAY + dice.between(0, every // DAY - 1, seed, self.key) * DAY
        first = (span.first - anchor) // every
        starts = [anchor + turn * every for turn in range(first, first + len(span) // every + 2)]
        return [
            Term(plan=self, start=start, end=start + _TERM)
            for start in starts
            if start < span.end and start + _TERM > span.first
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One year of a plan."""

    plan: Plan
    start: int
    end: int

    @property
    def id(self) -> str:
        """Give the id as the provider writes it."""
        number = dice.number("term", self.plan.key, self.start)
        account = ACCOUNT[self.plan.account].id
        match self.plan.provider:
            case "aws":
                return f"arn:aws:savingsplans::{account}:savingsplan/{number:016x}"
            case "gcp":
                return f"projects/{account}/subscriptions/{number:016x}"
            case _:
                return f"/providers/microsoft.capacity/reservationorders/{number:016x}"

    @property
    def name(self) -> str:
        """Give the name people gave it."""
        return f"{self.plan.key}-{self.start // DAY}"

    def active(self, span: Span) -> Ints:
        """Give 1 in the hours of the term, else 0."""
        return ((span.hours >= self.start) & (span.hours < self.end)).astype(np.int64)


PLANS = (
    Plan(
        key="savings-plan",
        provider="aws",
        account="aws:acme-platform",
        kind="Savings Plan",
        spend=2_600_000 * MICRO,
        gap=18,  # nobody renews it in time: the demo's commitment expiry
        service="savings",
    ),
    Plan(
        key="flexible-cud",
        provider="gcp",
        account="gcp:acme-ml-train",
        kind="Committed Use Discount",
        spend=700_000 * MICRO,
        service="gce",
    ),
    Plan(
        key="reservation",
        provider="azure",
        account="azure:acme-corp",
        kind="Reservation",
        units=4 * MICRO,
        permille=620,
        service="vm",
        covered="vm.d4s",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How a term was used over a span.

    Attributes:
        term: which.
        covered: per metered item, millionths of its unit per hour that the term paid for.
        promised: per hour, 1E-12 USD of the promise; 0 outside the term.
        unused: per hour, the part of it that nothing used.
        price: of a unit, in millionths of a USD, for promises of use; 0 for money.
    """

    term: Term
    covered: tuple[tuple[int, Ints], ...]
    promised: Ints
    unused: Ints
    price: int


def cover(term: Term, items: Sequence[Metered], left: list[Ints], span: Span) -> Coverage:
    """Apply a term to the items in order; `left` (use not covered yet) shrinks by what it pays for."""
    plan, active = term.plan, term.active(span)
    budget = active * (plan.spend or plan.units)
    covered = []
    price = 0 if plan.spend else plan.price(skus()[plan.covered])
    for index, item in enumerate(items):
        if not plan.covers(item.sku):
            continue
        cost = plan.price(item.sku) if plan.spend else 1
        part = np.minimum(left[index], budget // cost)
        if part.any():
            budget = budget - part * cost
            left[index] = left[index] - part
            covered.append((index, part))
    scale = 1 if plan.spend else price
    return Coverage(
        term=term,
        covered=tuple(covered),
        promised=active * (plan.spend or plan.units) * scale,
        unused=budget * scale,
        price=price,
    )
