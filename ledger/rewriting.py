"""The same rows in fewer files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from domain.errors import ConflictError
from ledger import record
from ledger.commit import Commit, Member

if TYPE_CHECKING:
    from ledger.store import Table

MANY_FILES = 8
"""Files of one partition from which on they are joined."""


def partitions(table: Table) -> list[tuple[dict[str, str], list[Member]]]:
    """Give the files of every partition."""
    opened = table.open()
    if opened is None:
        return []
    members = sorted(table.members(opened), key=lambda member: sorted(member.partition.items()))
    return [(dict(place), list(group)) for place, group in groupby(members, lambda m: m.partition)]


def rewrite(
    table: Table, place: dict[str, str], old: Sequence[Member], rows: pl.LazyFrame, now: datetime
) -> int:
    """Put rows in one file in place of several; give how many files were joined.

    Raises:
        StorageError: the table cannot be written.
    """
    staged = table.stage(rows, place, record.new_id(now))
    commit = Commit(add=[staged] if staged.rows else [], remove=old, metadata="", at=now, rewrites=True)
    opened = table.ensure()
    try:
        table.commit(opened, commit)
    except ConflictError:
        # Somebody else joined the same files; theirs are as good.
        table.files.remove([staged.path])
        return 0
    if not staged.rows:
        table.files.remove([staged.path])
    return len(old)
