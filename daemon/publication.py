"""The last gate: a period is published only if all of it is attributed, to the last digit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import polars as pl

from attribution.reconcile import reconcile, withheld
from attribution.star import star_of
from daemon.sources import ATTRIBUTED
from domain.charge import COSTS
from domain.delivery import Delivery, PeriodResult, Verdict

if TYPE_CHECKING:
    from daemon.rooms import Rooms


def check_attribution(rooms: Rooms, source: str, replaced: Iterable[str]) -> list[PeriodResult]:
    """Check the periods that are new, and those that were withheld; give what is to be remembered.

    A period that does not hold is refused by gate `attributed`: its charges are stored, and
    reports leave it out and say so. One that holds again is published again.
    """
    held = {period.billing_period for period in rooms.state.periods(source) if period.gate == ATTRIBUTED}
    wanted = {*replaced, *held}
    newest = {
        one.billing_period: one
        for one in rooms.ledger.deliveries()
        if one.source == source and one.billing_period in wanted
    }
    if not newest:
        return []
    sums = _by_resource(rooms.ledger.charges(sources=[source], periods=newest))
    star = star_of(rooms.ledger.resources().collect(), rooms.rules)
    reasons = withheld(reconcile(sums.lazy(), star, newest.values()))
    concerned = held | {period for _, period in reasons}
    return [_result(newest[period], reasons) for period in sorted(concerned & set(newest))]


def _result(delivery: Delivery, reasons: Mapping[tuple[str, str], str]) -> PeriodResult:
    period = delivery.billing_period
    reason = reasons.get((delivery.source, period)) or reasons.get(("", period), "")
    return PeriodResult(
        source=delivery.source,
        billing_period=period,
        verdict=Verdict.REFUSED if reason else Verdict.UNCHANGED,
        gate=ATTRIBUTED if reason else "",
        reason=reason,
        delivery=delivery,
    )


def _by_resource(charges: pl.LazyFrame) -> pl.DataFrame:
    """Give cells of a month and resource: they prove the same sums as days do, in a fifth of the time.

    What is shared by the day is shared by the month here; that nothing of it is lost, which
    is what the gate is about, does not depend on it.
    """
    keys = ["source", "billing_period", "dim_id"]
    sums = [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name) for name in COSTS.values()]
    day = pl.concat_str("billing_period", pl.lit("-01")).str.to_date().alias("day")
    return charges.group_by(keys).agg(sums).with_columns(day).collect(engine="streaming")
