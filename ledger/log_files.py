"""The files of a table's log: which there are, which are needed, and which may go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ledger.failures import storage_errors

if TYPE_CHECKING:
    from ledger.store import Table


def log_entry(version: int) -> str:
    """Name the file of a version in the log."""
    return f"_delta_log/{version:020d}.json"


def checkpoint(version: int) -> str:
    """Name the file that sums up the log as of a version."""
    return f"_delta_log/{version:020d}.checkpoint.parquet"


def first_entry(table: Table) -> int:
    """Give the version from which on the log is needed; a checkpoint sums up what came before.

    Whoever wants the log of a version asks this first and opens the version then.

    Raises:
        StorageError: the log cannot be read.
    """
    path = "_delta_log/_last_checkpoint"
    if table.spec.lasting or not table.files.sizes([path]):
        return 0
    with storage_errors("read", table.uri), table.files.open(path) as file:
        return int(json.loads(file.read())["version"])


def trim(table: Table) -> None:
    """Delete what the log need not keep: entries that are old and summed up, unless it is a history.

    Raises:
        StorageError: the log cannot be read or written.
    """
    opened = None if table.spec.lasting else table.open()
    if opened is not None:
        with storage_errors("clean", table.uri):
            opened.cleanup_metadata()
