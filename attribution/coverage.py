"""How much of the cost has an owner, and which resources to tag first."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

import polars as pl

from attribution.star import CURRENCY, Star
from attribution.sums import sums
from domain.allocation import OWNER_FIELDS
from domain.money import EXACT

_PLACE = ("source", "account", "resource", "cloud_service", CURRENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of one owner field is known in one currency.

    Attributes:
        field: team, service, model, environment or pull_request.
        currency: ISO code.
        owned: cost whose owner is known.
        pooled: cost without owner in shared pools, tax, support and credits; it finds its
            owners when it is shared.
        cost: all cost.
        owned_resources: resources that cost something and whose owner is known or that are pooled.
        resources: all resources that cost something.
    """

    field: str
    currency: str
    owned: Decimal
    pooled: Decimal
    cost: Decimal
    owned_resources: int
    resources: int

    @property
    def unowned(self) -> Decimal:
        """Give the cost that nobody owns and no pool takes."""
        with localcontext(EXACT):
            return self.cost - self.owned - self.pooled

    @property
    def share(self) -> Decimal | None:
        """Give the part of the cost that is owned or pooled, 0 to 1; None without cost."""
        if self.cost <= 0:
            return None
        with localcontext(EXACT):
            return min(max((self.owned + self.pooled) / self.cost, Decimal(0)), Decimal(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unowned:
    """A resource for somebody to tag.

    Attributes:
        resource: its id, else its name; "" for charges of no resource.
        source: name of the source.
        account: sub account or billing account.
        cloud_service: the cloud's product.
        currency: ISO code.
        cost: what it cost.
    """

    resource: str
    source: str
    account: str
    cloud_service: str
    currency: str
    cost: Decimal


def resource_totals(cells: pl.LazyFrame, cost: str) -> pl.DataFrame:
    """Give `dim_id` and the sum of one cost column; resources that never say this cost are left out."""
    totals = cells.select("dim_id", cost).group_by("dim_id").agg(sums([cost]))
    return totals.rename({cost: "cost"}).drop_nulls("cost").collect(engine="streaming")


def coverage(totals: pl.DataFrame, star: Star) -> list[Coverage]:
    """Give the score of every owner field in every currency, by cost and by resources.

    `totals` is what `resource_totals` gives; it does not depend on rules, so that one pass
    over the facts serves any number of what-ifs.
    """
    known = _known(totals, star)
    found: list[Coverage] = []
    for field in OWNER_FIELDS:
        has_owner, in_pool = pl.col(field).is_not_null(), pl.col("pool").is_not_null()
        scores = known.group_by(CURRENCY).agg(
            owned=pl.col("cost").filter(has_owner).sum(),
            pooled=pl.col("cost").filter(~has_owner & in_pool).sum(),
            cost=pl.col("cost").sum(),
            owned_resources=pl.struct(_PLACE)
            .filter((has_owner | in_pool) & (pl.col("cost") != 0))
            .n_unique(),
            resources=pl.struct(_PLACE).filter(pl.col("cost") != 0).n_unique(),
        )
        found += [
            Coverage(field=field, **{**row, "currency": row[CURRENCY] or ""})
            for row in scores.sort(CURRENCY).iter_rows(named=True)
        ]
    return found


def unowned(totals: pl.DataFrame, star: Star, *, field: str = "team", limit: int = 20) -> list[Unowned]:
    """List the resources that cost most and that nobody owns, per currency, biggest first.

    What is in a pool is not listed: it finds its owners when it is shared.
    """
    known = _known(totals, star).filter(pl.col(field).is_null(), pl.col("pool").is_null())
    biggest = (
        known.group_by(_PLACE)
        .agg(pl.col("cost").sum())
        .filter(pl.col("cost") > 0)
        .sort(CURRENCY, "cost", *_PLACE[:-1], descending=[False, True, False, False, False, False])
        .group_by(CURRENCY, maintain_order=True)
        .head(limit)
    )
    return [
        Unowned(**{name: row[name] or "" for name in _PLACE}, cost=row["cost"])
        for row in biggest.iter_rows(named=True)
    ]


def _known(totals: pl.DataFrame, star: Star) -> pl.DataFrame:
    places = star.resource_names(_PLACE)
    owners = star.ownership.select("dim_id", *OWNER_FIELDS, "pool")
    return totals.join(places, on="dim_id", how="left").join(owners, on="dim_id", how="left")
