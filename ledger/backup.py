"""`costd backup` and `costd restore`: both stores in one archive, and back.

An archive holds the newest committed version of every table with the whole log, which is
the history, and the rows of the state database. Never in it: the configuration, secrets,
sessions, and the earlier full versions of a period.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from domain.errors import StorageError, UsageError
from ledger import archive, dump
from ledger.charges import ChargeLedger
from ledger.database import HEAD
from ledger.log_files import checkpoint, first_entry, log_entry
from ledger.state import State
from ledger.store import Table

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What a backup holds."""

    path: Path
    size_bytes: int
    files: int
    deliveries: int
    state_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One member to be: where it lies and how large it is."""

    table: Table
    path: str
    size_bytes: int

    @property
    def name(self) -> str:
        return f"ledger/{self.table.spec.name}/{self.path}"


def backup(
    ledger: ChargeLedger, state: State, target: Path, *, now: datetime, force: bool = False
) -> Archived:
    """Write the ledger and the state into one archive; it appears only when it is whole.

    Raises:
        UsageError: the target exists and is not to be overwritten.
        StorageError: something cannot be read or written.
    """
    if target.exists() and not force:
        raise UsageError(f"{target} exists", hint="choose another name, or say --force to overwrite it")
    parts, deliveries = _parts(ledger)
    with ExitStack() as stack:
        lines = stack.enter_context(_dumped(state))
        sizes = {part.name: part.size_bytes for part in parts}
        sizes |= {f"state/{name}.jsonl": file.tell() for name, (file, _) in lines.items()}
        rows = sum(count for _, count in lines.values())
        about: dict[str, Any] = {
            "made_at": now.isoformat(),
            "deliveries": deliveries,
            "state_version": HEAD,
            "state_rows": rows,
        }
        with _appearing(target) as stream:
            writer = archive.Writer(stream, archive.Contents(sizes=sizes, about=about))
            for part in parts:
                with part.table.files.open(part.path) as source:
                    writer.add(part.name, part.size_bytes, source)
            for name, (file, _) in lines.items():
                size = file.tell()
                file.seek(0)
                writer.add(f"state/{name}.jsonl", size, file)
            writer.close()
    return Archived(
        path=target,
        size_bytes=target.stat().st_size,
        files=len(sizes),
        deliveries=deliveries,
        state_rows=rows,
    )


def _parts(ledger: ChargeLedger) -> tuple[list[_Part], int]:
    """List the files of a moment; facts first, so that all they point at is there as well."""
    first: dict[str, int] = {}
    opened: dict[str, DeltaTable | None] = {}
    for name, table in ledger.tables.items():
        first[name], opened[name] = first_entry(table), table.open()
    parts: list[_Part] = []
    for name in reversed(opened):
        # The facts come last in the archive: while it is restored, nothing points at what is not there.
        table, version = ledger.tables[name], opened[name]
        if version is None:
            continue
        members = [(member.path, member.size_bytes) for member in table.members(version)]
        entries = [log_entry(number) for number in range(first[name], int(version.version()) + 1)]
        entries += [checkpoint(first[name])] if first[name] else []
        sizes = table.files.sizes(entries)
        if len(sizes) < len(entries):
            raise StorageError(
                f"the log of {table.uri} has lost entries; there is no whole history to back up",
                hint="look into `_delta_log` there; its entries must never be deleted",
            )
        parts += [_Part(table=table, path=path, size_bytes=size) for path, size in members]
        parts += [_Part(table=table, path=path, size_bytes=sizes[path]) for path in entries]
    charges = opened["charges"]
    return parts, len(ledger.deliveries_of(charges)) if charges is not None else 0


@contextmanager
def _dumped(state: State) -> Iterator[dict[str, tuple[IO[bytes], int]]]:
    """Give, per table, a file of its rows positioned at the end, and their number."""
    with ExitStack() as stack:
        found = {}
        for name, lines in dump.dump(state.database):
            file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=1 << 20))
            count = 0
            for line in lines:
                file.write(line)
                count += 1
            found[name] = (file, count)
        yield found  # type: ignore[misc]  # a spooled file is a file to all that read it


@contextmanager
def _appearing(target: Path) -> Iterator[IO[bytes]]:
    """Write a file that nobody else may read, and let it appear only when it is durable."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except OSError as error:
        raise StorageError(
            f"cannot write {target}: {error}", hint="choose a folder with enough space, or free some"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
