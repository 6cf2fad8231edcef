"""What readers give: stretches of rows as the file has them, and what could not be split into columns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from collectors.focus.columns import Columns

CHUNK_ROWS = 250_000
"""Rows of a piece: some 200 MB in memory, and large enough that per-piece work vanishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A row that is not even a row.

    Attributes:
        ordinal: which row of the file, 1 being the first after the header.
        reason: what is wrong with it.
        text: the row as the file has it; hostile text.
    """

    ordinal: int
    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some rows of a file.

    Attributes:
        frame: columns named as in FOCUS, values as the file has them.
        before: good rows of the file before the first of these.
        gaps: for each broken row of the file so far, the number of good rows before it.
        broken: broken rows met since the piece before.
        unfinished: the file ends here without the end of a line.
    """

    frame: pl.DataFrame
    before: int
    gaps: Sequence[int] = ()
    broken: tuple[Broken, ...] = ()
    unfinished: bool = False

    @property
    def rows(self) -> int:
        """Count rows, broken ones included."""
        return self.frame.height + len(self.broken)

    def ordinal(self, row: int) -> int:
        """Say which row of the file a row of the frame is, 1 being the first."""
        good = self.before + row
        return good + 1 + bisect_right(self.gaps, good)


class Lines(Protocol):
    """Translates ordinals to line numbers, in rising order."""

    def line(self, ordinal: int) -> int:
        """Give the line (CSV, 1 is the header) or row number (Parquet, from 1)."""
        ...


class Table(Protocol):
    """One file, opened.

    Attributes:
        form: `CSV` or `Parquet`.
        columns: its header, understood.
        unpacked: bytes once unpacked; true when all pieces were given.
    """

    form: str
    columns: Columns
    unpacked: int

    def pieces(self, names: Sequence[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[Piece]:
        """Give all rows from the start, only the named FOCUS columns if names are given.

        Raises:
            DamagedError: the file cannot be read to its end.
        """
        ...

    def lines(self) -> Lines:
        """Give a translator of ordinals, to be asked in rising order."""
        ...
