"""CSV in any of its dialects, packed or not, as pieces of text columns."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.focus.columns import Columns, Matcher, match
from collectors.focus.csv_header import HEAD_BYTES, MAX_FIELD, read_header
from collectors.focus.damage import DamagedError
from collectors.focus.pieces import Broken, Piece
from collectors.focus.text_stream import LIMITS, Limits, TextStream
from domain.charge import BY_NAME, Kind
from domain.text import shortened

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 2**20  # a quarter faster than twice that: it stays in the processor's cache
_PIECE_ROWS = 65_536  # text takes twice the room of typed values
_FIRST_ROWS = 8_192  # a small first piece, so that whoever waits for it begins sooner
_MARK = "costd: a line after the end"
_CUT = "ends in the middle of {}: it was not written or copied whole"
_TELLING_ENDS = {Kind.COST, Kind.QUANTITY, Kind.INSTANT}


class CsvTable:
    """A CSV file of charges; its dialect and header are read when it is opened."""

    form = "CSV"

    def __init__(
        self, handle: io.BufferedReader, size: int, *, limits: Limits = LIMITS, matcher: Matcher = match
    ) -> None:
        """Read the header.

        Raises:
            DamagedError: there is none, or it is no UTF-8 text.
        """
        self._handle = handle
        self._size = size
        self._limits = limits
        head = self._head()
        self.delimiter, names, self._start, self._header_lines = read_header(head, matcher)
        self._width = len(names)
        self.columns: Columns = matcher(names)
        self.unpacked = size

    def _head(self) -> bytes:
        stream, head = self._stream(), b""
        while len(head) < HEAD_BYTES and (data := stream.read(HEAD_BYTES - len(head))):
            head += data
        return head

    def _stream(self) -> TextStream:
        return TextStream(self._handle, self._size, limits=self._limits)

    def pieces(self, names: Sequence[str] | None = None, rows: int = _PIECE_ROWS) -> Iterator[Piece]:
        """Give all rows; a row with too few or too many fields is broken, never padded."""
        import pyarrow as pa

        wanted = [name for name in self.columns.positions if names is None or name in names]
        if not wanted:
            return
        stream = self._stream()
        stream.skip(self._start)
        reading, enough = _Reading(wanted, self._width), min(rows, _FIRST_ROWS)
        try:
            for batch in self._batches(stream, wanted, reading):
                reading.take(batch)
                if reading.held >= enough:
                    yield reading.piece()
                    enough = rows
            self.unpacked = stream.taken
            unfinished = stream.last not in {b"\n", b"\r"} and stream.taken > self._start
            if reading.held:
                yield reading.piece(unfinished=unfinished)
            self._refuse_cut(stream, reading, unfinished=unfinished)
        except pa.ArrowInvalid as error:
            yield reading.piece()
            raise DamagedError(_told(str(error))) from None
        except DamagedError:
            yield reading.piece()  # what could be read tells which periods are spoilt
            raise

    def _batches(
        self, stream: TextStream, wanted: Sequence[str], reading: _Reading
    ) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import csv as arrow

        if stream.is_blank():  # which the reader would call an error
            return
        names = [str(i) for i in range(self._width)]
        chosen = [names[self.columns.positions[name]] for name in wanted]
        source = pa.PythonFile(stream, mode="r")
        with arrow.open_csv(
            source,
            read_options=arrow.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=names),
            parse_options=arrow.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=reading.refuse
            ),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(chosen, pa.string()),
                include_columns=chosen,
                null_values=[""],  # the most usual way to say nothing; `texts` knows the others
                strings_can_be_null=True,
                check_utf8=False,  # the stream has checked every byte
            ),
        ) as reader:
            yield from reader

    def _refuse_cut(self, stream: TextStream, reading: _Reading, *, unfinished: bool) -> None:
        if stream.quotes % 2 and self._ends_inside_quotes():
            raise DamagedError(_CUT.format("a quoted value"))
        if not unfinished:
            return
        if reading.last_is_broken():
            raise DamagedError(_CUT.format("a row"))
        last = max(self.columns.positions, key=lambda name: self.columns.positions[name], default="")
        kind = BY_NAME[last].kind if last in BY_NAME else None
        if kind in _TELLING_ENDS and self.columns.positions[last] == self._width - 1:
            raise DamagedError(
                f"ends without the end of a line, so its last {last} may be cut off",
                hint="if the file is whole, add the missing line end",
            )

    def _ends_inside_quotes(self) -> bool:
        """Read the file once more and say whether a line put after it is no row of its own."""
        try:
            last = deque(self._records(after=("\n", _MARK)), maxlen=1)
        except csv.Error:
            return True
        return not last or last[0][1] != [_MARK]

    def _records(self, after: Sequence[str] = ()) -> Iterator[tuple[int, list[str]]]:
        """Give (line, fields) of every row below the header that is not blank."""
        csv.field_size_limit(MAX_FIELD)
        text = io.TextIOWrapper(io.BufferedReader(self._stream(), HEAD_BYTES), "utf-8", newline="")
        reader = csv.reader(chain(text, after), delimiter=self.delimiter)
        line = 1
        for record in reader:
            if record and line > self._header_lines:
                yield line, record
            line = reader.line_num + 1

    def lines(self) -> _CsvLines:
        """Give a translator of ordinals to lines; it reads the file along with the questions."""
        return _CsvLines(self._records())


class _CsvLines:
    def __init__(self, records: Iterator[tuple[int, list[str]]]) -> None:
        self._records = records
        self._ordinal = 0
        self._line = 0

    def line(self, ordinal: int) -> int:
        """Give the line on which a row starts."""
        while self._ordinal < ordinal:
            try:
                self._line, _ = next(self._records)
            except (StopIteration, csv.Error):
                return self._line
            self._ordinal += 1
        return self._line


class _Reading:
    """Collects batches until they make a piece, and broken rows beside them."""

    def __init__(self, names: Sequence[str], width: int) -> None:
        self._names = names
        self._width = width
        self._batches: list[Any] = []
        self._broken: list[Broken] = []
        self._gaps: list[int] = []
        self._good = 0
        self._before = 0

    @property
    def held(self) -> int:
        """Count rows that no piece has given yet."""
        return self._good - self._before + len(self._broken)

    def take(self, batch: Any) -> None:
        """Hold a record batch."""
        self._batches.append(batch)
        self._good += batch.num_rows

    def refuse(self, row: Any) -> str:
        """Note a row that has not as many fields as the header."""
        fields = "field" if row.actual_columns == 1 else "fields"
        reason = f"the row has {row.actual_columns} {fields}, the header has {self._width}"
        self._broken.append(Broken(ordinal=row.number, reason=reason, text=row.text))
        self._gaps.append(row.number - len(self._gaps) - 1)
        return "skip"

    def last_is_broken(self) -> bool:
        """Say whether the last row of the file is a broken one."""
        return bool(self._gaps) and self._gaps[-1] == self._good

    def piece(self, *, unfinished: bool = False) -> Piece:
        """Give what is held as a piece and hold nothing."""
        import pyarrow as pa

        if self._batches:
            table = pa.Table.from_batches(self._batches).rename_columns(self._names)
            frame = pl.DataFrame(pl.from_arrow(table))
        else:
            frame = pl.DataFrame(schema=dict.fromkeys(self._names, pl.String))
        given = Piece(
            frame=frame,
            before=self._before,
            gaps=tuple(self._gaps),
            broken=tuple(self._broken),
            unfinished=unfinished,
        )
        self._batches, self._broken, self._before = [], [], self._good
        return given


def _told(message: str) -> str:
    if "straddling" in message:
        return f"has a row of more than {_BLOCK_BYTES // 2**20} MiB, or a quote that is never closed"
    return f"is no readable CSV: {shortened(message, 200)}"
