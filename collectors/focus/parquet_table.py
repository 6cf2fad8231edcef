"""Parquet of any codec as pieces of typed columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from typing import Any

import polars as pl

from collectors.focus.columns import Columns, Matcher, match
from collectors.focus.damage import DamagedError
from collectors.focus.pieces import CHUNK_ROWS, Piece
from domain.text import shortened

_LARGE_GROUP_BYTES = 512 * 2**20
_FREE_ROWS = 10_000_000
_ROWS_PER_BYTE = 100


class ParquetTable:
    """A Parquet file of charges; its footer is read when it is opened."""

    form = "Parquet"

    def __init__(self, handle: BufferedReader, size: int, *, matcher: Matcher = match) -> None:
        """Read the footer.

        Raises:
            DamagedError: it is missing or garbled, or claims more rows than can be true.
        """
        self._handle = handle
        with _told():
            self._file = self._opened()
            footer = self._file.metadata
            names = self._file.schema_arrow.names
            groups = [footer.row_group(i) for i in range(footer.num_row_groups)]
            sizes = [group.total_byte_size for group in groups]
            self._groups: list[int] = [group.num_rows for group in groups]
        self.rows: int = footer.num_rows
        self._names = names
        self._has_large_group = max(sizes, default=0) > _LARGE_GROUP_BYTES
        if self.rows > max(_FREE_ROWS, _ROWS_PER_BYTE * size):
            raise DamagedError(f"claims {self.rows:,} rows in {size:,} bytes; that is no bill")
        self.columns: Columns = matcher(names)
        self.unpacked = size

    def pieces(self, names: Sequence[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[Piece]:
        """Give all rows, values in the types of the file."""
        wanted = {
            self._names[position]: name
            for name, position in self.columns.positions.items()
            if names is None or name in names
        }
        given = 0
        with _told():
            # Slices of one open file: no memory map that a cut file would turn into a crash.
            for frame in self._large(wanted, rows) if self._has_large_group else self._slices(wanted, rows):
                yield Piece(frame=frame.rename(wanted), before=given)
                given += frame.height
        if given != self.rows:
            raise DamagedError(f"gave {given:,} of the {self.rows:,} rows that its footer claims")

    def lines(self) -> _RowNumbers:
        """Give row numbers: Parquet has no lines."""
        return _RowNumbers()

    def _slices(self, wanted: dict[str, str], rows: int) -> Iterator[pl.DataFrame]:
        start = 0
        for length in _lengths(self._groups, rows):
            self._handle.seek(0)
            yield pl.scan_parquet(self._handle).select(list(wanted)).slice(start, length).collect()
            start += length

    def _large(self, wanted: dict[str, str], rows: int) -> Iterator[pl.DataFrame]:
        """Read with a small buffer; slower, but a row group of any size fits in memory."""
        for batch in self._opened(buffer_size=2**20).iter_batches(batch_size=rows, columns=list(wanted)):
            yield pl.DataFrame(pl.from_arrow(batch))

    def _opened(self, **options: Any) -> Any:
        from pyarrow import parquet

        self._handle.seek(0)
        return parquet.ParquetFile(self._handle, pre_buffer=False, **options)


def _lengths(groups: Sequence[int], rows: int) -> Iterator[int]:
    """Give the rows of each piece: whole row groups where they fit, so that none is unpacked twice."""
    held = 0
    for group in groups:
        if held and held + group > rows:
            yield held
            held = 0
        if group > rows:
            parts = -(-group // rows)
            yield from (group * (i + 1) // parts - group * i // parts for i in range(parts))
        else:
            held += group
    if held:
        yield held


class _RowNumbers:
    def line(self, ordinal: int) -> int:
        """Give the row number itself."""
        return ordinal


@contextmanager
def _told() -> Iterator[None]:
    """Translate what the two readers raise about a garbled file."""
    import pyarrow as pa

    try:
        yield
    except (
        pa.ArrowException,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,  # what the decoder does with bytes it did not expect
        OSError,
        ValueError,
    ) as error:
        if isinstance(error, GeneratorExit):
            raise
        message = shortened(str(error).partition("\n")[0], 200)
        raise DamagedError(f"cannot be read as Parquet: {message}") from error
