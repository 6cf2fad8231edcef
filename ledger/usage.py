"""Hours of usage in Delta tables, one per frame of `domain.usage`, behind the port `UsageLedger`.

A batch's frames are committed one after the other; the one of nodes comes last and carries the
collector's cursor. A crash in between leaves the cursor where it was, so the same hours are collected
and replaced again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from domain.errors import ConflictError, GateError
from domain.usage import FRAMES, UsageBatch
from ledger.commit import Commit, Member
from ledger.logbook import Logbook, told
from ledger.record import new_id
from ledger.store import Table
from ledger.tables import OBJECTS

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from domain.delivery import Cursor

CARRIER = "node_hours"
"""The table that is committed last, with the cursor."""

ORDER = (*(name for name in sorted(FRAMES) if name != CARRIER), CARRIER)

THING = ("cluster", "kind", "namespace", "name", "uid")
"""What tells one object from another; a name that returns with another uid is another."""

MANY_FILES = 16
"""Files of one source's objects from which on they become one, with the newest state of each."""

_ATTEMPTS = 20
"""Commits tried while other sources commit; each of them lets one of us pass."""


class UsageStore:
    """The tables of usage."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = {name: tables[name] for name in FRAMES}
        self._marks = Logbook(tables[CARRIER], "source")

    def replace(self, batch: UsageBatch, *, seen_at: datetime) -> None:
        """Store whole hours of a cluster in place of what is there.

        Raises:
            GateError: a frame holds rows of another cluster or of other hours.
            StorageError: a table cannot be written.
            ConflictError: somebody else stores hours of the same source.
        """
        for name, frame in batch.frames.items():
            _refuse_strangers(batch, name, frame)
        mark = told(
            source=batch.source,
            cluster=batch.cluster,
            start=batch.start.isoformat(),
            end=batch.end.isoformat(),
            seen_at=seen_at.isoformat(),
            cursor=batch.cursor,
        )
        for name in ORDER:
            text = mark if name == CARRIER else ""
            if name in batch.frames or text:
                _Put(self._tables[name], batch, name, seen_at).run(text)

    def read(
        self,
        frame: str,
        *,
        clusters: Iterable[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.LazyFrame:
        """Give a frame's rows of the hours `[start, end)`, and their source; objects have no hours."""
        rows = self._tables[frame].scan()
        if clusters is not None:
            rows = rows.filter(pl.col("cluster").is_in(list(clusters)))
        if frame == OBJECTS:
            return newest(rows).select("source", *FRAMES[frame])
        if start is not None:
            rows = rows.filter(pl.col("day") >= _day(start), pl.col("hour") >= start)
        if end is not None:
            rows = rows.filter(pl.col("day") <= _day(end), pl.col("hour") < end)
        return rows.select("source", *FRAMES[frame])

    def cursor(self, source: str) -> Cursor:
        """Give what the collector stored with its last batch; empty before the first."""
        mark = self._marks.newest().get((source,))
        return dict(mark["cursor"]) if mark is not None else {}

    def through(self, source: str) -> datetime | None:
        """Give the end of the last hour that was stored; None before the first."""
        end = self._marks.newest().get((source,), {}).get("end")
        return None if end is None else datetime.fromisoformat(end)

    def fingerprint(self, *, start: datetime, end: datetime, sources: Iterable[str] | None = None) -> str:
        """Give a text that changes when hours of these UTC days do; labels are not looked at."""
        wanted = None if sources is None else set(sources)
        first, last = _day(start), _day(end - timedelta(microseconds=1))
        found = [
            f"{name}/{member.path}"
            for name, table in self._tables.items()
            if name != OBJECTS and (opened := table.open()) is not None
            for member in table.members(opened)
            if first <= member.partition["day"] <= last
            and (wanted is None or member.partition["source"] in wanted)
        ]
        return sha256("\n".join(sorted(found)).encode()).hexdigest() if found else ""

    def repair(self, source: str, *, now: datetime) -> list[str]:
        """Let go of files of a source that a failing disk took, and say of which days hours are gone.

        The source's cursor is emptied, so that what can be collected again is.
        """
        gone: dict[str, set[str]] = {}
        for name in ORDER:
            table = self._tables[name]
            opened = table.open() if table.is_local else None
            members = table.members(opened) if opened is not None else []
            mine = [member for member in members if member.partition["source"] == source]
            sizes = table.files.sizes(member.path for member in mine)
            lost = [member for member in mine if sizes.get(member.path) != member.size_bytes]
            if opened is not None and lost:
                gone[name] = {member.partition.get("day", "every day") for member in lost}
                table.commit(opened, Commit(add=[], remove=lost, metadata="", at=now))
        if gone:
            table = self._tables[CARRIER]
            mark = told(source=source, cursor={}, seen_at=now.isoformat())
            table.commit(table.ensure(), Commit(add=[], metadata=mark, at=now))
        return [f"files of {name} were missing or cut off: {_listed(days)}" for name, days in gone.items()]


