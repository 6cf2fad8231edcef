"""The ledger as it stood at one moment, so that a report never sees half of a delivery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from domain.delivery import Delivery
    from ledger.charges import ChargeLedger


class PinnedLedger:
    """What a report reads of the ledger: charges and deliveries of one version.

    Resources are committed before the charges that name them: owners read later than this
    was made know all of them.

    Args:
        ledger: what to read.
        deliveries: what is stored, looked at just before.
    """

    def __init__(self, ledger: ChargeLedger, deliveries: Sequence[Delivery]) -> None:
        self._ledger = ledger
        self._deliveries = list(deliveries)
        # polars keeps the version that it begins to scan
        self._charges, self._attributable = ledger.charges(), ledger.attributable()

    def is_whole(self) -> bool:
        """Tell whether nothing was delivered between looking at the deliveries and at the charges."""
        return self._ledger.deliveries() == self._deliveries

    def deliveries(self, *, since: datetime | None = None) -> list[Delivery]:
        """List committed deliveries, oldest first."""
        return [one for one in self._deliveries if since is None or one.seen_at >= since]

    def charges(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the facts of the deliveries."""
        return _narrowed(self._charges, sources, periods)

    def attributable(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the facts whose owners are told, as they were when this was made."""
        return _narrowed(self._attributable, sources, periods)

    def as_first_seen(self, at: datetime) -> pl.LazyFrame:
        """Give the daily cube as it was known at an instant; the past does not change."""
        return self._ledger.as_first_seen(at)


def _narrowed(
    rows: pl.LazyFrame, sources: Iterable[str] | None, periods: Iterable[str] | None
) -> pl.LazyFrame:
    if sources is not None:
        rows = rows.filter(pl.col("source").is_in(list(sources)))
    if periods is not None:
        rows = rows.filter(pl.col("billing_period").is_in(list(periods)))
    return rows
