"""What is billed beside use: support, taxes, a subscription, credits, refunds, rounding."""

from __future__ import annotations

import numpy as np

from daemon.demo import dice
from daemon.demo.company import ACCOUNT
from daemon.demo.delivery import View, through_hour
from daemon.demo.hours import DAY, Span
from daemon.demo.prices import MICRO, services
from daemon.demo.sheet import Amounts, Line, Sheet

_PICO = MICRO * MICRO
_SUPPORT_PERMILLE = 30
_TAX_PERMILLE = 19
_SUBSCRIPTION = 420 * _PICO
_CREDIT = 150 * _PICO
_CREDIT_DAY = 14


def bill_fees(sheet: Sheet, span: Span, view: View) -> None:
    """Add a month's fees as known at the view's instant; call after everything else is billed."""
    if through_hour(view.provider, view.seen_at) <= span.first:
        return
    match view.provider:
        case "aws":
            _refunds(sheet, span, view)
            _subscription(sheet, span)
            if view.is_totalled:
                _support(sheet, span)
                _tax(sheet, span)
        case "gcp":
            _credit(sheet, span, view)
            if view.invoice is not None:
                _rounding(sheet, span, view)
        case _:
            _service_credit(sheet, span, view)


def _support(sheet: Sheet, span: Span) -> None:
    amount = sheet.total("billed") * _SUPPORT_PERMILLE // 1000
    line = Line(
        service=services()["support"],
        account=ACCOUNT["aws:acme-platform"],
        category="Purchase",
        frequency="Recurring",
        description="AWS Support (Developer), 3 % of the month",
        unit="Months",
        sku_id="AWSDeveloperSupport",
    )
    sheet.add(line, _priced(span.first, span.end, amount // MICRO * MICRO))


def _subscription(sheet: Sheet, span: Span) -> None:
    line = Line(
        service=services()["sentinel"],
        account=ACCOUNT["aws:acme-platform"],
        tags={"team": "platform", "service": "observability"},
        category="Purchase",
        frequency="Recurring",
        description="Sentinel APM, 12 hosts, monthly subscription (AWS Marketplace)",
        unit="Months",
        publisher="Sentinel Metrics GmbH",
        sku_id="sentinel-apm-12",
    )
    sheet.add(line, _priced(span.first, span.first + DAY, _SUBSCRIPTION))


def _tax(sheet: Sheet, span: Span) -> None:
    for account, billed in sheet.billed_by_account():
        line = Line(
            service=services()["ec2"],
            account=account,
            category="Tax",
            frequency="Recurring",
            pricing=None,
            description="Sales tax on AWS charges",
        )
        sheet.add(line, _flat(span.first, span.end, billed * _TAX_PERMILLE // 1000))


def _refunds(sheet: Sheet, span: Span, view: View) -> None:
    for event in view.happening.events:
        for effect in event.template.effects:
            if effect.on == "refund" and span.first <= event.start < span.end:
                _refund(sheet, span, view, event.start)


def _refund(sheet: Sheet, span: Span, view: View, known_from: int) -> None:
    if through_hour(view.provider, view.seen_at) <= known_from:
        return
    amount = refunded(view.seed, span)
    day = span.first - DAY * dice.between(3, 12, view.seed, "outage", span.first)
    line = Line(
        service=services()["redshift"],
        account=ACCOUNT["aws:acme-data"],
        region="eu-central-1",
        tags={"team": "data", "env": "prod", "service": "reporting"},
        category="Usage",
        pricing=None,
        charge_class="Correction",
        description="Refund for an outage last month",
    )
    sheet.add(line, _flat(day, day + DAY, -amount))


def refunded(seed: int, span: Span) -> int:
    """Give what the refund of a month amounts to, in 1E-12 USD."""
    return dice.between(40, 110, seed, "refund", span.first) * _PICO


def _credit(sheet: Sheet, span: Span, view: View) -> None:
    day = span.first + _CREDIT_DAY * DAY
    if through_hour(view.provider, view.seen_at) <= day:
        return
    line = Line(
        service=services()["bigquery"],
        account=ACCOUNT["gcp:acme-data-lake"],
        category="Credit",
        frequency="One-Time",
        pricing=None,
        description="Promotion: Google Cloud for Startups",
    )
    sheet.add(line, _flat(day, day + DAY, -_CREDIT))


def _service_credit(sheet: Sheet, span: Span, view: View) -> None:
    """Add a credit for a missed service level, in one month of five."""
    if not dice.chance(200, view.seed, "sla", span.first):
        return
    day = span.first + DAY * dice.between(5, 20, view.seed, "sla-day", span.first)
    if through_hour(view.provider, view.seen_at) <= day:
        return
    line = Line(
        service=services()["cosmos"],
        account=ACCOUNT["azure:acme-mobile"],
        tags={"team": "mobile"},
        category="Credit",
        frequency="One-Time",
        pricing=None,
        description="Service level credit, Azure Cosmos DB",
    )
    sheet.add(line, _flat(day, day + DAY, -12 * _PICO))


def _rounding(sheet: Sheet, span: Span, view: View) -> None:
    line = Line(
        service=services()["invoice"],
        category="Adjustment",
        frequency="One-Time",
        pricing=None,
        description="Rounding error",
    )
    amount = dice.between(-4999, 4999, view.seed, "rounding", span.first) * MICRO
    sheet.add(line, _flat(span.first, span.end, amount))


def _flat(start: int, end: int, amount: int) -> Amounts:
    """Give one row with a cost and no price."""
    cost = np.array([amount], dtype=np.int64)
    return Amounts(
        starts=np.array([start], dtype=np.int64),
        ends=np.array([end], dtype=np.int64),
        billed=cost,
        effective=cost,
        list=cost,
        contracted=cost,
    )


def _priced(start: int, end: int, amount: int) -> Amounts:
    """Give one row of one unit at a price."""
    flat = _flat(start, end, amount)
    price = np.array([amount // MICRO], dtype=np.int64)
    one = np.array([MICRO], dtype=np.int64)
    return Amounts(
        starts=flat.starts,
        ends=flat.ends,
        billed=flat.billed,
        effective=flat.effective,
        list=flat.list,
        contracted=flat.contracted,
        quantity=one,
        list_price=price,
        contract_price=price,
    )
