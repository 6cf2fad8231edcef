"""What followers and pools are shared by, summed once from the facts for every cost asked for."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from attribution.largest_remainder import TARGET, WEIGHT, to_units
from attribution.plan import OWNER_ID, Plan
from attribution.related import SCOPE, related_totals
from attribution.shared import direct_totals, participants
from attribution.star import CURRENCY
from domain.allocation import CostKind


class Weights:
    """Totals of the costs of one plan."""

    def __init__(self, cells: pl.LazyFrame, plan: Plan, days: pl.DataFrame) -> None:
        """Take facts of whole billing periods, and the (`billing_period`, `day`) that are spread."""
        self._cells, self._plan, self._days = cells, plan, days
        self._direct: dict[tuple[str, ...], pl.DataFrame] = {}

    def related(self, cost: str) -> pl.DataFrame:
        """Give scope, `billing_period`, `owner_id` and the positive `weight` of related charges."""
        return _weighed(self._related, cost)

    @cached_property
    def _related(self) -> pl.DataFrame:
        owned = self._plan.resources.select("dim_id", OWNER_ID)
        leaders = self._plan.scopes.filter("leads").join(owned, on="dim_id")
        periods = self._days.get_column("billing_period").unique()
        leaders = leaders.select("dim_id", *SCOPE, OWNER_ID)
        return related_totals(self._cells, leaders, self._plan.asked.costs, periods)

    def direct(self, across: tuple[str, ...], cost: str) -> pl.DataFrame:
        """Give the day (`shared.DAY`), `target` and positive `weight` of who shares a pool."""
        if across not in self._direct:
            self._direct[across] = self._direct_totals(across)
        return _weighed(self._direct[across], cost)

    def _direct_totals(self, across: tuple[str, ...]) -> pl.DataFrame:
        owners = self._plan.owners
        is_direct = (pl.col("cost_kind") == CostKind.DIRECT) & pl.col("pool").is_null()
        direct = owners.filter(is_direct).join(participants(owners, across), on=across)
        members = (
            self._plan.resources.select("dim_id", OWNER_ID)
            .join(direct.select(OWNER_ID, TARGET), on=OWNER_ID)
            .join(self._plan.scopes.select("dim_id", CURRENCY), on="dim_id")
            .select("dim_id", CURRENCY, TARGET)
        )
        return direct_totals(self._cells, members, self._plan.asked.costs, self._days)


def _weighed(totals: pl.DataFrame, cost: str) -> pl.DataFrame:
    keys = [name for name, dtype in totals.schema.items() if not dtype.is_decimal()]
    return totals.select(*keys, to_units(pl.col(cost)).alias(WEIGHT)).filter(pl.col(WEIGHT) > 0)
