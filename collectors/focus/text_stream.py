"""The bytes of a text file, unpacked and checked on the way: size, encoding, quotes, last byte."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from dataclasses import dataclass
from typing import Any

from collectors.focus.damage import DamagedError

GZIP_MAGIC = b"\x1f\x8b"
_BLOCK_BYTES = 2**20
_CONVERT = "convert it with `iconv -f {encoding} -t UTF-8`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a packed file may unpack to.

    Attributes:
        free_bytes: unpacked size that is always allowed.
        ratio: unpacked by packed size beyond it. Real FOCUS files reach 20 to 60.
        unpacked_bytes: unpacked size that is never allowed; a month of a very large bill
            is below it.
    """

    free_bytes: int = 64 * 2**20
    ratio: int = 400
    unpacked_bytes: int = 256 * 2**30


LIMITS = Limits()


class _View(io.RawIOBase):
    """A file from its start, with a position of its own: several may read one open file."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._position = 0

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes and say how many they are."""
        count = os.preadv(self._descriptor, [buffer], self._position)
        self._position += count
        return count

    def readable(self) -> bool:
        """Say that this view can be read."""
        return True


class TextStream(io.RawIOBase):
    """A readable stream of the unpacked bytes of a file that must be UTF-8 text.

    Attributes:
        taken: unpacked bytes read so far.
        quotes: quote characters among them.
        last: the last byte read.
    """

    def __init__(self, handle: io.BufferedReader, size: int, *, limits: Limits = LIMITS) -> None:
        super().__init__()
        view = io.BufferedReader(_View(handle.fileno()), _BLOCK_BYTES)
        packed = view.peek(2)[:2] == GZIP_MAGIC
        self.taken = 0
        self.quotes = 0
        self.last = b""
        self._ready = b""
        self._source = gzip.GzipFile(fileobj=view) if packed else view
        self._most = limits.unpacked_bytes
        if packed:
            self._most = min(self._most, max(limits.free_bytes, limits.ratio * size))
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes, b"" at the end.

        Raises:
            DamagedError: the file is cut off, no UTF-8 text, or unpacks to too much.
        """
        if self._ready:
            size = len(self._ready) if size < 0 else size
            data, self._ready = self._ready[:size], self._ready[size:]
            return data
        data = self._unpacked(size if size >= 0 else _BLOCK_BYTES)
        if not self.taken:
            _refuse_other_encodings(data)
        self._check(data)
        self.taken += len(data)
        self.quotes += _count(data, b'"')
        self.last = data[-1:] or self.last
        if self.taken > self._most:
            raise DamagedError(f"unpacks to more than {self._most:,} bytes; that is no bill but a gzip bomb")
        return data

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes and say how many they are."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def skip(self, size: int) -> None:
        """Pass over the first bytes, which were looked at before."""
        while size > 0:
            size -= len(self.read(size)) or size

    def is_blank(self) -> bool:
        """Say whether nothing but line ends is left; what was read for the answer is read again."""
        while not self._ready:
            data = self.read(_BLOCK_BYTES)
            if not data:
                return True
            self._ready = data.lstrip(b"\r\n")
        return False

    def readable(self) -> bool:
        """Say that this stream can be read."""
        return True

    def _unpacked(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except EOFError:
            raise DamagedError(
                "ends in the middle of its gzip stream: it was not written or copied whole"
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DamagedError(f"is damaged inside its gzip stream: {error}") from None
        except OSError as error:
            raise DamagedError(f"cannot be read: {error.strerror or error}") from error

    def _check(self, data: bytes) -> None:
        pending = self._decoder.getstate()[0]
        if pending or not data.isascii():
            try:
                self._decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                offset = self.taken - len(pending) + error.start
                hint = _CONVERT.format(encoding="WINDOWS-1252")
                raise DamagedError(f"is not UTF-8 text: wrong byte at offset {offset:,}", hint=hint) from None
        if b"\x00" in data:
            offset = self.taken + data.index(b"\x00")
            raise DamagedError(f"is no text: a zero byte at offset {offset:,}")


def _count(data: bytes, byte: bytes) -> int:
    """Count a byte three times as fast as `bytes.count` does where there are many of it."""
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == byte[0]))


def _refuse_other_encodings(head: bytes) -> None:
    """Refuse text of two or four bytes a character by how it begins."""
    names = {
        codecs.BOM_UTF32_LE: "UTF-32",
        codecs.BOM_UTF32_BE: "UTF-32",
        codecs.BOM_UTF16_LE: "UTF-16",
        codecs.BOM_UTF16_BE: "UTF-16",
    }
    encoding = next((name for mark, name in names.items() if head.startswith(mark)), "")
    if not encoding and len(head) >= 8 and head[:64].count(0) * 3 > len(head[:64]):
        encoding = "UTF-16"
    if encoding:
        raise DamagedError(
            f"is {encoding}, not UTF-8: see the bytes at offset 0", hint=_CONVERT.format(encoding=encoding)
        )
