"""What a commit is made of: staged files that join a table, files that leave it, a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deltalake.transaction import AddAction, RemoveAction

METADATA = "costd"
"""Key of our own entry in a commit's metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A Parquet file that lies in a table's folder and that no commit names yet."""

    path: str
    size_bytes: int
    written_ms: int
    rows: int
    partition: Mapping[str, str]
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file that a version of a table consists of."""

    path: str
    size_bytes: int
    rows: int
    written_at: datetime
    partition: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What a commit adds and takes away, and what its entry in the log says.

    Attributes:
        add: staged files that become part of the table.
        remove: files that stop being part of it.
        metadata: JSON text stored in the log entry.
        guard: two concurrent commits of one guard exclude each other; "" for none.
        rewrites: the same rows in other files; a reader of changes need not look.
        at: time written to the log for removed files where none is added (UTC).
    """

    add: Sequence[StagedFile]
    metadata: str
    at: datetime
    remove: Sequence[Member] = ()
    guard: str = ""
    rewrites: bool = False


def actions(commit: Commit, ranged: str) -> list[AddAction | RemoveAction]:
    """Give the log's actions; `ranged` names the column whose least and greatest value it keeps."""
    from deltalake.transaction import AddAction, RemoveAction

    changes = not commit.rewrites
    added = [
        AddAction(file.path, file.size_bytes, file.partition, file.written_ms, changes, _stats(file, ranged))
        for file in commit.add
    ]
    # The store's own clock, as vacuum compares it; a simulated past would expire at once.
    moment = max((file.written_ms for file in commit.add), default=int(commit.at.timestamp() * 1000))
    removed = [
        RemoveAction(member.path, changes, moment, member.size_bytes, {**member.partition})
        for member in commit.remove
    ]
    return [*added, *removed]


def _stats(file: StagedFile, ranged: str) -> str:
    stats: dict[str, Any] = {"numRecords": file.rows}
    if file.low:
        stats["minValues"] = {ranged: file.low}
        stats["maxValues"] = {ranged: file.high}
        stats["nullCount"] = {ranged: 0}
    return json.dumps(stats)
