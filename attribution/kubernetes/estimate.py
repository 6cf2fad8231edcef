"""What node-hours cost that no bill has reached: dated prices, spot told apart, nothing guessed.

An estimate counts for whole UTC days that the bill has not reached; then the bill takes its place, and the
difference has names: metrics that were missing, timing, price and discount.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum

import polars as pl

from attribution.kubernetes.provider_ids import node_keys
from domain.charge import INSTANT, MONEY
from domain.money import EXACT, Money, stored
from domain.ports import PriceBook
from domain.price import Asked, NoPrice, Offer, Price

_TEXT = pl.String()
PRICED = pl.Schema(
    {
        "cluster": _TEXT,
        "hour": INSTANT,
        "node": _TEXT,
        "cost": MONEY,
        "currency": _TEXT,
        "offer": _TEXT,
        "origin": _TEXT,
    }
)
"""Node-hours with a price: what each costs, and where the price stands."""

UNPRICED = pl.Schema({"cluster": _TEXT, "node": _TEXT, "hours": pl.Float64(), "reason": _TEXT})
"""Nodes without a known price, how many hours, and why. They are never 0."""

_SERVICE = {"aws": "AmazonEC2"}
_VARIANT = {("aws", Offer.CONTRACT): "Linux", ("aws", Offer.SPOT): "Linux/UNIX"}
_PROVIDER = {"aws": "aws", "gce": "gcp", "azure": "azure"}
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """What node-hours cost by the price book.

    Attributes:
        priced: `PRICED`.
        unpriced: `UNPRICED`.
    """

    priced: pl.DataFrame
    unpriced: pl.DataFrame


def estimated(node_hours: pl.DataFrame, book: PriceBook) -> Estimated:
    """Price node-hours (`NODE_HOURS`): negotiated or at list price, spot by the price of the hour."""
    prices: dict[tuple[Asked, datetime], Price | NoPrice] = {}
    priced, unpriced = [], []
    for row in node_hours.sort("cluster", "hour", "node").iter_rows(named=True):
        seconds = Decimal(round(_HOUR if row["alive_seconds"] is None else row["alive_seconds"]))
        asked = asked_for(row)
        cost: Money | NoPrice
        found: Price | NoPrice
        if isinstance(asked, NoPrice):
            found = cost = asked
        else:
            # a list price holds for days, a spot price moves within one
            at = row["hour"] if asked.offer is Offer.SPOT else row["hour"].replace(hour=0)
            if (asked, at) not in prices:
                prices[asked, at] = book.price(asked, at)
            found = prices[asked, at]
            cost = found if isinstance(found, NoPrice) else found.cost(seconds, "s")
        place = {"cluster": row["cluster"], "node": row["node"]}
        if isinstance(cost, NoPrice) or isinstance(found, NoPrice):
            reason = cost.reason if isinstance(cost, NoPrice) else ""
            unpriced.append({**place, "hours": float(seconds) / _HOUR, "reason": reason})
            continue
        told = {"currency": cost.currency, "offer": found.offer.value, "origin": found.origin}
        priced.append({**place, "hour": row["hour"], "cost": stored(cost.amount), **told})
    without = pl.DataFrame(unpriced, schema=UNPRICED).group_by("cluster", "node", "reason")
    return Estimated(
        priced=pl.DataFrame(priced, schema=PRICED),
        unpriced=without.agg(pl.col("hours").sum()).select(UNPRICED.names()).sort("cluster", "node"),
    )


def asked_for(row: dict[str, object]) -> Asked | NoPrice:
    """Give what to ask the price book for a row of `NODE_HOURS`."""
    keys = node_keys(str(row["provider_id"] or ""))
    if not keys:
        return NoPrice(reason="its provider id does not say what it is")
    if not row["instance_type"]:
        return NoPrice(reason="its instance type is not known")
    provider = _PROVIDER[keys[0][1].split(":", 1)[0]]
    is_spot = row["capacity_type"] == "spot"
    offer = Offer.SPOT if is_spot else Offer.CONTRACT
    return Asked(
        provider=provider,
        offer=offer,
        service=_SERVICE.get(provider, ""),
        item=str(row["instance_type"]),
        variant=_VARIANT.get((provider, offer), ""),
        region=str(row["region"] or ""),
        zone=str(row["zone"] or "") if is_spot and provider == "aws" else "",
    )


def days_to_estimate(through: datetime, measured: datetime) -> Iterator[datetime]:
    """Give the whole UTC days that a bill has not reached (`through`) and whose usage is complete."""
    begun = through.replace(hour=0, minute=0, second=0, microsecond=0)
    day = begun if begun == through else begun + timedelta(days=1)
    while day + timedelta(days=1) <= measured:
        yield day
        day += timedelta(days=1)


class Cause(StrEnum):
    """Why a bill differs from the estimate that it replaces."""

    MISSING_METRIC = "missing metric"
    """Hours on the bill in which nothing was measured."""
    TIMING = "timing"
    """Hours on the bill that differ from those measured, although all were."""
    PRICE = "price"
    """The bill's list price is another than the book's."""
    DISCOUNT = "discount"
    """What commitments and agreements took off the list price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Node-hours that were estimated, and the bill that came.

    Attributes:
        unit_price: of an hour, by the price book.
        hours: measured.
        unmeasured: hours of them in which nothing was measured, although the node was there.
        billed_hours: on the bill.
        billed_list: the bill's list cost.
        billed: the bill's effective cost.
    """

    unit_price: Decimal
    hours: Decimal
    unmeasured: Decimal
    billed_hours: Decimal
    billed_list: Decimal
    billed: Decimal

    @property
    def estimate(self) -> Decimal:
        """Give what was estimated."""
        with localcontext(EXACT):
            return self.unit_price * self.hours


def residuals(one: Compared) -> dict[Cause, Decimal]:
    """Give the bill minus the estimate by cause; the causes add up to the difference exactly."""
    with localcontext(EXACT):
        found = {
            Cause.MISSING_METRIC: one.unmeasured * one.unit_price,
            Cause.TIMING: (one.billed_hours - one.hours - one.unmeasured) * one.unit_price,
            Cause.PRICE: one.billed_list - one.billed_hours * one.unit_price,
            Cause.DISCOUNT: one.billed - one.billed_list,
        }
    return {cause: amount for cause, amount in found.items() if amount}
