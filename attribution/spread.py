"""Charges that do not stay: each split exactly among those who take part.

Every single charge is split for itself, so what a share is does not depend on hours, months,
filters or files: any cut of a bill adds up to the whole. Equal charges of one day are split
once and counted. First tax, support and credits go to the owners they follow, then, if
sharing is asked for, what is in a pool goes to those who share it (`attribution.moves`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from attribution.codes import numbered
from attribution.largest_remainder import AMOUNT, to_units
from attribution.moves import COUNT, Moves
from attribution.plan import OWNER_ID, PLACE, PRICE_KEY, Plan, in_window
from attribution.related import SCOPE
from attribution.shared import DAY
from attribution.slices import Sharing, Slice
from attribution.star import CURRENCY, TIMES, Star
from attribution.weights import Weights
from domain.charge import MONEY

_MEMBER = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unshared:
    """Cost of a pool that stays there, because nobody had direct cost to share it by.

    Attributes:
        pool: its name.
        billing_period: `YYYY-MM`.
        day: UTC day of the charges.
        currency: ISO code.
        amount: what stays.
    """

    pool: str
    billing_period: str
    day: date
    currency: str
    amount: Decimal

    @property
    def reason(self) -> str:
        """Give why, one sentence."""
        return f"nobody has direct cost in {self.currency} on {self.day} to share {self.pool!r} by"


def spread(cells: pl.LazyFrame, plan: Plan) -> list[pl.LazyFrame]:
    """Give the charges that are spread, summed as the plan groups them; no frame if there are none."""
    return [_named(total, moves, here, plan).lazy() for total, moves, here in _spreads(cells, plan)]


def unshared(cells: pl.LazyFrame, star: Star, cost: str) -> list[Unshared]:
    """List what sharing leaves in pools of one cost column, in the order of pool and day."""
    plan = Plan(star, Slice(by=("pool",), costs=(cost,), sharing=Sharing.AFTER))
    left = [frame for _, moves, _ in _spreads(cells, plan) for frame in moves.left]
    rows = pl.concat(left).filter(pl.col(AMOUNT) != 0).sort("pool", *DAY) if left else pl.DataFrame()
    return [Unshared(**{**row, "currency": row[CURRENCY] or ""}) for row in rows.iter_rows(named=True)]


def _spreads(cells: pl.LazyFrame, plan: Plan) -> Iterator[tuple[pl.DataFrame, Moves, _Here]]:
    """Give per cost column the totals after everything changed hands, and how it did."""
    if not plan.resources.get_column("is_spread").any():
        return
    here = _Here(plan)
    rows = _charges(cells, plan, here.ids)
    weights = Weights(cells, plan, rows.select("billing_period", "day").unique())
    for cost in plan.asked.costs:
        groups = [name for name in rows.columns if name not in (*plan.asked.costs, COUNT)]
        counted = rows.group_by(*groups, to_units(pl.col(cost)).alias(AMOUNT)).agg(pl.col(COUNT).sum())
        moves = Moves(plan, weights, cost, _carried(plan))
        moved = moves.follow(counted.join(here.members, on=_MEMBER).drop(_MEMBER))
        shares = plan.asked.sharing is Sharing.AFTER
        totals = moves.share(moved) if shares else map(moves.total, moved)
        yield moves.merged(totals), moves, here


class _Here:
    """The resources whose charges are spread, by integer keys."""

    def __init__(self, plan: Plan) -> None:
        spread_here = plan.resources.filter("is_kept", "is_spread").join(plan.scopes, on="dim_id")
        places, self.places = numbered(spread_here, plan.resource_names, PLACE)
        members, self.members = numbered(spread_here, [OWNER_ID, *SCOPE], _MEMBER)
        self.ids = places.join(members, on="dim_id")


def _carried(plan: Plan) -> list[str]:
    return [PLACE, *([PRICE_KEY] if plan.joins_prices else []), *(_time(name) for name in plan.times)]


def _charges(cells: pl.LazyFrame, plan: Plan, ids: pl.DataFrame) -> pl.DataFrame:
    """Give the distinct charges that are spread, and how many there are of each."""
    facts = in_window(cells, plan.asked).select(
        "dim_id",
        "billing_period",
        "day",
        *(["price_id"] if plan.joins_prices else []),
        *(TIMES[name]().alias(_time(name)) for name in plan.times),
        *plan.asked.costs,
    )
    keyed = facts.join(ids.lazy(), on="dim_id", how="inner").drop("dim_id")
    if plan.joins_prices:
        keyed = keyed.join(plan.price_keys.lazy(), on="price_id", how=plan.join_prices).drop("price_id")
    return keyed.group_by(pl.all()).agg(pl.len().alias(COUNT)).collect(engine="streaming")


def _named(totals: pl.DataFrame, moves: Moves, here: _Here, plan: Plan) -> pl.DataFrame:
    kept = plan.kept_owners(moves.owners).select(OWNER_ID, *plan.owner_names)
    named = totals.join(kept, on=OWNER_ID).join(here.places, on=PLACE)
    if plan.joins_prices:
        named = named.join(plan.price_names, on=PRICE_KEY, how="left")
    times = (pl.col(_time(name)).alias(name) for name in plan.times)
    others = (pl.lit(None, dtype=MONEY).alias(name) for name in plan.asked.costs if name != moves.cost)
    return named.with_columns(*times, *others, pl.col(AMOUNT).alias(moves.cost)).select(
        *plan.grouped, *plan.asked.costs
    )


def _time(name: str) -> str:
    """Name a time to group by; the plain name is what shares are decided by."""
    return f"time.{name}"
