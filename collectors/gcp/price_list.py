"""Google's catalogue of SKUs as prices for the book. Pure.

A SKU says what is metered (`resource_group`: CPU, RAM, GPU, …), how it is bought (`usage_type`) and, per
instant from which it holds, an expression: tiers, each with a price in units and billionths.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

from collectors.gcp.skus import unit_of
from collectors.prices.book import Dated
from domain.money import EXACT
from domain.price import Offer, Tier

OFFERS = {"OnDemand": Offer.LIST, "Preemptible": Offer.SPOT}
"""How Google's words for buying are called here. Commitments are left out: a term is not a price per unit."""

_BILLIONTH = Decimal(1).scaleb(-9)


def prices_of(sku: Any, service: str, regions: Collection[str], origin: str) -> Iterator[Dated]:
    """Give the prices of a SKU in the wanted regions; no regions wanted means all.

    Every instant from which a price holds gives one, so that the past stays what it was.
    """
    offer = OFFERS.get(sku.category.usage_type)
    wanted = [region for region in sku.service_regions if not regions or region in regions]
    if offer is None or not wanted:
        return
    for info in sku.pricing_info:
        tiers = _tiers(info.pricing_expression)
        if not tiers:
            continue
        expression = info.pricing_expression
        for region in wanted:
            yield Dated(
                provider="gcp",
                service=service,
                sku=sku.sku_id,
                item=sku.category.resource_group,
                variant=sku.description,
                region=region,
                offer=offer,
                currency=expression.tiered_rates[0].unit_price.currency_code,
                unit=unit_of(expression.usage_unit_description or expression.usage_unit),
                tiers=tiers,
                effective_from=info.effective_time,
                origin=origin,
            )


def amount_of(money: Any) -> Decimal:
    """Give an amount that Google writes as whole units and billionths, exactly."""
    return EXACT.add(Decimal(int(money.units)), EXACT.multiply(Decimal(int(money.nanos)), _BILLIONTH))


def _tiers(expression: Any) -> tuple[Tier, ...]:
    found = {
        Decimal(str(rate.start_usage_amount)): amount_of(rate.unit_price) for rate in expression.tiered_rates
    }
    tiers = tuple(Tier(start=start, amount=found[start]) for start in sorted(found))
    if tiers and tiers[0].start > 0:  # what is below the first tier is not charged
        return (Tier(start=Decimal(0), amount=Decimal(0)), *tiers)
    return tiers
