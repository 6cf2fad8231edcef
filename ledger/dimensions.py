"""New rows of the two dimensions, for facts that costd makes itself: parts of charges, and estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from domain.charge import Star
from ledger import promotion
from ledger.commit import Commit
from ledger.intern import ID_OF, Interner
from ledger.record import new_id
from ledger.tables import CONTENT

if TYPE_CHECKING:
    from ledger.store import Table

_TABLE = {Star.RESOURCE: "resources", Star.PRICE: "prices"}


class Dimensions:
    """Gives rows of one source their ids, and adds what the dimensions lack."""

    def __init__(self, tables: Mapping[str, Table], source: str, stars: Sequence[Star], at: datetime) -> None:
        self._tables = {star: tables[_TABLE[star]] for star in stars}
        self._source = source
        self._at = at
        self._interners = {star: self._interner(star) for star in stars}

    def _interner(self, star: Star) -> Interner:
        stored = self._tables[star].scan().filter(pl.col("source") == self._source)
        keep = ("BillingCurrency",) if star is Star.RESOURCE else ()
        return Interner(star, self._source, stored.select(ID_OF[star], CONTENT).unique().collect(), keep=keep)

    def ids(self, rows: pl.DataFrame) -> list[pl.Series]:
        """Give a column of ids per dimension."""
        return [interner.intern(rows) for interner in self._interners.values()]

    def currencies(self) -> pl.DataFrame:
        """Give `dim_id` and `BillingCurrency` of every resource met."""
        return self._interners[Star.RESOURCE].met

    def commit(self) -> None:
        """Add the rows that are new; nothing points at them yet, so no harm is done if that is all.

        Raises:
            StorageError: a table cannot be written.
        """
        for star, interner in self._interners.items():
            if not interner.fresh_rows:
                continue
            table, fresh = self._tables[star], interner.take_fresh()
            if star is Star.RESOURCE:
                fresh = promotion.apply(fresh, table.spec)
            staged = table.stage(fresh.lazy(), {"source": self._source}, new_id(self._at))
            table.commit(table.ensure(), Commit(add=[staged], metadata="", at=self._at))
