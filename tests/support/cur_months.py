"""Months of a Cost and Usage Report drawn by dice, whose sums are known to the last digit.

Rows have the columns of CUR 2.0, every value as text, as a CSV has them. `legacy` gives them the
names of the report before it.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from collectors.aws.convert import Converted, to_focus
from collectors.aws.names import cur2_names
from collectors.focus.normalise import Memory

Row = dict[str, Any]

MONTH = datetime(2026, 6, 1, tzinfo=UTC)
NEXT = datetime(2026, 7, 1, tzinfo=UTC)
PERIOD = "2026-06"
TAGS = (
    {"user_team": "payments", "user_env": "prod", "aws_eks_cluster_name": "blue"},
    {"user_team": "search", "user_Zeile": "Füße 🦶"},
    {"user_team": '=cmd|"/c calc"!A1', "user_note": 'a "quoted", text\nof two lines'},
    {},
)
SECTIONS = {
    "bill": "bill",
    "capacity_reservation": "capacityReservation",
    "line_item": "lineItem",
    "pricing": "pricing",
    "product": "product",
    "reservation": "reservation",
    "savings_plan": "savingsPlan",
    "split_line_item": "splitLineItem",
}


def instant(at: datetime) -> str:
    """Give a time as AWS writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def a_line(kind: str = "Usage", cost: str = "0.096", **changes: Any) -> Row:
    """Give one line: an hour of a virtual machine, unless it is told otherwise."""
    start = MONTH + timedelta(days=9, hours=5)
    return {
        "bill_payer_account_id": "000111111111",
        "bill_payer_account_name": "Acme",
        "line_item_usage_account_id": "000222222222",
        "line_item_usage_account_name": "payments-prod",
        "line_item_currency_code": "USD",
        "pricing_currency": "USD",
        "bill_bill_type": "Anniversary",
        "bill_billing_entity": "AWS",
        "bill_billing_period_start_date": instant(MONTH),
        "bill_billing_period_end_date": instant(NEXT),
        "line_item_usage_start_date": instant(start),
        "line_item_usage_end_date": instant(start + timedelta(hours=1)),
        "line_item_line_item_type": kind,
        "line_item_product_code": "AmazonEC2",
        "line_item_operation": "RunInstances",
        "line_item_usage_type": "BoxUsage:m5.large",
        "line_item_usage_amount": "1",
        "line_item_unblended_rate": cost if not cost.startswith("-") else "",
        "line_item_unblended_cost": cost,
        "product_region_code": "us-east-1",
        "product_sku": "SKUM5LARGE000001",
        "pricing_rate_code": "SKUM5LARGE000001.JRTCKXETXF.6YS6EN2CT7",
        "pricing_unit": "Hrs",
        **changes,
    }


def frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Give rows as a CSV reader does: every column text, nothing is an empty text."""
    columns = dict.fromkeys(name for row in rows for name in row)
    texts = [{name: _text(row.get(name)) for name in columns} for row in rows]
    return pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else value


def legacy(row: Mapping[str, Any]) -> Row:
    """Give a row the names that the legacy CSV has, a column per tag and product attribute."""
    found: Row = {}
    for name, value in row.items():
        if name == "resource_tags":
            for key, tag in (value or {}).items():
                scheme, _, rest = key.partition("_")
                found[f"resourceTags/{scheme}:{rest}"] = tag
        elif name == "product":
            for key, attribute in (value or {}).items():
                found[f"product/{_camel(key)}"] = attribute
        else:
            found[legacy_name(name)] = value
    return found


def legacy_name(name: str) -> str:
    """Give the name that the legacy CSV has for a column: `lineItem/UnblendedCost`."""
    section = max((s for s in SECTIONS if name.startswith(f"{s}_")), key=len)
    rest = name[len(section) + 1 :]
    if section in {"product", "pricing"}:
        return f"{SECTIONS[section]}/{_camel(rest)}"
    return f"{SECTIONS[section]}/{''.join(word.capitalize() for word in rest.split('_'))}"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


@dataclass
class Month:
    """Rows, and what is true of them.

    Attributes:
        rows: in the order of the file.
        invoiced: {(payer, currency): what AWS charges}.
        effective: {(payer, currency): what it costs, spread over time}.
        commitments: {arn: what was promised in the month}.
    """

    rows: list[Row] = field(default_factory=list)
    invoiced: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    effective: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    commitments: dict[str, Decimal] = field(default_factory=dict)

    def add(self, row: Row, effective: Decimal | None = None) -> None:
        """Add a line; what it costs effectively is what it is charged unless told."""
        key = row["bill_payer_account_id"], row["line_item_currency_code"]
        charged = Decimal(row.get("line_item_net_unblended_cost") or row["line_item_unblended_cost"])
        self.invoiced[key] += charged
        self.effective[key] += charged if effective is None else effective
        self.rows.append(row)


class Dice:
    """Draws the lines of one payer in one currency."""

    def __init__(self, dice: random.Random, month: Month, payer: str, currency: str, *, net: bool) -> None:
        self._dice = dice
        self._month = month
        self._net = net
        self._common = {"bill_payer_account_id": payer, "line_item_currency_code": currency}
        self._accounts = [payer, f"{dice.randrange(10**9):012d}"]
        self._payer = payer

    def money(self, low: int = 0, high: int = 10**10, digits: int = 10) -> Decimal:
        """Draw an amount with so many digits after the point."""
        return Decimal(self._dice.randint(low, high)).scaleb(-digits)

    def written(self, amount: Decimal) -> str:
        """Write an amount in one of the ways that AWS does."""
        if amount and self._dice.random() < 0.5:
            return f"{amount:E}".replace("E+", "E")
        return format(amount, "f")

    def line(self, kind: str, cost: Decimal, **changes: Any) -> Row:
        """Draw a line of a type at a cost."""
        start = MONTH + timedelta(hours=self._dice.randrange(720))
        row = a_line(
            kind,
            self.written(cost),
            **self._common,
            line_item_usage_account_id=self._dice.choice(self._accounts),
            line_item_usage_start_date=instant(start),
            line_item_usage_end_date=instant(start + timedelta(hours=1)),
            line_item_resource_id=f"i-{self._dice.randrange(50):017x}",
            resource_tags=self._dice.choice(TAGS),
        )
        return {**row, **changes}

    def usage(self) -> None:
        """Add ordinary usage, perhaps with a private discount, or a price that was not paid."""
        cost = self.money(digits=self._dice.choice((2, 10, 15, 18)))
        changes: Row = {"pricing_public_on_demand_cost": self.written(cost), "line_item_unblended_rate": "1"}
        if self._net:
            changes["line_item_net_unblended_cost"] = self.written(
                cost - self.money(high=min(10**6, int(cost)))
            )
        self._month.add(self.line("Usage", cost, **changes))

    def simple(self) -> None:
        """Add a line of a type that is what it costs."""
        kind, sign = self._dice.choice(
            [("Credit", -1), ("Tax", 1), ("Fee", 1), ("Refund", -1), ("EdpDiscount", -1), ("NewLineType", 1)]
        )
        changes: Row = {"bill_bill_type": "Refund"} if kind == "Refund" else {}
        self._month.add(self.line(kind, sign * self.money(), **changes))

    def plan(self, number: int, hours: int) -> None:
        """Add a Savings Plan that is partly used, hour by hour, with its negations and its fees."""
        arn = f"arn:aws:savingsplans::{self._payer}:savingsplan/{number:08x}"
        named = {"savings_plan_savings_plan_a_r_n": arn}
        for hour in range(hours):
            start = MONTH + timedelta(hours=hour)
            at = {
                "line_item_usage_start_date": instant(start),
                "line_item_usage_end_date": instant(start + timedelta(hours=1)),
            }
            promised, used, demand = self.money(10**9), Decimal(0), Decimal(0)
            for _ in range(self._dice.randrange(4)):
                cost, price = self.money(high=2 * 10**8), self.money()
                used, demand = used + cost, demand + price
                covered = {"savings_plan_savings_plan_effective_cost": self.written(cost), **named, **at}
                public = {"pricing_public_on_demand_cost": self.written(price)}
                self._month.add(self.line("SavingsPlanCoveredUsage", price, **covered, **public), cost)
            if demand:
                self._month.add(self.line("SavingsPlanNegation", -demand, **named, **at), Decimal(0))
            fee = {
                "savings_plan_total_commitment_to_date": self.written(promised),
                "savings_plan_used_commitment": self.written(used),
                "line_item_product_code": "ComputeSavingsPlans",
            }
            billed = self._dice.choice((promised, Decimal(0)))
            self._month.add(
                self.line("SavingsPlanRecurringFee", billed, **fee, **named, **at), promised - used
            )
            self._month.commitments[arn] = self._month.commitments.get(arn, Decimal(0)) + promised

    def reservation(self, number: int) -> None:
        """Add a reservation that is partly used, its fee of the month, and perhaps its upfront fee."""
        arn = f"arn:aws:ec2:us-east-1:{self._payer}:reserved-instances/{number:08x}"
        named = {"reservation_reservation_a_r_n": arn}
        rate, hours = self.money(10**6, 10**9), self._dice.randint(1, 6)
        used = self._dice.randint(0, hours)
        upfront = self.money(high=10**9)
        for _ in range(used):
            each = {
                "reservation_effective_cost": self.written(rate),
                "line_item_normalized_usage_amount": "4",
            }
            self._month.add(self.line("DiscountedUsage", Decimal(0), **each, **named), rate)
        unused = rate * (hours - used)
        part = min(unused, self.money(high=10**8))
        fee = {
            "reservation_unused_recurring_fee": self.written(unused - part),
            "reservation_unused_amortized_upfront_fee_for_billing_period": self.written(part),
            "reservation_amortized_upfront_fee_for_billing_period": self.written(upfront),
            "reservation_unused_quantity": str(hours - used),
            "line_item_usage_amount": str(hours),
        }
        self._month.add(self.line("RIFee", rate * hours - upfront, **fee, **named), unused)
        self._month.commitments[arn] = rate * hours
        if self._dice.random() < 0.5:
            self._month.add(self.line("Fee", self.money(), **named), Decimal(0))

    def split(self) -> None:
        """Add an instance's hour and the pods that share it; they cost nothing themselves."""
        cost = self.money(10**6)
        parent = self.line("Usage", cost, line_item_resource_id=f"i-{self._dice.randrange(10**6):017x}")
        self._month.add(parent)
        for pod in range(self._dice.randrange(3)):
            what = self._dice.choice(("vCPU", "GB"))
            changes = {
                "line_item_operation": "EKSPod-EC2",
                "line_item_usage_type": f"USE1-EKS-EC2-{what}-Hours",
                "line_item_product_code": "AmazonEKS",
                "line_item_resource_id": f"arn:aws:eks:us-east-1:000222222222:pod/blue/pay/api-{pod}/x",
                "line_item_usage_start_date": parent["line_item_usage_start_date"],
                "split_line_item_parent_resource_id": parent["line_item_resource_id"],
                "split_line_item_split_cost": self.written(cost / 4),
                "split_line_item_unused_cost": self.written(cost / 8),
                "line_item_usage_amount": "0",
            }
            self._month.add(self.line("Usage", Decimal(0), **changes))


def drawn(seed: int, *, hours: int = 3, lines: int = 12) -> Month:
    """Draw a month of up to three payers with a mix of everything."""
    dice, month = random.Random(seed), Month()  # noqa: S311  # tests want the same dice again
    for number in range(dice.randint(1, 3)):
        payer = f"{number:03d}{dice.randrange(10**9):09d}"
        one = Dice(dice, month, payer, dice.choice(("USD", "EUR")), net=dice.random() < 0.3)
        for _ in range(dice.randint(1, lines)):
            dice.choice((one.usage, one.usage, one.simple, one.split))()
        for plan in range(dice.randrange(3)):
            one.plan(plan, hours)
        for reservation in range(dice.randrange(3)):
            one.reservation(reservation)
    dice.shuffle(month.rows)
    return month


def converted(rows: Sequence[Mapping[str, Any]], *, is_legacy: bool = False) -> Converted:
    """Turn rows into charges as a reader of either form would hand them over."""
    read = frame([legacy(row) for row in rows] if is_legacy else rows)
    names = cur2_names(read.columns)
    return to_focus(read.select(list(names)).rename(names), Memory())
