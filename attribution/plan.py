"""What a slice needs of the star: integer keys to group facts by, and the names behind them."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import polars as pl

from attribution.codes import numbered
from attribution.related import scopes
from attribution.sharing import Policy
from attribution.slices import Filter, Sharing, Slice
from attribution.star import CURRENCY, OWNERS, TIMES, Star, is_price, is_resource
from domain.window import Window, midnight

KEY = "key"
PRICE_KEY = "price_key"
PLACE = "place"
OWNER_ID = "owner_id"
_SHORT = "owner key"
_OUT = -1
"""Key of resources that a filter leaves out, or that are spread."""


class Plan:
    """One slice of one star, resolved once."""

    def __init__(self, star: Star, asked: Slice) -> None:
        """Sort dimensions and conditions by the table they belong to.

        Raises:
            ValueError: an unknown dimension.
        """
        self.star, self.asked = star, asked
        self.shown = tuple(dict.fromkeys([*asked.by, CURRENCY]))
        self.time_filters = [f for f in asked.where if f.dimension in TIMES]
        self.grouped = tuple(dict.fromkeys([*self.shown, *(f.dimension for f in self.time_filters)]))
        self._owner_filters = [f for f in asked.where if f.dimension in OWNERS]
        self._resource_filters: list[Filter] = []
        self._price_filters: list[Filter] = []
        for condition in asked.where:
            if _is_of_resource(condition.dimension):
                self._resource_filters.append(condition)
            elif condition.dimension not in (*OWNERS, *TIMES):
                self._price_filters.append(condition)
        names = [*self.grouped, *(f.dimension for f in asked.where)]
        unknown = [name for name in names if not _is_known(name)]
        if unknown:
            raise ValueError(f"no dimension is called {unknown[0]!r}")

    @property
    def policy(self) -> Policy:
        """Give how pools are shared."""
        return self.star.policy

    @property
    def times(self) -> list[str]:
        """Name the time dimensions to group by."""
        return [name for name in self.grouped if name in TIMES]

    @property
    def owner_names(self) -> list[str]:
        """Name the owner dimensions to group by."""
        return [name for name in self.grouped if name in OWNERS]

    @property
    def resource_names(self) -> list[str]:
        """Name the resource dimensions to group by."""
        return [name for name in self.grouped if _is_of_resource(name)]

    @property
    def joins_prices(self) -> bool:
        """Tell whether the price dimension is needed."""
        return bool(self._price_filters) or any(_is_of_price(name) for name in self.grouped)

    @cached_property
    def _owned(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        return numbered(self.star.ownership, OWNERS, OWNER_ID, sort=True)

    @property
    def owners(self) -> pl.DataFrame:
        """Give every distinct owner with its `owner_id`, in the order of their names.

        Ties of a split go by this order, so it may not depend on the order of resources.
        """
        return self._owned[1]

    @cached_property
    def scopes(self) -> pl.DataFrame:
        """Give what tax, support and credits share with the charges they follow."""
        return scopes(self.star.resources, self.star.ownership)

    @cached_property
    def resources(self) -> pl.DataFrame:
        """Give `dim_id`, `owner_id`, whether it is spread, whether it is kept, and its names."""
        wanted = [*self.resource_names, *(f.dimension for f in self._resource_filters)]
        names = self.star.resource_names(wanted)
        kept = pl.repeat(value=True, n=names.height, eager=True, dtype=pl.Boolean())
        for condition in self._resource_filters:
            kept &= condition.keeps(names.get_column(condition.dimension))
        spread_owners = self.owners.select(OWNER_ID, is_spread=self._is_spread())
        owned = self._owned[0].join(spread_owners, on=OWNER_ID)
        named = names.select("dim_id", *self.resource_names).with_columns(is_kept=kept)
        return named.join(owned, on="dim_id", how="left")

    def _is_spread(self) -> pl.Expr:
        pool = pl.col("pool")
        if not (self.owner_names or self._owner_filters):
            return pl.lit(False)  # who bears a cost changes no sum that does not tell owners apart
        if self.asked.sharing is Sharing.AFTER:
            return pool.is_not_null()
        return pool.is_in(sorted(self.policy.related)).fill_null(value=False)

    @cached_property
    def _keyed(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give the key of every resource, and the names of every key.

        Owners are numbered by what is asked of them first: there are few of them.
        """
        kept = self.kept_owners(self.owners).rename({OWNER_ID: "dim_id"})
        short, names = numbered(kept, self.owner_names, _SHORT)
        short = short.rename({"dim_id": OWNER_ID}).with_columns(pl.col(OWNER_ID).cast(pl.UInt32))
        stays = pl.col("is_kept") & ~pl.col("is_spread").fill_null(value=False)
        how: Literal["inner", "left"] = "inner" if self._owner_filters else "left"
        here = self.resources.filter(stays).join(short, on=OWNER_ID, how=how)
        ids, keys = numbered(here, [_SHORT, *self.resource_names], KEY)
        ids = ids.with_columns(pl.col(KEY).cast(pl.Int64))
        everybody = self.resources.select("dim_id").join(ids, on="dim_id", how="left")
        named = keys.join(names, on=_SHORT, how="left").with_columns(pl.col(KEY).cast(pl.Int64))
        return everybody.with_columns(pl.col(KEY).fill_null(_OUT)), named

    @property
    def join_prices(self) -> Literal["inner", "left"]:
        """Give how facts meet prices: one of an unknown price stays, unless a condition asks."""
        return "inner" if self._price_filters else "left"

    def kept_owners(self, owners: pl.DataFrame) -> pl.DataFrame:
        """Give the owners that the conditions keep."""
        for condition in self._owner_filters:
            owners = owners.filter(condition.keeps(owners.get_column(condition.dimension)))
        return owners

    @property
    def stay_keys(self) -> pl.DataFrame:
        """Give `dim_id` and key of every resource."""
        return self._keyed[0]

    @property
    def stay_names(self) -> pl.DataFrame:
        """Give the names behind every key."""
        return self._keyed[1]

    def staying(self, keyed: pl.LazyFrame) -> pl.LazyFrame:
        """Give the charges that stay; one of an unknown resource does, unless a condition asks."""
        stays = pl.col(KEY) != _OUT
        if self._resource_filters or self._owner_filters:
            return keyed.filter(stays)
        if _OUT not in self.stay_keys.get_column(KEY):
            return keyed  # most often: to copy every charge would cost a tenth of the whole sum
        return keyed.filter(stays.fill_null(value=True))

    @cached_property
    def _prices(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        names = [name for name in self.grouped if _is_of_price(name)]
        table = self.star.price_names([*names, *(f.dimension for f in self._price_filters)])
        for condition in self._price_filters:
            table = table.filter(condition.keeps(table.get_column(condition.dimension)))
        keys = table.select(names).unique(maintain_order=True) if names else pl.DataFrame({KEY: [0]})
        keys = keys.with_row_index(PRICE_KEY)
        if not names:
            return table.select("price_id", pl.lit(0, dtype=pl.UInt32()).alias(PRICE_KEY)), keys
        return table.join(keys, on=names, nulls_equal=True).select("price_id", PRICE_KEY), keys

    @property
    def price_keys(self) -> pl.DataFrame:
        """Give `price_id` and key of the prices that the conditions keep."""
        return self._prices[0]

    @property
    def price_names(self) -> pl.DataFrame:
        """Give the names behind every price key."""
        return self._prices[1]


def _is_of_resource(name: str) -> bool:
    return is_resource(name) and name not in (*OWNERS, *TIMES)


def _is_of_price(name: str) -> bool:
    return is_price(name) and name not in (*OWNERS, *TIMES)


def _is_known(name: str) -> bool:
    return name in OWNERS or name in TIMES or is_resource(name) or is_price(name)


def in_window(cells: pl.LazyFrame, asked: Slice) -> pl.LazyFrame:
    """Give the facts whose charge period starts in the window, of the billing months asked for."""
    if asked.billing_months is not None:
        cells = cells.filter(pl.col("billing_period").is_in(sorted(asked.billing_months)))
    if asked.window is not None:
        cells = cells.filter(_starts_in(asked.window))
    return cells


def _starts_in(window: Window) -> pl.Expr:
    if window.start == midnight(window.first_day) and window.end == midnight(window.end_day):
        return (pl.col("day") >= window.first_day) & (pl.col("day") < window.end_day)
    start = pl.col("ChargePeriodStart")
    return (start >= window.start) & (start < window.end)
