"""One total and one chart of several currencies, by dated rates; only to look at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from alerts.digest import Block, DisplayTotal, TeamTrend, Trend
from domain.fx import DatedRate, converted
from domain.money import plain
from domain.show import day_text

if TYPE_CHECKING:
    from config.messages import Fx


def display_of(fx: Fx | None, blocks: Sequence[Block], day: date) -> DisplayTotal | None:
    """Give one total of all currencies by the configured rates; None where one lacks."""
    totals = {block.currency: block.total for block in blocks}
    if fx is None or not set(totals) - {fx.to}:
        return None
    rates = [DatedRate(currency=rate.currency, on=rate.on, rate=rate.rate) for rate in fx.rates]
    found = converted(totals, fx.to, rates, day)
    if found is None:
        return None
    told = tuple(
        f"1 {rate.currency} = {plain(rate.rate)} {fx.to} of {day_text(rate.on, weekday=False)}"
        for rate in found.used
    )
    trend = _trend(blocks, fx.to, rates) if len(blocks) > 1 else None
    return DisplayTotal(amount=found.amount, currency=fx.to, rates=told, trend=trend)


def _trend(blocks: Sequence[Block], to: str, rates: Sequence[DatedRate]) -> Trend | None:
    """Give every team's cost of all currencies, each day by the rates of that day."""
    trends = {block.currency: block.trend for block in blocks if block.trend is not None}
    days = next((trend.days for trend in trends.values()), ())
    if len(trends) < len(blocks) or any(trend.days != days for trend in trends.values()):
        return None
    costs = {currency: {team.name: team.costs for team in trend.teams} for currency, trend in trends.items()}
    names = dict.fromkeys(name for teams in costs.values() for name in teams)
    found: list[TeamTrend] = []
    for name in names:
        amounts: list[Decimal] = []
        for place, day in enumerate(days):
            native = {currency: teams[name][place] for currency, teams in costs.items() if name in teams}
            one = converted(native, to, rates, day)
            if one is None:
                return None
            amounts.append(one.amount)
        found.append(TeamTrend(name=name, costs=tuple(amounts)))
    return Trend(days=days, teams=tuple(found))
