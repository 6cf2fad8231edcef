"""What each key of the ledger's two dimensions is called: small frames to join cells with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from attribution.star import CURRENCY, Star
from daemon.dimensions import Place, dimension


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How cells are named.

    Attributes:
        by: the dimensions, in order.
        resources: `dim_id`, `currency` and the dimensions of resources and owners.
        prices: `price_id` and the dimensions of prices; None where none was asked for.
    """

    by: tuple[str, ...]
    resources: pl.DataFrame
    prices: pl.DataFrame | None = None

    def of(self, cells: pl.LazyFrame) -> pl.LazyFrame:
        """Give cells with their names beside them."""
        named = cells.join(self.resources.lazy(), on="dim_id", how="left")
        if self.prices is not None:
            named = named.join(self.prices.lazy(), on="price_id", how="left")
        return named


def labels_of(star: Star, by: Sequence[str]) -> Labels:
    """Give the names of some dimensions; times are in the cells themselves."""
    found = {place: [name for name in by if dimension(name).place is place] for place in Place}
    resources = star.resource_names([CURRENCY, *found[Place.RESOURCE]])
    if found[Place.OWNER]:
        owners = star.ownership.select("dim_id", *found[Place.OWNER])
        resources = resources.join(owners, on="dim_id", how="left", validate="1:1")
    prices = star.price_names(found[Place.PRICE]) if found[Place.PRICE] else None
    return Labels(by=tuple(by), resources=resources, prices=prices)
