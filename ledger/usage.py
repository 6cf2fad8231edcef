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

from domain.errors import GateError
from domain.usage import FRAMES, UsageBatch
from ledger.commit import Commit
from ledger.logbook import Logbook, told
from ledger.store import Table
from ledger.tables import OBJECTS
from ledger.usage_put import Put, day_of, hours_of, newest

if TYPE_CHECKING:
    from domain.delivery import Cursor

CARRIER = "node_hours"
"""The table that is committed last, with the cursor."""

ORDER = (*(name for name in sorted(FRAMES) if name != CARRIER), CARRIER)


class UsageStore:
    """The tables of usage."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = {name: tables[name] for name in FRAMES}
        self._marks = Logbook(tables[CARRIER], "source")

    def replace(self, batches: Sequence[UsageBatch], *, seen_at: datetime) -> None:
        """Store whole hours of one source in place of what is there; of one hour the last batch counts.

        Raises:
            GateError: a frame holds rows of another cluster or of other hours.
            StorageError: a table cannot be written.
            ConflictError: somebody else stores hours of the same source.
        """
        for batch in batches:
            for name, frame in batch.frames.items():
                _refuse_strangers(batch, name, frame)
        last = batches[-1]
        mark = told(
            source=last.source,
            cluster=last.cluster,
            start=last.start.isoformat(),
            end=last.end.isoformat(),
            seen_at=seen_at.isoformat(),
            cursor=last.cursor,
        )
        for name in ORDER:
            text = mark if name == CARRIER else ""
            mine = [batch for batch in batches if name in batch.frames]
            if mine or text:
                Put(self._tables[name], last.source, mine, seen_at).run(text)

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
            rows = rows.filter(pl.col("day") >= day_of(start), pl.col("hour") >= start)
        if end is not None:
            rows = rows.filter(pl.col("day") <= day_of(end), pl.col("hour") < end)
        return rows.select("source", *FRAMES[frame])

    def cursor(self, source: str) -> Cursor:
        """Give what the collector stored with its last batch; empty before the first."""
        mark = self._marks.latest(source)
        return dict(mark["cursor"]) if mark is not None else {}

    def through(self, source: str) -> datetime | None:
        """Give the end of the last hour that was stored; None before the first."""
        end = (self._marks.latest(source) or {}).get("end")
        return None if end is None else datetime.fromisoformat(end)

    def fingerprint(self, *, start: datetime, end: datetime, sources: Iterable[str] | None = None) -> str:
        """Give a text that changes when hours of these UTC days do; labels are not looked at."""
        wanted = None if sources is None else set(sources)
        first, last = day_of(start), day_of(end - timedelta(microseconds=1))
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


def _refuse_strangers(batch: UsageBatch, name: str, frame: pl.DataFrame) -> None:
    mine = pl.col("cluster") == batch.cluster if name == OBJECTS else hours_of(batch)
    strangers = frame.height - frame.select(mine.fill_null(value=False).sum()).item()
    if strangers:
        raise GateError(
            f"{name} of {batch.source} holds {strangers:,} rows that are not of {batch.cluster} between "
            f"{batch.start:%Y-%m-%d %H:%M} and {batch.end:%H:%M} UTC; nothing was replaced",
            hint="a collector must give whole hours of one cluster; please report this as a bug",
        )


def _listed(days: Iterable[str]) -> str:
    ordered = sorted(days)
    return f"{ordered[0]} to {ordered[-1]}" if len(ordered) > 1 else ordered[0]
