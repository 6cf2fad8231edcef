"""One frame of some batches of usage on its way into its table, in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import polars as pl

from domain.errors import ConflictError
from ledger.commit import Commit, Member, StagedFile
from ledger.record import new_id
from ledger.store import Table
from ledger.tables import OBJECTS

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from domain.usage import UsageBatch

THING = ("cluster", "kind", "namespace", "name", "uid")
"""What tells one object from another; a name that returns with another uid is another."""

MANY_FILES = 16
"""Files of one source's objects from which on they become one, with the newest state of each."""

_ATTEMPTS = 20
"""Commits tried while other sources commit; each of them lets one of us pass."""


class Put:
    """What a table gets of some batches of one source, all of which have its frame."""

    def __init__(self, table: Table, source: str, batches: Sequence[UsageBatch], seen_at: datetime) -> None:
        self._table = table
        self._name = table.spec.name
        self._source = source
        self._batches = batches
        self._at = seen_at

    def run(self, mark: str) -> None:
        """Commit the frame, again where others committed meanwhile."""
        for left in reversed(range(_ATTEMPTS)):
            opened = self._table.open()
            if opened is None:
                if not mark and all(batch.frames[self._name].is_empty() for batch in self._batches):
                    return
                opened = self._table.ensure()
            try:
                self._commit(opened, mark)
            except ConflictError:
                if not left:
                    raise
                continue
            return

    def _commit(self, opened: DeltaTable, mark: str) -> None:
        old: list[Member] = []
        staged: list[StagedFile] = []
        members: dict[tuple[tuple[str, str], ...], list[Member]] = {}
        for member in self._table.members(opened):
            members.setdefault(tuple(member.partition.items()), []).append(member)
        for place, batches in self._places().items():
            partition = dict(place)
            gone, rows = self._replacing(members.get(place, []), batches)
            old.extend(gone)
            if rows is not None:
                staged.append(self._table.stage(rows, partition, new_id(self._at)))
        if not (staged or old or mark):
            return
        commit = Commit(add=staged, remove=old, metadata=mark, at=self._at, guard=f"usage:{self._source}")
        try:
            self._table.commit(opened, commit)
        except ConflictError:
            self._table.files.remove(file.path for file in staged)
            raise

    def _places(self) -> dict[tuple[tuple[str, str], ...], list[UsageBatch]]:
        """Give the batches by the partition that they go to."""
        places: dict[tuple[tuple[str, str], ...], list[UsageBatch]] = {}
        for batch in self._batches:
            day = () if self._name == OBJECTS else (("day", day_of(batch.start)),)
            places.setdefault((("source", self._source), *day), []).append(batch)
        return places

    def _replacing(
        self, members: Sequence[Member], batches: Sequence[UsageBatch]
    ) -> tuple[Sequence[Member], pl.LazyFrame | None]:
        """Give the files that go and the rows that come, None for none."""
        if self._name == OBJECTS:
            return self._with_objects(members, [batch.frames[OBJECTS] for batch in batches])
        mine = reduce(or_, map(hours_of, batches))
        gone = []
        kept = [frame.lazy() for frame in self._frames(batches) if not frame.is_empty()]
        for member in members:
            rows = self._table.read([member.path])
            hit = rows.select(mine.sum()).collect().item()
            if hit:
                gone.append(member)
            if 0 < hit < member.rows:
                kept.append(rows.filter(~mine))
        return gone, pl.concat(kept).sort("hour") if kept else None

    def _frames(self, batches: Sequence[UsageBatch]) -> list[pl.DataFrame]:
        """Give the rows of each batch whose hours no later one has."""
        frames: list[pl.DataFrame] = []
        for at, batch in enumerate(batches):
            later = [one for one in batches[at + 1 :] if _overlap(batch, one)]
            frame = batch.frames[self._name]
            frames.append(frame.filter(~reduce(or_, map(hours_of, later))) if later else frame)
        return frames

    def _with_objects(
        self, members: Sequence[Member], frames: Sequence[pl.DataFrame]
    ) -> tuple[Sequence[Member], pl.LazyFrame | None]:
        fresh = [frame.lazy() for frame in frames if not frame.is_empty()]
        if not fresh:
            return [], None
        if len(members) < MANY_FILES:
            return [], newest(pl.concat(fresh))
        stored = self._table.read([member.path for member in members])
        return members, newest(pl.concat([stored, *fresh]))


def newest(objects: pl.LazyFrame) -> pl.LazyFrame:
    """Give of every object the state that was seen last."""
    place = [name for name in ("source",) if name in objects.collect_schema()]
    ordered = objects.sort("seen_at", nulls_last=False, maintain_order=True)
    return ordered.unique([*place, *THING], keep="last", maintain_order=True)


def hours_of(batch: UsageBatch) -> pl.Expr:
    """Give the condition that rows of the batch's cluster and hours meet."""
    hour = pl.col("hour")
    return (pl.col("cluster") == batch.cluster) & (hour >= batch.start) & (hour < batch.end)


def _overlap(one: UsageBatch, other: UsageBatch) -> bool:
    return one.cluster == other.cluster and one.start < other.end and other.start < one.end


def day_of(at: datetime) -> str:
    """Give the UTC day as partitions name it."""
    return f"{at:%Y-%m-%d}"
