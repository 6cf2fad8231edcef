"""What idle hours cost: sums of what pods really cost in those hours, never a list price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from domain.charge import MONEY
from domain.money import stored

Key = tuple[str, ...]
_PARTS = ("cpu", "memory", "gpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What some hours cost.

    Attributes:
        currency: ISO code.
        total: of the hours whose cost is known; never negative.
        hours: how many those are, however many pods there were in them.
        of: how many hours there were.
    """

    currency: str
    total: Decimal
    hours: int
    of: int

    @property
    def per_hour(self) -> Decimal:
        """Give the average of an hour whose cost is known."""
        return stored(self.total / self.hours)

    @property
    def evidence(self) -> str:
        """Say of how many hours the cost is known."""
        return f"{self.hours:,} of {self.of:,} h"


_ALL = pl.lit(1.0)


def cost_of(
    hours: pl.DataFrame,
    costs: pl.DataFrame,
    keys: Sequence[str],
    *,
    at: Sequence[str] = ("cluster", "uid"),
    factor: pl.Expr = _ALL,
) -> Mapping[Key, Cost]:
    """Give what hours cost, by key; what has no known cost is not in it.

    Args:
        hours: `at`, `hour` and the keys.
        costs: `COST_HOURS`.
        keys: what the costs are summed by.
        at: what hours and costs are joined by, beside the hour.
        factor: which part of a cost counts (0 to 1, null where not known), of columns of both.
    """
    on, by = [*at, "hour"], list(keys)
    told = list(dict.fromkeys([*on, *keys]))
    asked = hours.unique(told, keep="first")
    wanted = [name for name in factor.meta.root_names() if name not in costs.columns]
    part = pl.col("factor").clip(0.0, 1.0).round(9).cast(MONEY)
    # A negative charge (a refund, a correction) is no waste and takes none away.
    known = (
        costs.filter(pl.col("cost") >= 0)
        .select(*on, "currency", "cost", *(name for name in _PARTS if name not in told))
        .join(asked.select(*told, *wanted), on=on)
        .with_columns(factor.alias("factor"))
        .filter(pl.col("factor").is_not_null())
        .with_columns((pl.col("cost") * part).cast(MONEY).alias("cost"))
    )
    sums = known.group_by(*by, "currency").agg(pl.col("cost").sum(), pl.col("hour").n_unique().alias("hours"))
    counts = asked.group_by(by).agg(pl.col("hour").n_unique().alias("of"))
    found: dict[Key, Cost] = {}
    rows = sums.join(counts, on=by, nulls_equal=True).sort("hours", "currency", descending=[True, False])
    for row in rows.iter_rows(named=True):
        found.setdefault(
            tuple(row[key] for key in keys),
            Cost(currency=row["currency"], total=row["cost"], hours=row["hours"], of=row["of"]),
        )
    return found
