"""A backup archive: a plain tar whose first member names all others and whose last proves them.

Read as hostile: no links, no paths out of the folder, no member that the first does not
name, none larger than it says, no compression that could swell.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from domain.errors import StorageError

FORMAT = 1
CONTENTS = "contents.json"
SUMS = "SHA256SUMS"

MAX_CONTENTS = 256 * 1024 * 1024
"""Bytes of the first member: a hundred for each of some million files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an archive holds: size in bytes per member, and what was backed up."""

    sizes: dict[str, int]
    about: dict[str, Any]


class Writer:
    """Writes an archive; every member that `contents` names must be added."""

    def __init__(self, target: IO[bytes], contents: Contents) -> None:
        self._tar = tarfile.open(fileobj=target, mode="w:", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - `close` closes it
        self._sums: dict[str, str] = {}
        head = {"format": FORMAT, "about": contents.about, "sizes": contents.sizes}
        self._put(CONTENTS, json.dumps(head, sort_keys=True).encode())

    def add(self, name: str, size: int, source: IO[bytes]) -> None:
        """Copy a member from a stream that gives exactly `size` bytes."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        reader = _Hashing(source)
        self._tar.addfile(info, reader)
        self._sums[name] = reader.digest.hexdigest()

    def close(self) -> None:
        """Write the checksums and end the archive."""
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items()))
        self._put(SUMS, lines.encode())
        self._tar.close()

    def _put(self, name: str, text: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(text), 0o600
        self._tar.addfile(info, BytesIO(text))


class _Hashing:
    """A stream whose bytes are hashed as they are read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        part = self._source.read(size)
        self.digest.update(part)
        return part


class _Guarded(_Hashing):
    """A member of somebody's archive: what is wrong with it is told as such."""

    def __init__(self, source: IO[bytes], path: Path) -> None:
        super().__init__(source)
        self._path = path

    def read(self, size: int = -1) -> bytes:
        try:
            return super().read(size)
        except (tarfile.TarError, EOFError) as error:
            raise _broken(self._path, f"it is cut off or damaged ({error})") from error


class Reader:
    """Reads an archive that anybody may have written."""

    def __init__(self, path: Path) -> None:
        """Open the archive and read what it says about itself.

        Raises:
            StorageError: not an archive of costd, or one of a newer costd.
        """
        self._path = path
        self._sums: dict[str, str] = {}
        try:
            self._tar = tarfile.open(path, mode="r:")  # noqa: SIM115 - `close` closes it
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error}", hint="name an archive of a backup") from error
        except tarfile.TarError as error:
            raise _broken(self._path, f"it is no archive of `costd backup` ({error})") from error
        try:
            self.contents = self._contents()
        except BaseException:
            self.close()
            raise

    def _contents(self) -> Contents:
        try:
            head = json.loads(self._whole(self._tar.next(), CONTENTS, MAX_CONTENTS))
            newest, about = int(head["format"]), dict(head["about"])
            sizes = {str(name): int(size) for name, size in head["sizes"].items()}
        except (tarfile.TarError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _broken(self._path, f"it is no archive of `costd backup` ({error})") from error
        if newest > FORMAT:
            raise StorageError(f"{self._path} was written by a newer costd", hint="upgrade costd")
        for name, size in sizes.items():
            if size < 0 or not _is_below(name):
                raise _broken(self._path, f"it names a member {name!r} that no backup has")
        return Contents(sizes=sizes, about=about)

    def members(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Give every member and its bytes; at the end all are there and as they were written.

        Raises:
            StorageError: the archive is cut off, changed or not what it says.
        """
        left = dict(self.contents.sizes)
        try:
            while (info := self._tar.next()) is not None and info.name != SUMS:
                if not info.isreg() or left.pop(info.name, None) != info.size:
                    raise _broken(self._path, f"member {info.name!r} is not what the archive says it is")
                stream = self._tar.extractfile(info)
                assert stream is not None  # noqa: S101 - a regular file has one
                hashing = _Guarded(stream, self._path)
                yield info.name, hashing  # type: ignore[misc]  # reads are all that a restore does
                self._sums[info.name] = hashing.digest.hexdigest()
            said = self._whole(info, SUMS, MAX_CONTENTS).decode()
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            raise _broken(self._path, f"it is cut off or damaged ({error})") from error
        if left:
            raise _broken(self._path, f"{len(left)} members are missing, first {min(left)}")
        if said.splitlines() != [f"{digest}  {name}" for name, digest in sorted(self._sums.items())]:
            raise _broken(self._path, "its checksums do not match its contents")

    def close(self) -> None:
        """Close the archive."""
        self._tar.close()

    def _whole(self, info: tarfile.TarInfo | None, name: str, limit: int) -> bytes:
        if info is None or info.name != name or not info.isreg() or info.size > limit:
            raise ValueError(f"no {name} where it belongs")
        stream = self._tar.extractfile(info)
        if stream is None:
            raise ValueError(f"no {name} where it belongs")
        return stream.read()


def _broken(path: Path, what: str) -> StorageError:
    return StorageError(f"cannot restore from {path}: {what}", hint="use another backup")


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name
    return plain and str(path) == name and path.parts[0] in {"ledger", "state"}
