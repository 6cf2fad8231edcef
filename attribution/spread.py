"""Charges that do not stay: each split exactly among those who take part.

Every single charge is split for itself, so what a share is does not depend on hours, months,
filters or files: any cut of a bill adds up to the whole. Equal charges of one day are split
once and counted. First tax, support and credits go to the owners they follow, then, if
sharing is asked for, what is in a pool goes to those who share it (`attribution.moves`).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from attribution.largest_remainder import AMOUNT, to_units
from attribution.moves import COUNT, Moves
from attribution.plan import OWNER_ID, PLACE, PRICE_KEY, Plan, in_window
from attribution.related import SCOPE, scopes
from attribution.slices import Sharing
from attribution.star import TIMES
from domain.charge import MONEY

_MEMBER = "member"


def spread(cells: pl.LazyFrame, plan: Plan) -> list[pl.LazyFrame]:
    """Give the charges that are spread, summed as the plan groups them; no frame if there are none."""
    return (
        [part.lazy() for part in _parts(cells, plan)] if plan.resources.get_column("is_spread").any() else []
    )


def _parts(cells: pl.LazyFrame, plan: Plan) -> Iterator[pl.DataFrame]:
    """Give per cost column the sums of its parts; the other costs are null there."""
    here = plan.resources.filter("is_kept", "is_spread").join(
        scopes(plan.star.resources, plan.star.ownership), on="dim_id"
    )
    places = here.select(plan.resource_names).unique(maintain_order=True).with_row_index(PLACE)
    members = here.select(OWNER_ID, *SCOPE).unique(maintain_order=True).with_row_index(_MEMBER)
    ids = (
        here.join(places, on=plan.resource_names, nulls_equal=True)
        .join(members, on=[OWNER_ID, *SCOPE], nulls_equal=True)
        .select("dim_id", PLACE, _MEMBER)
    )
    rows = _charges(cells, plan, ids)
    carried = [PLACE, *([PRICE_KEY] if plan.joins_prices else []), *(_time(name) for name in plan.times)]
    for cost in plan.asked.costs:
        groups = [name for name in rows.columns if name not in (*plan.asked.costs, COUNT)]
        counted = rows.group_by(*groups, to_units(pl.col(cost)).alias(AMOUNT)).agg(pl.col(COUNT).sum())
        moves = Moves(cells, plan, cost, carried)
        moved = moves.follow(counted.join(members, on=_MEMBER).drop(_MEMBER))
        shares = plan.asked.sharing is Sharing.AFTER
        totals = pl.concat(list(moves.share(moved)) if shares else [moves.total(moved)])
        yield _named(totals, moves.owners, places, plan, cost)


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


def _named(
    totals: pl.DataFrame, owners: pl.DataFrame, places: pl.DataFrame, plan: Plan, cost: str
) -> pl.DataFrame:
    kept = plan.kept_owners(owners).select(OWNER_ID, *plan.owner_names)
    named = totals.join(kept, on=OWNER_ID).join(places, on=PLACE)
    if plan.joins_prices:
        named = named.join(plan.price_names, on=PRICE_KEY, how="left")
    times = (pl.col(_time(name)).alias(name) for name in plan.times)
    others = (pl.lit(None, dtype=MONEY).alias(name) for name in plan.asked.costs if name != cost)
    return named.with_columns(*times, *others, pl.col(AMOUNT).alias(cost)).select(
        *plan.grouped, *plan.asked.costs
    )


def _time(name: str) -> str:
    """Name a time to group by; the plain name is what shares are decided by."""
    return f"time.{name}"
