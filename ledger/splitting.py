"""Parts of charges on their way into the ledger: interned, staged, and put in place of those before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from domain.allocation import PART_SCHEMA
from domain.charge import Star
from domain.errors import ConflictError, GateError
from ledger.commit import Commit, StagedFile
from ledger.cube import BY_DAY
from ledger.dimensions import Dimensions
from ledger.record import new_id
from ledger.staging import FLUSH_ROWS

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from ledger.store import Table

_ATTEMPTS = 20
"""Commits tried while others commit to other periods; each of them lets one of us pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What one billing period of a source was split for.

    Attributes:
        delivery_id: the delivery that was split; if it is no longer current, its parts do not count.
        usage: what the usage was, as whoever split it said; another text, and it is to be split anew.
        parents: distinct charges that were split.
        parts: into how many rows.
        seen_at: when (UTC).
    """

    delivery_id: str
    usage: str
    parents: int
    parts: int
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """What is to be split.

    Attributes:
        source, billing_period: of the charges.
        delivery_id: the delivery that was read.
        parents: `dim_id`, `ChargePeriodStart`, `price_id` of the charges that have parts.
        usage: what the usage was, kept for `Split.usage`.
    """

    source: str
    billing_period: str
    delivery_id: str
    parents: pl.DataFrame
    usage: str = ""

    @property
    def name(self) -> str:
        """Give it as people call it."""
        return f"{self.billing_period} of {self.source}"

    @property
    def place(self) -> dict[str, str]:
        """Give the partition of the parts."""
        return {
            "source": self.source,
            "billing_period": self.billing_period,
            "delivery_id": self.delivery_id,
        }


class Stage:
    """The parts of one billing period as files that no commit names yet."""

    def __init__(self, tables: Mapping[str, Table], place: Mapping[str, str], at: datetime) -> None:
        self.dimensions = Dimensions(tables, place["source"], (Star.RESOURCE,), at)
        self.files: list[StagedFile] = []
        self._table = tables["split_charges"]
        self._place = dict(place)
        self._at = at
        self._held: list[pl.DataFrame] = []

    def take(self, rows: pl.DataFrame) -> None:
        """Take some parts.

        Raises:
            GateError: they have another schema.
        """
        if rows.schema != PART_SCHEMA:
            raise GateError("parts of charges have another schema than domain.allocation gives them")
        facts = with_day(rows).with_columns(*self.dimensions.ids(rows))
        self._held.append(facts.select(self._table.spec.columns))
        if sum(frame.height for frame in self._held) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        held = pl.concat(self._held) if self._held else pl.DataFrame()
        self._held.clear()
        if held.height:
            ordered = held.sort(BY_DAY).lazy()
            self.files.append(self._table.stage(ordered, self._place, new_id(self._at)))

    def rows(self) -> pl.LazyFrame:
        """Read back what is staged, with the currency of every part."""
        staged = self._table.read([file.path for file in self.files])
        return staged.join(self.dimensions.currencies().lazy(), on="dim_id", how="left")

    def discard(self) -> None:
        """Delete what no commit took."""
        self._table.files.remove(file.path for file in self.files)


def with_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the UTC day of each row."""
    return rows.with_columns(day=pl.col("ChargePeriodStart").dt.date())


def replace_files(
    table: Table, place: Mapping[str, str], files: Sequence[StagedFile], text: str, at: datetime
) -> None:
    """Put files in place of all that a source and billing period has.

    Raises:
        ConflictError: somebody else replaces the same.
        StorageError: the table cannot be written.
    """
    guard = f"{table.spec.name}:{place['source']}/{place['billing_period']}"
    for left in reversed(range(_ATTEMPTS)):
        opened = table.ensure()
        old = [one for one in table.members(opened) if place.items() <= one.partition.items()]
        if not (old or files or text):
            return
        try:
            table.commit(opened, Commit(add=files, remove=old, metadata=text, at=at, guard=guard))
        except ConflictError:
            if not left:
                raise
            continue
        return


def whole_places(table: Table, opened: DeltaTable | None) -> list[dict[str, str]]:
    """Give the partitions of which every file is there; what is lost can be made again.

    An object store loses nothing, so there nothing is asked.
    """
    members = table.members(opened) if opened is not None else []
    sizes = table.files.sizes(one.path for one in members) if table.is_local else {}
    damaged = [one.partition for one in members if table.is_local and sizes.get(one.path) != one.size_bytes]
    places = {tuple(one.partition.items()): dict(one.partition) for one in members}
    return [place for place in places.values() if place not in damaged]
