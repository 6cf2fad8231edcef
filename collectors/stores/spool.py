"""Temporary copies of files that cannot be read in place, gone when nobody needs them."""

from __future__ import annotations

import errno
import fcntl
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from domain.errors import StorageError

KEEP_BYTES = 20 * 2**30
"""Copies kept between the first look at a file and its reading; beyond it they are fetched twice."""

_PREFIX = "costd-spool-"
_LOCK = "in-use"


class Spool:
    """A folder of copies; it vanishes with this object, and after a kill at the next start."""

    def __init__(self, scratch: Path | None, *, keep_bytes: int = KEEP_BYTES) -> None:
        self._keep_bytes = keep_bytes
        self._copies: dict[str, Path] = {}
        self._count = 0
        try:
            base = Path(scratch) if scratch is not None else Path(tempfile.gettempdir())
            base.mkdir(parents=True, exist_ok=True)
            _sweep(base)
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
            lock = (self._folder / "new").open("wb")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (self._folder / "new").rename(self._folder / _LOCK)  # under its name it is always locked
        except OSError as error:
            raise self._full(error) from error
        self.close = weakref.finalize(self, _remove, self._folder, lock)

    def copy(self, name: str, write: Callable[[BinaryIO], None]) -> Path:
        """Give the copy of a name, made by `write` if there is none yet.

        Raises:
            StorageError: there is no room for it.
        """
        if name in self._copies:
            return self._copies[name]
        self._count += 1
        path = self._folder / f"{self._count:06d}"
        try:
            with path.open("wb") as file:
                write(file)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise self._full(error) from error
            raise
        self._copies[name] = path
        return path

    def release(self, name: str) -> None:
        """Say that a copy was read; it stays for a second reading while there is room."""
        held = sum(path.stat().st_size for path in self._copies.values())
        if held > self._keep_bytes:
            self.forget(name)

    def forget(self, name: str) -> None:
        """Delete a copy that will not be read again."""
        path = self._copies.pop(name, None)
        if path is not None:
            path.unlink(missing_ok=True)

    def _full(self, error: OSError) -> StorageError:
        return StorageError(
            f"no copy can be written to {getattr(self, '_folder', 'the scratch folder')}: "
            f"{error.strerror or error}",
            hint="free disk space, or point `scratch` of this source at a folder with room",
        )


def _remove(folder: Path, lock: BinaryIO) -> None:
    lock.close()
    shutil.rmtree(folder, ignore_errors=True)


def _sweep(base: Path) -> None:
    """Delete spools whose process was killed: nobody holds their lock any more."""
    for folder in base.glob(f"{_PREFIX}*"):
        try:
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # in use, being made, or somebody else's
