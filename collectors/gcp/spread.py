"""Hands the used part of commitments' fees to the usage they covered, row by row as it streams by. Pure."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from collectors.gcp.commitments import Plan, Pool, PoolKey
from domain.money import EXACT, SCALE

_WEIGHT_SCALE = 9


class Spread:
    """The shares of one month, given in the order in which rows come.

    Shares are whole units of 1E-12 in proportion to the list value of what was covered. What rounding
    leaves is carried from row to row and given as soon as it makes a unit, so the shares of all rows sum
    exactly to the used part of the fee, without ever holding more than one row.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._units = {key: _whole(pool.used, SCALE) for key, pool in plan.pools.items()}
        self._weights = {key: _whole(pool.weight, _WEIGHT_SCALE) for key, pool in plan.pools.items()}
        self._met: defaultdict[PoolKey, int] = defaultdict(int)
        self._given: defaultdict[PoolKey, int] = defaultdict(int)
        self._fees: defaultdict[PoolKey, Decimal] = defaultdict(Decimal)

    def share(self, pool: PoolKey, weight: Decimal) -> Decimal:
        """Give what the next row bears of its commitment's fee."""
        whole, before = self._weights[pool], self._given[pool]
        if whole <= 0:
            return Decimal(0)
        self._met[pool] += _whole(weight, _WEIGHT_SCALE)
        self._given[pool] = self._units[pool] * self._met[pool] // whole
        return Decimal(self._given[pool] - before).scaleb(-SCALE, context=EXACT)

    def note_fee(self, pool: PoolKey, amount: Decimal) -> None:
        """Count a fee that was billed."""
        self._fees[pool] = EXACT.add(self._fees[pool], amount)

    def faults(self) -> list[tuple[Pool, Decimal]]:
        """Give the pools whose used and unused parts are not what was billed, with the difference."""
        found = []
        for key, pool in self.plan.pools.items():
            given = Decimal(self._given[key]).scaleb(-SCALE, context=EXACT)
            difference = EXACT.subtract(EXACT.add(given, pool.unused), self._fees[key])
            if difference:
                found.append((pool, difference))
        return found


def _whole(value: Decimal, scale: int) -> int:
    return int(value.scaleb(scale, context=EXACT))
