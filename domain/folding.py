"""Steps of five minutes folded into hours: request and usage compared step by step, the greater counts.

Averages of a longer window hide peaks, so that a day would be less than its hours. Folded in steps of
a fixed grid, hours add up to days and months, whatever the window asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import polars as pl

from domain.usage import HOUR, STEP


def greater(request: pl.Expr, used: pl.Expr) -> pl.Expr:
    """Give the greater of request and usage; one that was not measured (null, NaN) says nothing."""
    return pl.max_horizontal(request.fill_nan(None), used.fill_nan(None))


def fold(steps: pl.DataFrame, keys: Sequence[str], *, step: timedelta = STEP) -> pl.DataFrame:
    """Give per thing and hour what it requested, used and held, as amounts times hours.

    Args:
        steps: `keys`, `at` (a UTC instant on the grid, the step's begin), and `request` and `used` (cores,
            GiB or devices during that step; null where not measured). At most one row per thing and step.
        keys: what names a thing, such as cluster, node and uid.
        step: the length of a step.

    Returns:
        `keys`, `hour`, `request_hours`, `used_hours` and `hours` (the greater of the two in each step).
        Steps without a measurement add nothing; null where no step of the hour has one.
    """
    length = step / HOUR
    amounts = {
        "request_hours": pl.col("request").fill_nan(None),
        "used_hours": pl.col("used").fill_nan(None),
        "hours": greater(pl.col("request"), pl.col("used")),
    }
    sums = [_sum_of_known(amount * length).alias(name) for name, amount in amounts.items()]
    hour = pl.col("at").dt.truncate("1h").alias("hour")
    return steps.group_by(*keys, hour, maintain_order=True).agg(sums)


def _sum_of_known(amount: pl.Expr) -> pl.Expr:
    return pl.when(amount.count() > 0).then(amount.sum())
