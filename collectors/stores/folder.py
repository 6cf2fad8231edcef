"""A folder on this machine, or one file of it, as a store."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from collectors.interface import Health, Probe
from collectors.stores.interface import ChangedError, Stored
from domain.errors import SourceError
from domain.show import count_text
from domain.text import printable


class FolderStore:
    """Files below a folder; hidden folders are not entered, linked folders neither."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._single = self._path.is_file()
        self._folder = self._path.parent if self._single else self._path

    @property
    def root(self) -> str:
        """Give the folder or file as the user wrote it."""
        return printable(str(self._path))

    def path_of(self, key: str) -> str:
        """Give the full path of a file."""
        return printable(str(self._folder / key))

    def files(self) -> list[Stored]:
        """List every regular file below the folder, sorted by key."""
        if not self._path.exists():
            raise SourceError(
                f"{self.root} does not exist", hint="create it, mount it, or correct `path` of this source"
            )
        keys = [self._path.name] if self._single else list(self._walk())
        found = (self.again(key) for key in sorted(keys))
        return [file for file in found if file is not None]

    def again(self, key: str) -> Stored | None:
        """Look at one file anew; None if it is gone or no regular file."""
        try:
            status = (self._folder / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unreadable(key, error) from error
        if not stat.S_ISREG(status.st_mode):
            return None
        modified = datetime.fromtimestamp(status.st_mtime_ns // 10**9, tz=UTC)
        return Stored(key=key, size=status.st_size, stamp=_stamp(status), modified=modified)

    @contextmanager
    def opened(self, file: Stored) -> Iterator[BufferedReader]:
        """Open a file; it must be what the listing showed, before and after."""
        try:
            handle = (self._folder / file.key).open("rb")
        except FileNotFoundError:
            raise ChangedError(f"{self.path_of(file.key)} is gone since it was listed") from None
        except OSError as error:
            raise self._unreadable(file.key, error) from error
        with handle:
            self._refuse_changed(handle, file)
            yield handle
            self._refuse_changed(handle, file)

    def done(self, file: Stored) -> None:
        """Nothing to do: files are read in place."""

    def tag_of(self, file: Stored, handle: BufferedReader) -> str:
        """Give the SHA-256 of the content, so that a touched or copied file is known again."""
        try:
            handle.seek(0)
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
            handle.seek(0)
        except OSError as error:
            raise self._unreadable(file.key, error) from error
        return f"sha256:{digest}"

    def probe(self) -> list[Probe]:
        """Look whether the folder can be listed and its newest file be read."""
        try:
            files = self.files()
        except SourceError as error:
            return [Probe(subject=self.root, health=Health.FAIL, breaks=str(error), fix=error.hint)]
        probes = [Probe(subject=f"{self.root}: {count_text(len(files), 'file')} listed", health=Health.OK)]
        if files:
            newest = max(files, key=lambda file: file.modified)
            probes.append(self._probe_reading(newest))
        return probes

    def _probe_reading(self, file: Stored) -> Probe:
        subject = f"{self.path_of(file.key)}, the newest file, of {file.modified:%Y-%m-%d %H:%M} UTC"
        try:
            with self.opened(file) as handle:
                handle.read(1)
        except ChangedError as error:
            return Probe(subject=subject, health=Health.WARN, breaks=str(error), fix="look again in a minute")
        except SourceError as error:
            return Probe(subject=subject, health=Health.FAIL, breaks=str(error), fix=error.hint)
        return Probe(subject=subject, health=Health.OK)

    def _walk(self) -> Iterator[str]:
        def refuse(error: OSError) -> None:
            # A folder that cannot be listed must not look like a folder without files.
            raise self._unreadable(os.path.relpath(error.filename, self._folder), error)

        for folder, folders, names in os.walk(self._folder, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                yield (Path(folder) / name).relative_to(self._folder).as_posix()

    def _refuse_changed(self, handle: BufferedReader, file: Stored) -> None:
        if _stamp(os.fstat(handle.fileno())) != file.stamp:
            raise ChangedError(f"{self.path_of(file.key)} changed while it was read")

    def _unreadable(self, key: str, error: OSError) -> SourceError:
        reason = error.strerror or type(error).__name__
        return SourceError(
            f"{self.path_of(key)} cannot be read: {reason}",
            hint="give the user that runs costd permission to read it"
            if error.errno == 13
            else "repair the disk or mount it lies on",
        )


def _stamp(status: os.stat_result) -> str:
    """Tell contents apart by what a write cannot help changing; the change time is not settable."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"
