"""The four costs of a charge as sums of columns of the report, exact. Pure.

Sources: the table of `line types` in AWS's own Cloud Intelligence dashboards (summary view for
CUR 2.0), and the FOCUS rule that a purchase which covers later charges costs nothing effectively.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import polars as pl

from collectors.aws.line_types import Line, is_covered, is_kind, pays_a_commitment
from domain.charge import MONEY

NET, GROSS = "line_item_net_unblended_cost", "line_item_unblended_cost"
PUBLIC = "pricing_public_on_demand_cost"
PLAN, NET_PLAN = (
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_net_savings_plan_effective_cost",
)
RESERVED, NET_RESERVED = "reservation_effective_cost", "reservation_net_effective_cost"
PROMISED, USED = "savings_plan_total_commitment_to_date", "savings_plan_used_commitment"
UNUSED_UPFRONT = "reservation_unused_amortized_upfront_fee_for_billing_period"
UNUSED_RECURRING = "reservation_unused_recurring_fee"
NET_UNUSED_UPFRONT = "reservation_net_unused_amortized_upfront_fee_for_billing_period"
NET_UNUSED_RECURRING = "reservation_net_unused_recurring_fee"
FOLDED = "folded_discount"
"""Discounts that lines of their own take off a line; see `discounts`."""

_ZERO = pl.lit(0, dtype=MONEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A column that counts, where it does.

    Attributes:
        source: column of the report.
        where: the lines for which it counts; a null there makes the cost null.
        sign: 1 or -1.
        needs: a column that `where` asks a value of; "" for none.
    """

    source: str
    where: pl.Expr
    sign: int = 1
    needs: str = ""

    @property
    def amount(self) -> pl.Expr:
        """Give what it adds to the cost of a line."""
        value = pl.col(self.source) if self.sign > 0 else -pl.col(self.source)
        return pl.when(self.where).then(value).otherwise(_ZERO)


Terms = tuple[Term, ...]


def _or(where: pl.Expr, net: str, gross: str) -> Terms:
    """Take the cost after private discounts where the file has one, else the one before."""
    return (
        Term(source=net, where=where & pl.col(net).is_not_null(), needs=net),
        Term(source=gross, where=where & pl.col(net).is_null()),
    )


def _billed(where: pl.Expr) -> Terms:
    folded = Term(source=FOLDED, where=where & pl.col(FOLDED).is_not_null(), needs=FOLDED)
    return (*_or(where, NET, GROSS), folded)


def invoiced() -> Terms:
    """Give what AWS charges for a line: the side of the gate that knows nothing of FOCUS."""
    return _or(pl.lit(value=True), NET, GROSS)


def _listed() -> Terms:
    fees = is_kind(Line.PLAN_RECURRING, Line.PLAN_UPFRONT, Line.RESERVED_FEE, Line.FEE)
    has_public = is_kind(Line.USAGE, Line.PLAN_COVERED, Line.RESERVED_USAGE) & (pl.col(PUBLIC) > 0).fill_null(
        value=False
    )
    # A covered line without a public price still says what it would have cost on demand.
    gross = fees | (is_kind(Line.PLAN_COVERED) & ~has_public)
    return (
        Term(source=PUBLIC, where=has_public),
        Term(source=GROSS, where=gross),
        *_or(~has_public & ~gross, NET, GROSS),
    )


def _contracted() -> Terms:
    discounted = is_covered() & pl.col(NET).is_not_null()
    covered = [replace(term, where=term.where & is_covered()) for term in _listed()]
    return (
        *covered,
        Term(source=NET, where=discounted, needs=NET),
        Term(source=GROSS, where=discounted, sign=-1, needs=NET),
        *_billed(~is_covered()),
    )


def of_line() -> dict[str, Terms]:
    """Give the costs of the charge that a line itself becomes."""
    plan, reserved = is_kind(Line.PLAN_COVERED), is_kind(Line.RESERVED_USAGE)
    return {
        "BilledCost": _billed(~plan),
        "EffectiveCost": (
            *_or(plan, NET_PLAN, PLAN),
            *_or(reserved, NET_RESERVED, RESERVED),
            *_billed(~is_covered() & ~pays_a_commitment()),
        ),
        "ListCost": _listed(),
        "ContractedCost": _contracted(),
    }


def of_unused() -> dict[str, Terms]:
    """Give the costs of the charge for what a fee paid and nobody used.

    A part of a reservation's unused fee that the file leaves out is none; AWS writes it so for
    plans without an upfront fee.
    """
    plan, fee = is_kind(Line.PLAN_RECURRING), is_kind(Line.RESERVED_FEE)
    upfront, recurring = (
        _or(fee, NET_UNUSED_UPFRONT, UNUSED_UPFRONT),
        _or(fee, NET_UNUSED_RECURRING, UNUSED_RECURRING),
    )
    parts = [
        replace(term, where=term.where & pl.col(term.source).is_not_null(), needs=term.source)
        for term in (*upfront, *recurring)
    ]
    return {
        "BilledCost": (),
        "EffectiveCost": (
            Term(source=PROMISED, where=plan),
            Term(source=USED, where=plan, sign=-1),
            *parts,
        ),
        "ListCost": (),
        "ContractedCost": (),
    }


def total(terms: Sequence[Term], absent: Collection[str] = ()) -> pl.Expr:
    """Give the sum of the terms for every line, at the stored scale.

    Terms that need a column which is null in all lines are left out: they would add nothing.
    """
    counted = (term.amount for term in terms if term.needs not in absent)
    return reduce(operator.add, counted, _ZERO).cast(MONEY)
