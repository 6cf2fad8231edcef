"""What the ledger knows of clusters: hours of usage, charges split by them, and estimates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from ledger.split import Splits
from ledger.usage import UsageStore

if TYPE_CHECKING:
    from domain.delivery import Cursor
    from domain.usage import UsageBatch
    from ledger.history import History
    from ledger.splitting import Split, Splitting
    from ledger.store import Table


class ClusterLedger(ABC):
    """The part of `ChargeLedger` that clusters need; it implements the port `UsageLedger`."""

    def __init__(self, tables: Mapping[str, Table], history: History) -> None:
        self._usage = UsageStore(tables)
        self._splits = Splits(tables, history)

    @abstractmethod
    def charges(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the facts (`FACT_SCHEMA`) of committed deliveries."""

    def replace_usage(self, batch: UsageBatch, *, seen_at: datetime) -> None:
        """Store whole hours of a cluster, the cursor in the last of its commits.

        Raises:
            GateError: a frame holds rows of another cluster or of other hours.
        """
        self._usage.replace([batch], seen_at=seen_at)

    def replace_usages(self, batches: Sequence[UsageBatch], *, seen_at: datetime) -> None:
        """Store batches of one source together, with the last one's cursor; quicker than one by one.

        Raises:
            GateError: a frame holds rows of another cluster or of other hours.
        """
        self._usage.replace(batches, seen_at=seen_at)

    def usage(
        self,
        frame: str,
        *,
        clusters: Iterable[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.LazyFrame:
        """Give a frame of `domain.usage.FRAMES` by name, of the hours `[start, end)`, with its `source`.

        Objects have no hours: of each the newest state is given.
        """
        return self._usage.read(frame, clusters=clusters, start=start, end=end)

    def usage_cursor(self, source: str) -> Cursor:
        """Give what the collector stored with its last batch; empty before the first."""
        return self._usage.cursor(source)

    def usage_through(self, source: str) -> datetime | None:
        """Give the end of the last hour that a source's newest batch held; None before the first."""
        return self._usage.through(source)

    def usage_fingerprint(
        self, *, start: datetime, end: datetime, sources: Iterable[str] | None = None
    ) -> str:
        """Give a text that changes when hours of the UTC days of `[start, end)` do; "" without any."""
        return self._usage.fingerprint(start=start, end=end, sources=sources)

    def repair_usage(self, source: str, *, now: datetime) -> list[str]:
        """Let go of files of a source that a failing disk took, and say what is gone."""
        return self._usage.repair(source, now=now)

    def replace_split(
        self, splitting: Splitting, parts: Iterable[pl.DataFrame], *, seen_at: datetime
    ) -> Split:
        """Store the parts (`PART_SCHEMA`) of a period's charges, if they add up to them exactly.

        Raises:
            GateError: they do not.
            ConflictError: the delivery is not the current one.
        """
        return self._splits.replace(splitting, parts, seen_at=seen_at)

    def splits(self) -> dict[tuple[str, str], Split]:
        """Give by source and billing period what was split last, and for which delivery and usage."""
        return self._splits.splits()

    def split_of(self, source: str, period: str) -> str | None:
        """Give the delivery that a billing period was last split for, None if it never was."""
        found = self.splits().get((source, period))
        return found.delivery_id if found is not None else None

    def split_version(self) -> str:
        """Give a text that changes when parts or estimates do."""
        return self._splits.version()

    def replace_estimates(
        self,
        source: str,
        billing_period: str,
        rows: pl.DataFrame,
        *,
        seen_at: datetime,
        based_on: Mapping[str, str] | None = None,
    ) -> None:
        """Store estimates (`RAW_SCHEMA`, with `x_EstimatedUntil`) of a source of usage and a period.

        They count until the bill that each names is delivered anew: `based_on` says by the bill's source
        which delivery of the period they were made beside, by default the current one.
        """
        place = (source, billing_period)
        self._splits.replace_estimates(place, rows, based_on=based_on, seen_at=seen_at)

    def attributable(
        self, *, sources: Iterable[str] | None = None, periods: Iterable[str] | None = None
    ) -> pl.LazyFrame:
        """Give the facts (`FACT_SCHEMA`) that reports use: parts in place of what is split, and estimates.

        Without clusters they are the charges.
        """
        rows = self._splits.attributable()
        if rows is None:
            return self.charges(sources=sources, periods=periods)
        return narrowed(rows, sources, periods)


def narrowed(
    rows: pl.LazyFrame, sources: Iterable[str] | None, periods: Iterable[str] | None
) -> pl.LazyFrame:
    """Give the rows of these sources and billing periods."""
    if sources is not None:
        rows = rows.filter(pl.col("source").is_in(list(sources)))
    if periods is not None:
        rows = rows.filter(pl.col("billing_period").is_in(list(periods)))
    return rows
