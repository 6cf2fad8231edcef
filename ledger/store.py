"""A Delta table behind a small port: stage files, commit them, read a version, list the log.

Files are written first and are invisible until the commit that names them. A commit can
carry a guard: of two commits with one guard that started from the same version, the
second fails, also where neither removes a file of the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from domain.errors import StorageError
from ledger.failures import storage_errors
from ledger.files import Files, LocalFiles, ObjectFiles
from ledger.tables import TableSpec

if TYPE_CHECKING:
    from deltalake import DeltaTable

METADATA = "costd"
"""Key of our own entry in a commit's metadata."""

_RETRIES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A Parquet file that lies in a table's folder and that no commit names yet."""

    path: str
    size_bytes: int
    written_ms: int
    rows: int
    partition: dict[str, str]
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What a commit adds and takes away, and what its entry in the log says.

    Attributes:
        add: staged files that become part of the table.
        remove: (path, size) of files that stop being part of it, all of one partition.
        partition: the partition that `remove` belongs to.
        metadata: JSON text stored in the log entry.
        guard: two concurrent commits of one guard exclude each other; "" for none.
        at: time written to the log for removed files where none is added (UTC).
    """

    add: Sequence[StagedFile]
    metadata: str
    at: datetime
    remove: Sequence[tuple[str, int]] = ()
    partition: Mapping[str, str] | None = None
    guard: str = ""


class Table:
    """One Delta table in a local folder or an object store."""

    def __init__(self, spec: TableSpec, root: str, options: Mapping[str, str] | None = None) -> None:
        self.spec = spec
        self.uri = f"{root.rstrip('/')}/{spec.name}"
        self.options = dict(options or {})
        self.is_local = "://" not in root
        self.files: Files = (
            LocalFiles(Path(self.uri)) if self.is_local else ObjectFiles(self.uri, self.options)
        )

    def open(self, version: int | None = None) -> DeltaTable | None:
        """Load the table at a version (default: the newest), or None if there is no table yet.

        Raises:
            StorageError: the log cannot be read.
        """
        from deltalake import DeltaTable

        with storage_errors("read", self.uri):
            if not DeltaTable.is_deltatable(self.uri, self.options):
                return None
            return DeltaTable(self.uri, version=version, storage_options=self.options)

    def ensure(self) -> DeltaTable:
        """Load the table, created if there is none yet, with every column that it should have."""
        from deltalake import DeltaTable, Schema

        found = self.open()
        if found is not None:
            return self._widened(found)
        if self.is_local:
            Path(self.uri).mkdir(parents=True, exist_ok=True)
        with storage_errors("create", self.uri):
            made = DeltaTable.create(
                self.uri,
                Schema.from_arrow(pl.DataFrame(schema=self.spec.schema).to_arrow().schema),
                mode="ignore",
                partition_by=list(self.spec.partitions),
                configuration=self.spec.configuration,
                storage_options=self.options,
            )
        self.files.sync([_log_entry(0)])
        return made

    def _widened(self, table: DeltaTable) -> DeltaTable:
        from deltalake import Field
        from deltalake.schema import PrimitiveType

        present = {field.name for field in table.schema().fields}
        missing = [name for name in self.spec.schema if name not in present]
        if missing:
            # Only promoted tags come and go, and they are text.
            with storage_errors("widen", self.uri):
                table.alter.add_columns([Field(name, PrimitiveType("string")) for name in missing])
            self.files.sync([_log_entry(int(table.version()))])
        return table

    def stage(self, rows: pl.LazyFrame, partition: Mapping[str, str], name: str) -> StagedFile:
        """Write rows to a file of the table that no commit names yet, and read back what it holds."""
        folder = "/".join(f"{key}={partition[key]}" for key in self.spec.partitions)
        path = f"{folder}/{name}.parquet"
        try:
            with storage_errors("write", self.uri):
                written = self.files.write(path, rows.select(self.spec.columns))
        except StorageError:
            self.files.remove([path])
            raise
        ranged = self.spec.ranged
        bounds = (pl.col(ranged).min().alias("low"), pl.col(ranged).max().alias("high")) if ranged else ()
        found = self.read([path]).select(pl.len().alias("rows"), *bounds).collect().row(0, named=True)
        low, high = found.get("low"), found.get("high")
        return StagedFile(
            path=path,
            size_bytes=written.size_bytes,
            written_ms=written.at_ms,
            rows=found["rows"],
            partition=dict(partition),
            low="" if low is None else str(low),
            high="" if high is None else str(high),
        )

    def read(self, paths: Sequence[str]) -> pl.LazyFrame:
        """Scan files by path, committed or not; the partition's columns are not in them."""
        if not paths:
            return pl.LazyFrame(schema={name: self.spec.schema[name] for name in self.spec.columns})
        options = None if self.is_local else self.options
        return pl.scan_parquet([self.files.uri(path) for path in paths], storage_options=options)

    def scan(self, version: int | None = None) -> pl.LazyFrame:
        """Scan a committed version (default: the newest); without a table, no rows."""
        table = self.open(version)
        if table is None:
            return pl.LazyFrame(schema=self.spec.schema)
        return pl.scan_delta(table)

    def members(self, table: DeltaTable, partition: Mapping[str, str]) -> list[tuple[str, int]]:
        """List (path, size) of the files of one partition at the table's version."""
        with storage_errors("read", self.uri):
            actions = pl.DataFrame(table.get_add_actions(flatten=True))
        for name, value in partition.items():
            actions = actions.filter(pl.col(f"partition.{name}") == value)
        return list(actions.select("path", "size_bytes").iter_rows())

    def log(self, table: DeltaTable, limit: int) -> list[dict[str, Any]]:
        """List the newest commits up to the table's version, newest first."""
        with storage_errors("read", self.uri):
            return table.history(limit)

    def commit(self, table: DeltaTable, commit: Commit) -> None:
        """Make staged files part of the table in one durable step.

        `table` is the state that the commit was decided on: whatever was committed to the
        same guard since then makes it fail. It is at the newest version afterwards.

        Raises:
            ConflictError: somebody else committed to the guard meanwhile.
        """
        from deltalake import CommitProperties, Transaction

        self.files.sync([staged.path for staged in commit.add])
        decided_on = table.version()
        guards = [Transaction(commit.guard, decided_on + 1)] if commit.guard else None
        with storage_errors("write", self.uri):
            table.create_write_transaction(
                [*self._add_actions(commit), *self._remove_actions(commit)],
                "append",
                table.schema(),
                list(self.spec.partitions),
                commit_properties=CommitProperties(
                    custom_metadata={METADATA: commit.metadata},
                    app_transactions=guards,
                    max_commit_retries=_RETRIES,
                ),
            )
            table.update_incremental()
        self.files.sync([_log_entry(version) for version in range(decided_on + 1, table.version() + 1)])

    def _add_actions(self, commit: Commit) -> Iterator[Any]:
        from deltalake.transaction import AddAction

        ranged = self.spec.ranged
        for staged in commit.add:
            stats: dict[str, Any] = {"numRecords": staged.rows}
            if staged.low:
                stats["minValues"] = {ranged: staged.low}
                stats["maxValues"] = {ranged: staged.high}
                stats["nullCount"] = {ranged: 0}
            yield AddAction(
                staged.path, staged.size_bytes, staged.partition, staged.written_ms, True, json.dumps(stats)
            )

    def _remove_actions(self, commit: Commit) -> Iterator[Any]:
        from deltalake.transaction import RemoveAction

        # The store's own clock, as vacuum compares it; a simulated past would expire at once.
        moment = max((file.written_ms for file in commit.add), default=int(commit.at.timestamp() * 1000))
        for path, size in commit.remove:
            yield RemoveAction(path, True, moment, size, dict(commit.partition or {}))


def _log_entry(version: int) -> str:
    return f"_delta_log/{version:020d}.json"
