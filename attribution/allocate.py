"""The attribution kernel: facts joined with their owners, summed by what is asked for.

Two parts are added up. Charges that stay where they are (nearly all) go through one
streaming join and sum: facts carry the resource's id, the id carries an integer key, names
are joined to the sums. Charges that are spread (pool members, tax, support, credits) are
split one by one, exactly, in `attribution.spread`. Only joins and sums, as Spark has them.

Facts must hold whole billing periods: what is shared depends on all of a day's charges, so
windows and filters are given in the `Slice` and never applied to the facts beforehand.
"""

from __future__ import annotations

import polars as pl

from attribution.plan import KEY, PRICE_KEY, Plan, in_window
from attribution.slices import Filter, Slice
from attribution.spread import spread
from attribution.star import TIMES, Star, shown_time
from attribution.sums import sums

_DATES = frozenset({"day", "week", "month"})
_DAYS = 2**23
"""Room for every date that can be written, before and after 1970."""


def allocate(cells: pl.LazyFrame, star: Star, asked: Slice) -> pl.LazyFrame:
    """Give exact sums: `asked.by` in order, `currency`, one column per cost.

    A missing owner, or anything else unknown, is null. A sum is null where no charge has
    that cost: unknown is not 0. What stays plus what is spread is always what the facts sum
    to. Rows come in no order.

    Args:
        cells: facts (`FACT_SCHEMA`, or the daily cube) of whole billing periods.
        star: owners, resources and prices.
        asked: what to sum, by what, of which part.

    Raises:
        ValueError: an unknown dimension.
    """
    plan = Plan(star, asked)
    parts = [_stay(cells, plan), *spread(cells, plan)]
    whole = pl.concat(parts)
    for condition in plan.time_filters:
        whole = whole.filter(_keeps(condition))
    if len(parts) > 1 or plan.grouped != plan.shown:
        whole = whole.group_by(plan.shown).agg(sums(asked.costs))
    return whole.select(*(shown_time(name) if name in TIMES else name for name in plan.shown), *asked.costs)


def _stay(cells: pl.LazyFrame, plan: Plan) -> pl.LazyFrame:
    """Give the sums of the charges that stay with their own owner."""
    asked = plan.asked
    facts = in_window(cells, asked).select(
        "dim_id",
        *(["price_id"] if plan.joins_prices else []),
        *(TIMES[name]().alias(name) for name in plan.times),
        *asked.costs,
    )
    # a left join: a charge whose resource is unknown must show, as unknown, never vanish
    keyed = plan.staying(facts.join(plan.stay_keys.lazy(), on="dim_id", how="left"))
    if plan.joins_prices:
        keyed = keyed.join(plan.price_keys.lazy(), on="price_id", how=plan.join_prices)
        grouped = keyed.group_by(KEY, PRICE_KEY, *plan.times).agg(sums(asked.costs))
    elif len(plan.times) == 1 and plan.times[0] in _DATES:
        grouped = _by_key_and_date(keyed, plan)
    else:
        grouped = keyed.group_by(KEY, *plan.times).agg(sums(asked.costs))
    named = grouped.join(plan.stay_names.lazy(), on=KEY, how="left")
    if plan.joins_prices:
        named = named.join(plan.price_names.lazy(), on=PRICE_KEY, how="left")
    return named.select(*plan.grouped, *asked.costs)


def _by_key_and_date(keyed: pl.LazyFrame, plan: Plan) -> pl.LazyFrame:
    """Sum by key and date as one integer, which groups faster by a sixth than two columns."""
    (time,) = plan.times
    key = pl.col(KEY).fill_null(plan.stay_names.height)  # an unknown resource: no name has this key
    days = pl.col(time).to_physical().cast(pl.Int64) + _DAYS // 2
    grouped = keyed.group_by((key * _DAYS + days).alias("cell")).agg(sums(plan.asked.costs))
    date = (pl.col("cell") % _DAYS - _DAYS // 2).cast(pl.Int32).cast(pl.Date)
    return grouped.with_columns((pl.col("cell") // _DAYS).alias(KEY), date.alias(time)).drop("cell")


def _keeps(condition: Filter) -> pl.Expr:
    shown = shown_time(condition.dimension)
    return shown.map_batches(condition.keeps, return_dtype=pl.Boolean(), is_elementwise=True)
