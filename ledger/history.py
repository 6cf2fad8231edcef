"""The committed deliveries, read from the log of the charges table."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from ledger import record
from ledger.commit import METADATA
from ledger.record import Entry
from ledger.store import Table

if TYPE_CHECKING:
    from deltalake import DeltaTable


class History:
    """Reads the log once and, later, only what was added since; threads may share it."""

    def __init__(self, charges: Table) -> None:
        self._charges = charges
        self._lock = Lock()  # a daemon's jobs and requests share one ledger
        self._entries: list[Entry] = []
        self._read_to = -1

    def entries(self, table: DeltaTable | None = None) -> list[Entry]:
        """List the deliveries up to the version of `table` (default: the newest), oldest first.

        Raises:
            StorageError: the log or one of its deliveries cannot be read.
        """
        table = table or self._charges.open()
        if table is None:
            return []
        version = int(table.version())
        with self._lock:
            if version > self._read_to:
                commits = reversed(self._charges.log(table, version - self._read_to))
                self._entries += [
                    record.read(commit[METADATA], commit["version"])
                    for commit in commits
                    if METADATA in commit
                ]
                self._read_to = version
            return [entry for entry in self._entries if entry.delivery.version <= version]

    def latest(self, source: str, table: DeltaTable | None = None) -> dict[str, Entry]:
        """Give the newest delivery of every period of a source."""
        found = {}
        for entry in self.entries(table):
            if entry.delivery.source == source:
                found[entry.delivery.billing_period] = entry
        return found
