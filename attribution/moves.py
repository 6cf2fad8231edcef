"""How charges that are spread change hands: by following, then by sharing."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from attribution.largest_remainder import AMOUNT, GROUP, TARGET, WEIGHT, split_rows, to_money
from attribution.plan import OWNER_ID, Plan
from attribution.related import SCOPE, find_leaders, related_totals, scopes
from attribution.shared import DAY, direct_totals, evened, participants
from attribution.star import CURRENCY, OWNERS
from domain.allocation import CostKind
from domain.money import PRECISION

COUNT = "charges"
_MOVES = pl.col(AMOUNT).is_not_null() & (pl.col(AMOUNT) != 0)
"""Nothing and unknown need no sharing; they stay."""


class Moves:
    """Changes of hands of one cost column.

    Rows hold `amount` (units of one charge), `charges` (how many there are of it),
    `owner_id`, the scope, `billing_period`, `day`, and the columns named by `carried`.
    """

    def __init__(self, cells: pl.LazyFrame, plan: Plan, cost: str, carried: list[str]) -> None:
        """Take the facts that weights are summed from, the cost column, and what results keep."""
        self._cells, self._plan, self.cost, self._carried = cells, plan, cost, carried
        self._scope = scopes(plan.star.resources, plan.star.ownership)
        self.owners = plan.owners
        """Every owner with its `owner_id`; sharing adds some."""
        self.left: list[pl.DataFrame] = []
        """What sharing left in pools, as `pool`, the day (`shared.DAY`) and `amount` (money)."""

    def follow(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Give tax, support and credits to the owners of what they follow; same total."""
        pools = sorted(self._plan.policy.related)
        followers = self.owners.filter(pl.col("pool").is_in(pools)).get_column(OWNER_ID)
        follows = pl.col(OWNER_ID).is_in(followers.implode()) & _MOVES
        asks = rows.filter(follows)
        if not asks.height:
            return rows
        scope = [*SCOPE, "billing_period"]
        groups = asks.select(scope).unique(maintain_order=True).with_row_index(GROUP)
        periods = groups.get_column("billing_period").unique()
        totals = related_totals(self._cells, self._leaders(), self.cost, periods)
        weights, alone = find_leaders(groups, totals)
        grouped = asks.join(groups, on=scope, nulls_equal=True)
        left = grouped.join(alone, on=GROUP, how="semi")
        moved = (part.with_columns(pl.col(TARGET).alias(OWNER_ID)) for part in split_rows(grouped, weights))
        return pl.concat([part.select(rows.columns) for part in (rows.filter(~follows), left, *moved)])

    def _leaders(self) -> pl.DataFrame:
        owned = self._plan.resources.select("dim_id", OWNER_ID)
        return self._scope.filter("leads").join(owned, on="dim_id").select("dim_id", *SCOPE, OWNER_ID)

    def total(self, rows: pl.DataFrame, *more: str) -> pl.DataFrame:
        """Give the sums of rows (in `amount`, as money) by owner, what is carried, and more."""
        money = _money()
        known = pl.when(money.count() > 0).then(money.sum())
        return rows.group_by(*self._carried, OWNER_ID, *more).agg(known.alias(AMOUNT))

    def share(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Give totals with what is in pools given to those who share it; what nobody shares stays."""
        known = rows.join(self.owners.select(OWNER_ID, "pool"), on=OWNER_ID)
        in_pool = pl.col("pool").is_not_null() & _MOVES
        yield self.total(known.filter(~in_pool))
        pooled = known.filter(in_pool)
        days = pooled.select(DAY).unique()
        totals: dict[tuple[str, ...], pl.DataFrame] = {}
        for name in sorted(pooled.get_column("pool").unique()):
            pool = self._plan.policy.pool(name)
            if pool.across not in totals:
                totals[pool.across] = self._direct(pool.across, days)
            weights = evened(totals[pool.across]) if pool.even else totals[pool.across]
            yield from self._share_pool(pooled.filter(pl.col("pool") == name), weights, pool.across)

    def _direct(self, across: tuple[str, ...], days: pl.DataFrame) -> pl.DataFrame:
        is_direct = (pl.col("cost_kind") == CostKind.DIRECT) & pl.col("pool").is_null()
        direct = self._plan.owners.filter(is_direct).join(participants(self._plan.owners, across), on=across)
        members = (
            self._plan.resources.select("dim_id", OWNER_ID)
            .join(direct.select(OWNER_ID, TARGET), on=OWNER_ID)
            .join(self._scope.select("dim_id", CURRENCY), on="dim_id")
            .select("dim_id", CURRENCY, TARGET)
        )
        return direct_totals(self._cells, members, self.cost, days)

    def _share_pool(
        self, members: pl.DataFrame, totals: pl.DataFrame, across: tuple[str, ...]
    ) -> Iterator[pl.DataFrame]:
        groups = members.select(DAY).unique(maintain_order=True).with_row_index(GROUP)
        grouped = members.join(groups, on=DAY, nulls_equal=True)
        weights = totals.join(groups, on=DAY).select(GROUP, TARGET, WEIGHT)
        left = grouped.join(weights, on=GROUP, how="anti")
        self.left.append(left.group_by("pool", *DAY).agg(_money().sum().alias(AMOUNT)))
        yield self.total(left)
        summed = [self.total(part, TARGET) for part in split_rows(grouped, weights)]
        if summed:
            yield self._take_over(pl.concat(summed), across)

    def _take_over(self, parts: pl.DataFrame, across: tuple[str, ...]) -> pl.DataFrame:
        """Give parts the owner they had, with the fields replaced by who takes part."""
        pairs = parts.select(OWNER_ID, TARGET).unique().sort(OWNER_ID, TARGET)
        named = pairs.join(self.owners, on=OWNER_ID).drop(across)
        named = named.join(participants(self._plan.owners, across), on=TARGET, maintain_order="left")
        new = named.with_row_index("new", offset=self.owners.height).with_columns(
            pl.lit(CostKind.SHARED).alias("cost_kind")
        )
        added = new.select(pl.col("new").alias(OWNER_ID), *OWNERS)
        self.owners = pl.concat([self.owners, added])
        ids = new.select(OWNER_ID, TARGET, "new")
        taken = parts.join(ids, on=[OWNER_ID, TARGET])
        return taken.select(*self._carried, pl.col("new").alias(OWNER_ID), AMOUNT)


def _money() -> pl.Expr:
    """Give what rows cost, as money: an amount that is too large raises, it never wraps."""
    return to_money(pl.col(AMOUNT)) * pl.col(COUNT).cast(pl.Decimal(PRECISION, 0))
