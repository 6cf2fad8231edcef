"""What part of the cost is asked for, and by what it is summed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from attribution.matching import matching
from attribution.tags import clean
from domain.charge import COSTS
from domain.window import Window


class Sharing(StrEnum):
    """Whether shared pools stand on their own or are spread over the owners."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition on a dimension.

    Attributes:
        dimension: name of the dimension.
        values: exact text, globs or `re:` regexes, as in rules; None is a missing value.
        negated: the values are the ones to leave out.
    """

    dimension: str
    values: tuple[str | None, ...]
    negated: bool = False

    def keeps(self, texts: pl.Series) -> pl.Series:
        """Tell per text whether the condition keeps it; never null."""
        text = clean(texts.cast(pl.String())).alias("text")
        patterns = [value for value in self.values if value is not None]
        kept = matching(pl.col("text"), patterns)
        if None in self.values:
            kept |= pl.col("text").is_null()
        return text.to_frame().select(~kept if self.negated else kept).to_series()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of the cost, and what it is summed by.

    Attributes:
        by: dimensions, in the order of the result's columns (`attribution.star`).
        costs: FOCUS cost columns to sum.
        sharing: shared pools on their own, or spread.
        where: conditions that all must hold. They apply to what sharing gave, so that a
            filter never changes what remains.
        window: charges whose period starts in it; None for all.
        billing_months: only these billing periods (`YYYY-MM`); None for all.
    """

    by: tuple[str, ...]
    costs: tuple[str, ...] = (COSTS["effective"],)
    sharing: Sharing = Sharing.BEFORE
    where: tuple[Filter, ...] = ()
    window: Window | None = None
    billing_months: frozenset[str] | None = None
