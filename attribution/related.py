"""Tax, support and credits follow the charges they belong to.

What nobody owns of them goes to the owners of the charges of the same source, billing
period, currency, and, where it has them, account and service: by those charges' cost over
the whole billing period, because a tax line stands for the period and not for its day. Where
the service has no cost, the account decides. Support follows the account alone: it is a
product of its own. What finds no related cost stays in its pool, shared like any other.

An owner here is a whole one (team, service, … and cost kind), so that the tax on idle
capacity is idle and the tax on a pool's member is shared with that pool. Related charges
that nobody owns take their part too: tax on an unallocated charge is unallocated.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from attribution.codes import numbered
from attribution.kinds import FOLLOWERS
from domain.charge import CHARGE_CATEGORIES

SCOPE = ("source", "currency", "account", "cloud")
"""What a charge must share with those it follows; `cloud` is the cloud's service."""
_RELATED = tuple(name for name in CHARGE_CATEGORIES if name not in {"Tax", "Credit"})


def scopes(resources: pl.DataFrame, ownership: pl.DataFrame) -> pl.DataFrame:
    """Give per resource `dim_id`, its scope, and whether others may follow it (`leads`).

    Support has no service to follow, and neither tax nor credits nor support lead.
    """
    pools = resources.select("dim_id").join(
        ownership.select("dim_id", "pool"), on="dim_id", how="left", maintain_order="left"
    )
    pool = pl.col("pool").fill_null("")
    return resources.with_columns(pools.get_column("pool")).select(
        "dim_id",
        "source",
        pl.col("BillingCurrency").alias("currency"),
        pl.col("SubAccountId").alias("account"),
        pl.when(pool != "support").then(pl.col("ServiceName")).alias("cloud"),
        leads=pl.col("ChargeCategory").is_in(_RELATED).fill_null(value=False) & ~pool.is_in(FOLLOWERS),
    )


def related_totals(cells: pl.LazyFrame, leaders: pl.DataFrame, cost: str, periods: pl.Series) -> pl.DataFrame:
    """Give what every owner's charges cost in every scope and billing period.

    Leaders may be as many as resources: one cost at a time, and keys of fixed width, keep
    the sums small while they grow.

    Args:
        cells: facts of whole billing periods.
        leaders: `dim_id`, scope and `owner_id` of every resource that others may follow.
        cost: cost column.
        periods: distinct billing periods that are needed.

    Returns:
        scope, `billing_period`, `owner_id`, and the sum of the cost.
    """
    ids, groups = numbered(leaders, [*SCOPE, "owner_id"], "leader")
    sums = (
        cells.filter(pl.col("billing_period").is_in(periods.implode()))
        .select("dim_id", pl.col("billing_period").cast(pl.Enum(periods)), cost)
        .join(ids.lazy(), on="dim_id", how="inner")
        .group_by("leader", "billing_period")
        .agg(pl.col(cost).sum())
        .collect(engine="streaming")
    )
    named = sums.with_columns(pl.col("billing_period").cast(pl.String))
    return named.join(groups, on="leader").drop("leader")


def find_leaders(followers: pl.DataFrame, totals: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Find whom every follower follows.

    Args:
        followers: distinct scope and `billing_period`, with the `group` they are known by.
        totals: scope, `billing_period`, `owner_id` and `weight`.

    Returns:
        `group`, `target` (an `owner_id`) and `weight` of those that found somebody, and the
        followers that found nobody.
    """
    open_groups, found = followers, []
    for keys, applies in _widths():
        asking = open_groups.filter(applies)
        weights = (
            totals.group_by("billing_period", "owner_id", *keys)
            .agg(pl.col("weight").sum())
            .filter(pl.col("weight") > 0)
        )
        met = asking.join(weights, on=["billing_period", *keys], how="inner").select(
            "group", pl.col("owner_id").alias("target"), "weight"
        )
        found.append(met)
        open_groups = open_groups.join(met.select("group").unique(), on="group", how="anti")
    return pl.concat(found), open_groups


def _widths() -> Iterator[tuple[list[str], pl.Expr]]:
    """Give scopes from narrow to wide, each with the followers that may use it."""
    account, cloud = pl.col("account").is_not_null(), pl.col("cloud").is_not_null()
    yield ["source", "currency", "account", "cloud"], account & cloud
    yield ["source", "currency", "account"], account
    yield ["source", "currency", "cloud"], ~account & cloud
    yield ["source", "currency"], ~account
