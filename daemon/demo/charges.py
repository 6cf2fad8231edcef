"""From use to money: the rows that a provider bills for what was used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.demo.commitments import PLANS, Coverage, cover
from daemon.demo.company import ACCOUNT
from daemon.demo.delivery import View, through_hour
from daemon.demo.dice import Ints, noise, number
from daemon.demo.entities import Metered
from daemon.demo.hours import DAY, Span
from daemon.demo.ids import resource_id, zone
from daemon.demo.prices import MICRO, services
from daemon.demo.sheet import CURRENCY, Amounts, Line, Sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Grain:
    """How a view folds hours into rows: days first, hours from `hourly_from` on, nothing after `through`."""

    span: Span
    hourly_from: int
    through: int

    def fold(self, values: Ints) -> tuple[Ints, Ints, Ints]:
        """Give starts, ends and sums of the rows with something in them."""
        span, split = self.span, self._split
        values = np.where(span.hours < self.through, values, 0)
        days = values[:split].reshape(-1, DAY).sum(axis=1)
        starts = np.concatenate([span.hours[:split:DAY], span.hours[split:]])
        ends = np.concatenate([span.hours[:split:DAY] + DAY, span.hours[split:] + 1])
        sums = np.concatenate([days, values[split:]])
        kept = sums != 0
        return starts[kept], np.minimum(ends[kept], max(self.through, span.first)), sums[kept]

    @property
    def _split(self) -> int:
        first_hourly = min(max(self.hourly_from, self.span.first), self.span.end)
        return first_hourly - self.span.first


def bill_usage(sheet: Sheet, items: Sequence[Metered], span: Span, view: View) -> None:
    """Add the rows of what was used: covered by commitments first, the rest at contract prices."""
    left = [_measured(item, span, view) for item in items]
    for plan in PLANS:
        if plan.provider == view.provider:
            for term in plan.terms(view.seed, span):
                coverage = cover(term, items, left, span)
                _bill_commitment(sheet, coverage, items, span, view)
    for item, quantity in zip(items, left, strict=True):
        if quantity.any():
            grain = Grain(span=span, hourly_from=view.hourly_from, through=view.through(item))
            _bill_item(sheet, item, quantity, grain, view)


def _measured(item: Metered, span: Span, view: View) -> Ints:
    figures = view.first_figures(item, span)
    return item.quantity if figures is None else item.quantity * figures // 1000


def _bill_item(sheet: Sheet, item: Metered, quantity: Ints, grain: Grain, view: View) -> None:
    starts, ends, used = grain.fold(quantity)
    days = starts // DAY
    prices = np.full(len(days), item.sku.list_price, dtype=np.int64)
    contract = np.full(len(days), item.sku.contract_price, dtype=np.int64)
    if "spot" in item.sku.traits:
        # Spot has no list price of its own: what it costs today is what it lists at.
        contract = contract * noise(number(view.seed, item.sku.key), days, 90) // 2900
    factor = view.happening.price(item.sku.key, grain.span)
    if factor is not None:
        contract = contract * factor[days * DAY - grain.span.first] // 1000
    contract = np.minimum(contract, prices)
    prices = contract if "spot" in item.sku.traits else prices
    pricing = "Dynamic" if "spot" in item.sku.traits else "Standard"
    cost = used * contract
    sheet.add(
        _line(item, pricing=pricing),
        Amounts(
            starts=starts,
            ends=ends,
            quantity=used,
            list_price=prices,
            contract_price=contract,
            billed=cost,
            effective=cost,
            list=used * prices,
            contracted=cost,
        ),
    )


def _bill_commitment(
    sheet: Sheet, coverage: Coverage, items: Sequence[Metered], span: Span, view: View
) -> None:
    """Add what a term paid for, what it paid for in vain, and its fee."""
    plan = coverage.term.plan
    for index, part in coverage.covered:
        item = items[index]
        grain = Grain(span=span, hourly_from=view.hourly_from, through=view.through(item))
        starts, ends, used = grain.fold(part)
        price = plan.price(item.sku)
        paid = used * price
        full = np.full(len(used), item.sku.list_price, dtype=np.int64)
        contract = np.full(len(used), item.sku.contract_price, dtype=np.int64)
        sheet.add(
            _line(item, pricing="Committed", commitment=_commitment(coverage, "Used")),
            Amounts(
                starts=starts,
                ends=ends,
                quantity=used,
                list_price=full,
                contract_price=contract,
                billed=np.zeros_like(paid),
                effective=paid,
                list=used * full,
                contracted=used * contract,
                committed=paid if plan.spend else used * MICRO,
            ),
        )
    through = through_hour(view.provider, view.seen_at)
    grain = Grain(span=span, hourly_from=view.hourly_from, through=through)
    _bill_unused(sheet, coverage, grain)
    _bill_fee(sheet, coverage, grain)


def _bill_fee(sheet: Sheet, coverage: Coverage, grain: Grain) -> None:
    """Add the purchase itself; it costs nothing effectively, what it covers does."""
    term, plan = coverage.term, coverage.term.plan
    starts, ends, promised = grain.fold(coverage.promised)
    if plan.units:  # paid for the month, on its first day
        starts, ends = starts[:1], np.minimum(np.full(1, grain.span.end), term.end)[: len(starts[:1])]
        promised = coverage.promised.sum(keepdims=True)[: len(starts)]
    units = promised // (plan.spend or coverage.price) * (MICRO if plan.spend else 1)
    price = np.full(len(units), plan.spend // MICRO or coverage.price, dtype=np.int64)
    sheet.add(
        _plan_line(coverage, category="Purchase", status=None),
        Amounts(
            starts=starts,
            ends=ends,
            quantity=units,
            list_price=price,
            contract_price=price,
            billed=promised,
            effective=np.zeros_like(promised),
            list=promised,
            contracted=promised,
            committed=promised if plan.spend else units * MICRO,
        ),
    )


def _bill_unused(sheet: Sheet, coverage: Coverage, grain: Grain) -> None:
    """Add what was promised and not used: it costs, and covers nothing."""
    starts, ends, unused = grain.fold(coverage.unused)
    nothing = np.zeros_like(unused)
    hours = (ends - starts) * MICRO
    units = unused // coverage.price if coverage.term.plan.units else hours
    sheet.add(
        _plan_line(coverage, category="Usage", status="Unused"),
        Amounts(
            starts=starts,
            ends=ends,
            quantity=units,
            list_price=nothing,
            contract_price=nothing,
            billed=nothing,
            effective=unused,
            list=nothing,
            contracted=nothing,
            committed=unused if coverage.term.plan.spend else units * MICRO,
        ),
    )


def _line(item: Metered, *, pricing: str, commitment: dict[str, str] | None = None) -> Line:
    entity, sku = item.entity, item.sku
    resource = resource_id(entity, sku.key, sku.service.key)
    return Line(
        service=sku.service,
        sku=sku,
        account=entity.home,
        region="" if sku.service.key in {"cloudfront", "route53", "entra"} else entity.region,
        zone=zone(entity) if sku.details else None,
        resource=resource,
        resource_name=entity.name.rpartition("/")[2],
        resource_type=sku.resource_type,
        tags=item.tags,
        pricing=pricing,
        unit=sku.unit,
        commitment=commitment or {},
    )


def _plan_line(coverage: Coverage, *, category: str, status: str | None) -> Line:
    term, plan = coverage.term, coverage.term.plan
    purchase = category == "Purchase"
    return Line(
        service=services()[plan.service],
        account=ACCOUNT[plan.account],
        resource=term.id,
        resource_name=term.name,
        resource_type=plan.kind,
        category=category,
        frequency="Recurring" if purchase else "Usage-Based",
        pricing="Standard" if purchase else "Committed",
        description=f"{plan.kind} {term.name}" + ("" if purchase else ", unused"),
        unit="Hours",
        sku_id=f"{plan.key}-1yr",
        commitment=_commitment(coverage, status),
    )


def _commitment(coverage: Coverage, status: str | None) -> dict[str, str]:
    term, plan = coverage.term, coverage.term.plan
    columns = {
        "CommitmentDiscountCategory": plan.category,
        "CommitmentDiscountId": term.id,
        "CommitmentDiscountName": term.name,
        "CommitmentDiscountType": plan.kind,
        "CommitmentDiscountUnit": CURRENCY if plan.spend else "Hours",
    }
    return columns | ({"CommitmentDiscountStatus": status} if status else {})
