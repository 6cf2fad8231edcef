"""How charges that are spread change hands: by following, then by sharing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from attribution.largest_remainder import AMOUNT, GROUP, TARGET, WEIGHT, split_rows, to_money
from attribution.plan import OWNER_ID, Plan
from attribution.related import SCOPE, find_leaders
from attribution.shared import DAY, evened, participants
from attribution.star import OWNERS
from attribution.sums import sums
from attribution.weights import Weights
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

    def __init__(self, plan: Plan, weights: Weights, cost: str, carried: list[str]) -> None:
        """Take what to share by, the cost column of the amounts, and what results keep."""
        self._plan, self._weights, self.cost, self._carried = plan, weights, cost, carried
        self.owners = plan.owners
        """Every owner with its `owner_id`; sharing adds some."""
        self.left: list[pl.DataFrame] = []
        """What sharing left in pools, as `pool`, the day (`shared.DAY`) and `amount` (money)."""

    def follow(self, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Give tax, support and credits to the owners of what they follow; same total, part by part."""
        pools = sorted(self._plan.policy.related)
        followers = self.owners.filter(pl.col("pool").is_in(pools)).get_column(OWNER_ID)
        follows = pl.col(OWNER_ID).is_in(followers.implode()) & _MOVES
        asks = rows.filter(follows)
        if not asks.height:
            yield rows
            return
        yield rows.filter(~follows)
        scope = [*SCOPE, "billing_period"]
        groups = asks.select(scope).unique(maintain_order=True).with_row_index(GROUP)
        weights, alone = find_leaders(groups, self._weights.related(self.cost))
        grouped = asks.join(groups, on=scope, nulls_equal=True)
        yield grouped.join(alone, on=GROUP, how="semi").select(rows.columns)
        for part in split_rows(grouped, weights):
            yield part.with_columns(pl.col(TARGET).alias(OWNER_ID)).select(rows.columns)

    def total(self, rows: pl.DataFrame, *more: str) -> pl.DataFrame:
        """Give the sums of rows (in `amount`, as money) by owner, what is carried, and more."""
        keys = [*self._carried, OWNER_ID, *more]
        costs = rows.lazy().select(*keys, _money().alias(AMOUNT))
        return costs.group_by(keys).agg(sums([AMOUNT])).collect(engine="streaming")

    def merged(self, totals: Iterable[pl.DataFrame]) -> pl.DataFrame:
        """Give totals of several parts as one, each owner and what is carried once."""
        every = pl.concat(list(totals))
        return every.lazy().group_by(*self._carried, OWNER_ID).agg(sums([AMOUNT])).collect(engine="streaming")

    def share(self, parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Give totals with what is in pools given to those who share it; what nobody shares stays.

        What is in no pool is summed at once, part by part: the parts of a following charge
        are as many as its leaders, and all of them together would fill the memory.
        """
        kept = []
        for rows in parts:
            known = rows.join(self.owners.select(OWNER_ID, "pool"), on=OWNER_ID)
            in_pool = pl.col("pool").is_not_null() & _MOVES
            yield self.total(known.filter(~in_pool))
            kept.append(known.filter(in_pool))
        pooled = pl.concat(kept)
        for name in sorted(pooled.get_column("pool").unique()):
            pool = self._plan.policy.pool(name)
            totals = self._weights.direct(pool.across, self.cost)
            weights = evened(totals) if pool.even else totals
            yield from self._share_pool(pooled.filter(pl.col("pool") == name), weights, pool.across)

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
