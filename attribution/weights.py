"""What followers and pools are shared by, summed from the facts cost by cost."""

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
    """Totals that the charges of one plan are shared by."""

    def __init__(self, cells: pl.LazyFrame, plan: Plan, days: pl.DataFrame) -> None:
        """Take facts of whole billing periods, and the (`billing_period`, `day`) that are spread."""
        self._cells, self._plan, self._days = cells, plan, days
        self._direct: dict[tuple[tuple[str, ...], str], pl.DataFrame] = {}

    def related(self, cost: str) -> pl.DataFrame:
        """Give scope, `billing_period`, `owner_id` and the positive `weight` of related charges."""
        periods = self._days.get_column("billing_period").unique()
        return _weighed(related_totals(self._cells, self._leaders, cost, periods), cost)

    @cached_property
    def _leaders(self) -> pl.DataFrame:
        owned = self._plan.resources.select("dim_id", OWNER_ID)
        leaders = self._plan.scopes.filter("leads").join(owned, on="dim_id")
        return leaders.select("dim_id", *SCOPE, OWNER_ID)

    def direct(self, across: tuple[str, ...], cost: str) -> pl.DataFrame:
        """Give the day (`shared.DAY`), `target` and positive `weight` of who shares a pool."""
        if (across, cost) not in self._direct:
            totals = direct_totals(self._cells, self._sharing(across), cost, self._days)
            self._direct[across, cost] = _weighed(totals, cost)
        return self._direct[across, cost]

    def _sharing(self, across: tuple[str, ...]) -> pl.DataFrame:
        owners = self._plan.owners
        is_direct = (pl.col("cost_kind") == CostKind.DIRECT) & pl.col("pool").is_null()
        direct = owners.filter(is_direct).join(participants(owners, across), on=across)
        return (
            self._plan.resources.select("dim_id", OWNER_ID)
            .join(direct.select(OWNER_ID, TARGET), on=OWNER_ID)
            .join(self._plan.scopes.select("dim_id", CURRENCY), on="dim_id")
            .select("dim_id", CURRENCY, TARGET)
        )


def _weighed(totals: pl.DataFrame, cost: str) -> pl.DataFrame:
    keys = [name for name, dtype in totals.schema.items() if not dtype.is_decimal()]
    return totals.select(*keys, to_units(pl.col(cost)).alias(WEIGHT)).filter(pl.col(WEIGHT) > 0)
