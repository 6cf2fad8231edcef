"""How charges that are spread change hands: by following, then by sharing."""

from __future__ import annotations

import polars as pl

from attribution.largest_remainder import split_amounts
from attribution.plan import OWNER_ID, Plan
from attribution.related import SCOPE, find_leaders, related_totals, scopes
from attribution.shared import DAY, direct_totals, evened, participants
from attribution.star import CURRENCY, OWNERS
from domain.allocation import CostKind

AMOUNT = "amount"
_GROUP = "group"
_TARGET = "target"
_MOVES = pl.col(AMOUNT).is_not_null() & (pl.col(AMOUNT) != 0)
"""Nothing and unknown need no sharing; they stay."""


class Moves:
    """Changes of hands of one cost column.

    Rows hold at least `amount` (units), `owner_id`, scope, `billing_period` and `day`; every
    other column is carried along. Every method gives rows whose amounts sum to those it took.
    """

    def __init__(self, cells: pl.LazyFrame, plan: Plan, cost: str) -> None:
        """Take the facts that weights are summed from, and the cost column they are of."""
        self._cells, self._plan, self._cost = cells, plan, cost
        self._scope = scopes(plan.star.resources, plan.star.ownership)
        self.owners = plan.owners
        """Every owner with its `owner_id`; sharing adds some."""

    def follow(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give tax, support and credits to the owners of what they follow."""
        pools = sorted(self._plan.policy.related)
        followers = self.owners.filter(pl.col("pool").is_in(pools)).get_column(OWNER_ID)
        follows = pl.col(OWNER_ID).is_in(followers.implode()) & _MOVES
        asks = rows.filter(follows)
        if not asks.height:
            return rows
        scope = [*SCOPE, "billing_period"]
        groups = asks.select(scope).unique(maintain_order=True).with_row_index(_GROUP)
        periods = groups.get_column("billing_period").unique()
        totals = related_totals(self._cells, self._leaders(), self._cost, periods)
        weights, alone = find_leaders(groups, totals)
        grouped = asks.join(groups, on=scope, nulls_equal=True)
        left = grouped.join(alone, on=_GROUP, how="semi")
        moved = _split(grouped, weights).with_columns(pl.col(_TARGET).alias(OWNER_ID))
        return pl.concat([part.select(rows.columns) for part in (rows.filter(~follows), left, moved)])

    def _leaders(self) -> pl.DataFrame:
        owned = self._plan.resources.select("dim_id", OWNER_ID)
        return self._scope.filter("leads").join(owned, on="dim_id").select("dim_id", *SCOPE, OWNER_ID)

    def share(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give what is in pools to those who share it; what nobody shares stays."""
        known = rows.join(self.owners.select(OWNER_ID, "pool"), on=OWNER_ID)
        in_pool = pl.col("pool").is_not_null() & _MOVES
        pooled = known.filter(in_pool)
        days = pooled.select(DAY).unique()
        totals: dict[tuple[str, ...], pl.DataFrame] = {}
        done = [known.filter(~in_pool)]
        for name in sorted(pooled.get_column("pool").unique()):
            pool = self._plan.policy.pool(name)
            if pool.across not in totals:
                totals[pool.across] = self._direct(pool.across, days)
            weights = evened(totals[pool.across]) if pool.even else totals[pool.across]
            done += self._share_pool(pooled.filter(pl.col("pool") == name), weights, pool.across)
        return pl.concat([part.select(rows.columns) for part in done])

    def _direct(self, across: tuple[str, ...], days: pl.DataFrame) -> pl.DataFrame:
        is_direct = (pl.col("cost_kind") == CostKind.DIRECT) & pl.col("pool").is_null()
        direct = self._plan.owners.filter(is_direct).join(participants(self._plan.owners, across), on=across)
        members = (
            self._plan.resources.select("dim_id", OWNER_ID)
            .join(direct.select(OWNER_ID, _TARGET), on=OWNER_ID)
            .join(self._scope.select("dim_id", CURRENCY), on="dim_id")
            .select("dim_id", CURRENCY, _TARGET)
        )
        return direct_totals(self._cells, members, self._cost, days)

    def _share_pool(
        self, members: pl.DataFrame, totals: pl.DataFrame, across: tuple[str, ...]
    ) -> list[pl.DataFrame]:
        groups = members.select(DAY).unique(maintain_order=True).with_row_index(_GROUP)
        grouped = members.join(groups, on=DAY, nulls_equal=True)
        weights = totals.join(groups, on=DAY).select(_GROUP, _TARGET, "weight")
        left = grouped.join(weights, on=_GROUP, how="anti")
        return [left, self._take_over(_split(grouped, weights), across)]

    def _take_over(self, parts: pl.DataFrame, across: tuple[str, ...]) -> pl.DataFrame:
        """Give parts the owner they had, with the fields replaced by who takes part."""
        pairs = parts.select(OWNER_ID, _TARGET).unique().sort(OWNER_ID, _TARGET)
        named = pairs.join(self.owners, on=OWNER_ID).drop(across)
        named = named.join(participants(self._plan.owners, across), on=_TARGET, maintain_order="left")
        new = named.with_row_index("new", offset=self.owners.height).with_columns(
            pl.lit(CostKind.SHARED).alias("cost_kind")
        )
        added = new.select(pl.col("new").alias(OWNER_ID), *OWNERS)
        self.owners = pl.concat([self.owners, added])
        ids = new.select(OWNER_ID, _TARGET, "new")
        return parts.join(ids, on=[OWNER_ID, _TARGET]).with_columns(pl.col("new").alias(OWNER_ID))


def _split(rows: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Give the parts of the rows whose group has weights: one row per part, `target` added."""
    sharing = rows.join(weights.select(_GROUP).unique(), on=_GROUP, how="semi")
    parts = split_amounts(sharing.select(_GROUP, AMOUNT).unique(), weights)
    return sharing.join(parts, on=[_GROUP, AMOUNT]).with_columns(pl.col("part").alias(AMOUNT))