class _Put:
    """One frame of one batch on its way into its table."""

    def __init__(self, table: Table, batch: UsageBatch, name: str, seen_at: datetime) -> None:
        self._table = table
        self._batch = batch
        self._frame = batch.frames.get(name)
        self._is_objects = name == OBJECTS
        self._at = seen_at
        self._place = {"source": batch.source}
        if not self._is_objects:
            self._place["day"] = _day(batch.start)

    def run(self, mark: str) -> None:
        """Commit the frame, again where others committed meanwhile."""
        for left in reversed(range(_ATTEMPTS)):
            opened = self._table.open()
            if opened is None:
                if not mark and (self._frame is None or self._frame.is_empty()):
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
        old, rows = self._replacing(opened)
        staged = [self._table.stage(rows, self._place, new_id(self._at))] if rows is not None else []
        if not (staged or old or mark):
            return
        guard = f"usage:{self._batch.source}"
        try:
            self._table.commit(
                opened, Commit(add=staged, remove=old, metadata=mark, at=self._at, guard=guard)
            )
        except ConflictError:
            self._table.files.remove(file.path for file in staged)
            raise

    def _replacing(self, opened: DeltaTable) -> tuple[Sequence[Member], pl.LazyFrame | None]:
        """Give the files that go and the rows that come, None for none."""
        if self._frame is None:
            return [], None
        members = self._table.members(opened, self._place)
        if self._is_objects:
            return self._with_objects(members)
        mine = _hours_of(self._batch)
        gone, kept = [], [self._frame.lazy()]
        for member in members:
            rows = self._table.read([member.path])
            hit = rows.select(mine.sum()).collect().item()
            if hit:
                gone.append(member)
            if 0 < hit < member.rows:
                kept.append(rows.filter(~mine))
        if self._frame.is_empty() and len(kept) == 1:
            return gone, None
        return gone, pl.concat(kept).sort("hour")

    def _with_objects(self, members: Sequence[Member]) -> tuple[Sequence[Member], pl.LazyFrame | None]:
        assert self._frame is not None  # noqa: S101  # asked before
        if self._frame.is_empty():
            return [], None
        if len(members) < MANY_FILES:
            return [], newest(self._frame.lazy())
        stored = self._table.read([member.path for member in members])
        return members, newest(pl.concat([stored, self._frame.lazy()]))


def newest(objects: pl.LazyFrame) -> pl.LazyFrame:
    """Give of every object the state that was seen last."""
    place = [name for name in ("source",) if name in objects.collect_schema()]
    ordered = objects.sort("seen_at", nulls_last=False, maintain_order=True)
    return ordered.unique([*place, *THING], keep="last", maintain_order=True)


def _hours_of(batch: UsageBatch) -> pl.Expr:
    hour = pl.col("hour")
    return (pl.col("cluster") == batch.cluster) & (hour >= batch.start) & (hour < batch.end)


def _refuse_strangers(batch: UsageBatch, name: str, frame: pl.DataFrame) -> None:
    mine = pl.col("cluster") == batch.cluster if name == OBJECTS else _hours_of(batch)
    strangers = frame.height - frame.select(mine.fill_null(value=False).sum()).item()
    if strangers:
        raise GateError(
            f"{name} of {batch.source} holds {strangers:,} rows that are not of {batch.cluster} between "
            f"{batch.start:%Y-%m-%d %H:%M} and {batch.end:%H:%M} UTC; nothing was replaced",
            hint="a collector must give whole hours of one cluster; please report this as a bug",
        )


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _listed(days: Iterable[str]) -> str:
    ordered = sorted(days)
    return f"{ordered[0]} to {ordered[-1]}" if len(ordered) > 1 else ordered[0]
