"""The files below a table: written, made durable and removed, on disk or in an object store."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

import polars as pl

if TYPE_CHECKING:
    from deltalake.fs import DeltaStorageHandler

COMPRESSION_LEVEL = 1
ROW_GROUP = 250_000
_COPY_BYTES = 1 << 20
_REQUESTS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Size of a written file, and when it was written by the clock of where it lies."""

    size_bytes: int
    at_ms: int


class Files(Protocol):
    """Where the files of one table live; paths are relative to the table."""

    def write(self, path: str, rows: pl.LazyFrame) -> Written:
        """Write rows as Parquet."""
        ...

    def remove(self, paths: Iterable[str]) -> None:
        """Delete files as far as that is possible; maintenance removes what stays."""
        ...

    def sync(self, paths: Iterable[str]) -> None:
        """Make files and the folders that name them survive a power cut."""
        ...

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """Give the size in bytes of those files that exist."""
        ...

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading."""
        ...

    def put(self, path: str, source: IO[bytes]) -> None:
        """Write a new file from a stream, durably."""
        ...

    def uri(self, path: str) -> str:
        """Give the address under which polars reads a file."""
        ...


class LocalFiles:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, rows: pl.LazyFrame) -> Written:
        """Write rows as Parquet."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        rows.sink_parquet(
            target, compression_level=COMPRESSION_LEVEL, row_group_size=ROW_GROUP, sync_on_close="all"
        )
        found = target.stat()
        return Written(size_bytes=found.st_size, at_ms=found.st_mtime_ns // 1_000_000)

    def remove(self, paths: Iterable[str]) -> None:
        """Delete files as far as that is possible; maintenance removes what stays."""
        for path in paths:
            # Called while another error is on its way, which matters more.
            with contextlib.suppress(OSError):
                (self.root / path).unlink()

    def sync(self, paths: Iterable[str]) -> None:
        """Make files and the folders that name them survive a power cut."""
        folders: set[Path] = set()
        for path in paths:
            target = self.root / path
            sync_path(target)
            folders.update((target.parent, *_between(self.root, target.parent)))
        for folder in folders:
            sync_path(folder)

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """Give the size in bytes of those files that exist."""
        found = {}
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                found[path] = (self.root / path).stat().st_size
        return found

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading."""
        return (self.root / path).open("rb")

    def put(self, path: str, source: IO[bytes]) -> None:
        """Write a new file from a stream, durably."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            shutil.copyfileobj(source, file, _COPY_BYTES)
        self.sync([path])

    def uri(self, path: str) -> str:
        """Give the address under which polars reads a file."""
        return str(self.root / path)


def _between(root: Path, folder: Path) -> list[Path]:
    return [root.parent, root, *(parent for parent in folder.parents if root in parent.parents)]


def sync_path(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class ObjectFiles:
    """Files in an object store; a finished put is durable there."""

    def __init__(self, uri: str, options: Mapping[str, str]) -> None:
        self._uri = uri.rstrip("/")
        self._options = dict(options)

    def _handler(self) -> DeltaStorageHandler:
        from deltalake.fs import DeltaStorageHandler

        return DeltaStorageHandler(self._uri, self._options)

    def write(self, path: str, rows: pl.LazyFrame) -> Written:
        """Write rows as Parquet."""
        rows.sink_parquet(
            self.uri(path),
            compression_level=COMPRESSION_LEVEL,
            row_group_size=ROW_GROUP,
            storage_options=self._options,
        )
        found = self._handler().get_file_info([path])[0]
        return Written(size_bytes=int(found.size), at_ms=found.mtime_ns // 1_000_000)

    def remove(self, paths: Iterable[str]) -> None:
        """Delete files as far as that is possible; maintenance removes what stays."""
        handler = self._handler()
        for path in paths:
            with contextlib.suppress(OSError):
                handler.delete_file(path)

    def sync(self, paths: Iterable[str]) -> None:
        """Do nothing: the store answered the put, so it is durable."""

    def sizes(self, paths: Iterable[str]) -> dict[str, int]:
        """Give the size in bytes of those files that exist."""
        from pyarrow.fs import FileType

        handler, wanted = self._handler(), list(paths)
        # A request per file, so side by side; the library asks one after the other.
        with ThreadPoolExecutor(_REQUESTS) as pool:
            found = list(pool.map(lambda path: handler.get_file_info([path])[0], wanted))
        return {info.path: int(info.size) for info in found if info.type == FileType.File}

    def open(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading."""
        return cast("AbstractContextManager[IO[bytes]]", self._handler().open_input_file(path))

    def put(self, path: str, source: IO[bytes]) -> None:
        """Write a new file from a stream, durably."""
        # The public handler wraps the stream in a pyarrow file that hands it no bytes to write.
        file = self._handler()._handler.open_output_stream(path, None)  # noqa: SLF001 - the only way
        shutil.copyfileobj(source, file, _COPY_BYTES)
        file.close()  # type: ignore[attr-defined]  # its types forget it

    def uri(self, path: str) -> str:
        """Give the address under which polars reads a file."""
        return f"{self._uri}/{path}"
