"""ZIP archives of legacy reports, unpacked within limits and without ever using a name in them."""

from __future__ import annotations

import zipfile
import zlib
from typing import IO, BinaryIO

from collectors.focus.damage import DamagedError
from collectors.focus.text_stream import LIMITS, Limits

MAGIC = b"PK\x03\x04"
_MOST_MEMBERS = 1
_BLOCK_BYTES = 2**20
_ENCRYPTED = 0x1


def unpack(handle: BinaryIO, size: int, target: BinaryIO, *, limits: Limits = LIMITS) -> None:
    """Write the one table of an archive to `target`.

    Names and sizes in the archive are not believed: nothing is written by its name, and what it
    really unpacks to is counted.

    Raises:
        DamagedError: it is no whole ZIP, holds other than one table, or unpacks to too much.
    """
    most = min(limits.unpacked_bytes, max(limits.free_bytes, limits.ratio * size))
    try:
        with zipfile.ZipFile(handle) as archive:
            member = _table(archive)
            with archive.open(member) as source:
                _copy(source, target, most)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DamagedError(f"is a damaged ZIP archive: {error}") from error


def _table(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != _MOST_MEMBERS:
        raise DamagedError(f"is a ZIP archive of {len(members):,} files where AWS packs one")
    if members[0].flag_bits & _ENCRYPTED:
        raise DamagedError("is an encrypted ZIP archive, which AWS never delivers")
    return members[0]


def _copy(source: IO[bytes], target: BinaryIO, most: int) -> None:
    taken = 0
    while block := source.read(_BLOCK_BYTES):
        taken += len(block)
        if taken > most:
            raise DamagedError(f"unpacks to more than {most:,} bytes; that is no bill but a ZIP bomb")
        target.write(block)
