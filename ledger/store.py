"""A Delta table behind a small port: stage files, commit them, read a version, list the log.

Files are written first and are invisible until the commit that names them. A commit can
carry a guard: of two commits with one guard that started from the same version, the
second fails, also where neither removes a file of the other.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from domain.errors import ConflictError, StorageError
from ledger.commit import METADATA, Commit, Member, StagedFile, actions
from ledger.failures import storage_errors
from ledger.files import Files, LocalFiles, ObjectFiles
from ledger.log_files import checkpoint, log_entry
from ledger.tables import TableSpec

if TYPE_CHECKING:
    from deltalake import DeltaTable

CHECKPOINT_EVERY = 20
"""Commits after which the log is summed up; opening a table reads those since."""

_RETRIES = 15


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

        try:
            with storage_errors("read", self.uri):
                if not DeltaTable.is_deltatable(self.uri, self.options):
                    return None
                return DeltaTable(self.uri, version=version, storage_options=self.options)
        except StorageError:
            self.refuse_torn()
            raise

    def refuse_torn(self) -> None:
        """Name the newest commit if only a part of it reached a local disk.

        Raises:
            StorageError: it did; what it would have stored was never acknowledged.
        """
        newest = max(Path(self.uri).glob("_delta_log/*.json"), default=None) if self.is_local else None
        if newest is not None and not _is_whole(newest):
            raise StorageError(
                f"the newest commit of the ledger table {self.uri} is torn: {newest}",
                hint=f"it was never acknowledged; `mv {newest} {newest}.torn`, then collect again",
            )

    def ensure(self) -> DeltaTable:
        """Load the table, created if there is none yet, with every column that it should have."""
        found = self.open()
        if found is not None:
            return self._widened(found)
        if self.is_local:
            Path(self.uri).mkdir(parents=True, exist_ok=True)
        try:
            made = self._created()
        except ConflictError:
            found = self.open()  # somebody else made it at the same moment
            if found is None:
                raise
            return found
        self.files.sync([log_entry(0)])
        return made

    def _created(self) -> DeltaTable:
        from deltalake import DeltaTable, Schema

        with storage_errors("create", self.uri):
            return DeltaTable.create(
                self.uri,
                Schema.from_arrow(pl.DataFrame(schema=self.spec.schema).to_arrow().schema),
                mode="ignore",
                partition_by=list(self.spec.partitions),
                configuration=self.spec.configuration,
                storage_options=self.options,
            )

    def _widened(self, table: DeltaTable) -> DeltaTable:
        from deltalake import Schema

        present = {field.name for field in table.schema().fields}
        missing = [name for name in self.spec.schema if name not in present]
        if missing:
            wanted = pl.DataFrame(schema={name: self.spec.schema[name] for name in missing})
            with storage_errors("widen", self.uri):
                table.alter.add_columns(Schema.from_arrow(wanted.to_arrow().schema).fields)
            self.files.sync([log_entry(int(table.version()))])
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
        """Scan files by path, committed or not; the partition's columns are not in them.

        What a file of an earlier version lacks is null, and what no longer exists is left out.
        """
        schema = {name: self.spec.schema[name] for name in self.spec.columns}
        if not paths:
            return pl.LazyFrame(schema=schema)
        return pl.scan_parquet(
            [self.files.uri(path) for path in paths],
            schema=schema,
            missing_columns="insert",
            extra_columns="ignore",
            storage_options=None if self.is_local else self.options,
        )

    def scan(self, version: int | None = None) -> pl.LazyFrame:
        """Scan a committed version (default: the newest); without a table, no rows."""
        return self.rows_of(self.open(version))

    def rows_of(self, table: DeltaTable | None) -> pl.LazyFrame:
        """Scan the version that was opened; without a table, no rows."""
        if table is None:
            return pl.LazyFrame(schema=self.spec.schema)
        rows = pl.scan_delta(table)
        present = rows.collect_schema()
        # An earlier version wrote the table without these; the next commit adds them.
        missing = {name: dtype for name, dtype in self.spec.schema.items() if name not in present}
        return rows.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in missing.items())

    def members(self, table: DeltaTable, partition: Mapping[str, str] | None = None) -> list[Member]:
        """List the files of the table's version, all or those of one partition."""
        with storage_errors("read", self.uri):
            actions = pl.DataFrame(table.get_add_actions(flatten=True))
        found = []
        for row in actions.iter_rows(named=True):
            place = {name: row[f"partition.{name}"] for name in self.spec.partitions}
            if partition is None or place == partition:
                written_at = datetime.fromtimestamp(row["modification_time"] / 1000, UTC)
                found.append(
                    Member(
                        path=row["path"],
                        size_bytes=row["size_bytes"],
                        rows=row["num_records"],
                        written_at=written_at,
                        partition=place,
                    )
                )
        return found

    def vacuum(self, grace: timedelta, keep: Sequence[int]) -> int:
        """Delete files older than `grace` that neither the newest version nor `keep` names."""
        table = self.open()
        if table is None:
            return 0
        hours = -(-int(grace.total_seconds()) // 3600)
        with storage_errors("clean", self.uri):
            # Only asked, never told to delete: it would name files long gone, and write to the log.
            unused = table.vacuum(
                retention_hours=hours,
                dry_run=True,
                enforce_retention_duration=False,
                full=True,
                keep_versions=list(keep) or None,
            )
            there = self.files.sizes(unused)
        self.files.remove(there)
        return len(there)

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
        from deltalake import CommitProperties, PostCommitHookProperties, Transaction

        self.files.sync([staged.path for staged in commit.add])
        decided_on = table.version()
        guards = [Transaction(commit.guard, decided_on + 1)] if commit.guard else None
        with storage_errors("write", self.uri):
            table.create_write_transaction(
                actions(commit, self.spec.ranged),
                "append",
                table.schema(),
                list(self.spec.partitions),
                commit_properties=CommitProperties(
                    custom_metadata={METADATA: commit.metadata},
                    app_transactions=guards,
                    max_commit_retries=_RETRIES,
                ),
                # Made below, after the commit is durable; and the log is never cleaned.
                post_commithook_properties=PostCommitHookProperties(
                    create_checkpoint=False, cleanup_expired_logs=False
                ),
            )
            table.update_incremental()
        self.files.sync([log_entry(version) for version in range(decided_on + 1, table.version() + 1)])
        if decided_on // CHECKPOINT_EVERY < table.version() // CHECKPOINT_EVERY:
            self._checkpoint(table)

    def _checkpoint(self, table: DeltaTable) -> None:
        """Sum up the log, so that opening the table stays quick; it can do without."""
        from deltalake.exceptions import DeltaError

        with contextlib.suppress(DeltaError, OSError):
            table.create_checkpoint()
            made = checkpoint(table.version())
            self.files.sync(self.files.sizes([made, "_delta_log/_last_checkpoint"]))


def _is_whole(entry: Path) -> bool:
    lines = entry.read_bytes().splitlines()
    try:
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines)
    except ValueError:
        return False
