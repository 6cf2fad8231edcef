"""One export file written again with its values replaced: CSV as CSV, Parquet as Parquet."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from collectors.focus.csv_header import HEAD_BYTES, MAX_FIELD, read_header
from collectors.focus.damage import DamagedError
from collectors.focus.text_stream import GZIP_MAGIC, TextStream
from daemon.sanitise.columns import Treatment, tag_column, treatment_of
from daemon.sanitise.values import Values

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 65_536
_PACKED = (b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")


@dataclass(slots=True, kw_only=True)
class Summary:
    """What became of the files of one run.

    Attributes:
        files: files written.
        rows: rows written.
        unreadable: rows that could not be split into columns, and so were left out.
        columns: {column as the file calls it: what happened to it}, as far as it may be told.
    """

    files: int = 0
    rows: int = 0
    unreadable: int = 0
    columns: dict[str, Treatment] = field(default_factory=dict)

    @property
    def counts(self) -> Mapping[str, int]:
        """Count columns by what happened to them."""
        return Counter(treatment.verb for treatment in self.columns.values())


class Rewriting:
    """Writes files again, all under the same key."""

    def __init__(self, values: Values) -> None:
        self.summary = Summary()
        self._values = values

    def rewrite(self, handle: io.BufferedReader, size: int, stem: Path) -> Path:
        """Write a file again beside `stem`, with the ending of its form.

        Raises:
            DamagedError: it is none of the forms, or cannot be read to its end.
        """
        handle.seek(0)
        head = handle.read(8)
        if head.startswith(_PACKED):
            raise DamagedError("is packed in a way that costd does not open; unpack it first")
        if head.lstrip().startswith((b"{", b"[")):
            raise DamagedError("is JSON, which costd does not copy; export it as Parquet instead")
        if head.startswith(b"PAR1"):
            out = stem.with_suffix(".parquet")
            self._parquet(handle, out)
        else:
            out = stem.with_suffix(".csv.gz" if head.startswith(GZIP_MAGIC) else ".csv")
            self._csv(handle, size, out)
        self.summary.files += 1
        return out

    def _plan(self, names: list[str]) -> list[tuple[int, str, str]]:
        """Give (position, name to write, column that its treatment goes by) of what stays."""
        plan = []
        for at, name in enumerate(names):
            tag = tag_column(name)
            treatment = Treatment.NAME if tag else treatment_of(name)
            self.summary.columns.setdefault(name, treatment)
            if treatment is not Treatment.DROP:
                # A tag in a column of its own is replaced as a name is.
                plan.append((at, tag[0] + self._values.key(tag[1]) if tag else name, "" if tag else name))
        if not any(path for _, _, path in plan):
            raise DamagedError("has no column that costd knows, so nothing of it could be kept")
        return [(at, name, path or "ResourceName") for at, name, path in plan]

    def _csv(self, handle: io.BufferedReader, size: int, out: Path) -> None:
        stream, head = TextStream(handle, size), b""
        while len(head) < HEAD_BYTES and (data := stream.read(HEAD_BYTES - len(head))):
            head += data
        delimiter, names, _, header_lines = read_header(head)
        plan = self._plan(names)
        csv.field_size_limit(MAX_FIELD)
        text = io.TextIOWrapper(io.BufferedReader(TextStream(handle, size)), "utf-8-sig", newline="")
        rows, line = csv.reader(text, delimiter=delimiter), 1
        with _text_file(out) as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
            writer.writerow([name for _, name, _ in plan])
            try:
                for row in rows:
                    if row and line > header_lines:
                        self._csv_row(writer, row, plan, len(names))
                    line = rows.line_num + 1
            except csv.Error as error:
                raise DamagedError(f"is no readable CSV at line {line:,}: {error}") from None

    def _csv_row(self, writer: Any, row: list[str], plan: list[tuple[int, str, str]], width: int) -> None:
        if len(row) != width:
            self.summary.unreadable += 1
            return
        writer.writerow([self._values.text(path, row[at]) for at, _, path in plan])
        self.summary.rows += 1

    def _parquet(self, handle: io.BufferedReader, out: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            table = parquet.ParquetFile(handle)
            names = list(table.schema_arrow.names)
            plan = self._plan(names)
            schema = pa.schema(
                [(name, _written_type(table.schema_arrow.field(at).type, path)) for at, name, path in plan]
            )
            with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
                for batch in table.iter_batches(batch_size=_ROWS, columns=[names[at] for at, _, _ in plan]):
                    held = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
                    columns = [
                        self._column(held[names[at]], path, schema.field(i).type)
                        for i, (at, _, path) in enumerate(plan)
                    ]
                    writer.write_table(pa.table(columns, schema=schema))
                    self.summary.rows += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise DamagedError(f"is no readable Parquet file: {str(error)[:200]}") from None

    def _column(self, column: pa.Array, path: str, dtype: pa.DataType) -> pa.Array:
        import pyarrow as pa

        if pa.types.is_nested(column.type):
            return pa.array([self._values.value(path, one) for one in column.to_pylist()], type=dtype)
        if _passes(column.type, path):
            return column
        text = _as_text(column).dictionary_encode()
        replaced = [
            None if one is None else self._values.text(path, one) for one in text.dictionary.to_pylist()
        ]
        return pa.array(replaced, type=pa.string()).take(text.indices)


def _passes(dtype: pa.DataType, path: str) -> bool:
    """Tell whether a column stays as it is: numbers and times that are figures, and flags."""
    import pyarrow as pa

    is_text = pa.types.is_dictionary(dtype) or any(
        test(dtype)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
        )
    )
    figures = {Treatment.FIGURE, Treatment.WORD}
    return (not is_text and treatment_of(path) in figures) or pa.types.is_boolean(dtype)


def _written_type(dtype: pa.DataType, path: str) -> pa.DataType:
    import pyarrow as pa

    return dtype if pa.types.is_nested(dtype) or _passes(dtype, path) else pa.string()


def _as_text(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):  # an account id that somebody's spreadsheet made a number
        column = column.cast(pa.decimal128(38, 0), safe=False)
    return column.cast(pa.string())


@contextmanager
def _text_file(out: Path) -> Iterator[IO[str]]:
    with out.open("wb") as raw:
        packed = gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) if out.suffix == ".gz" else None
        with io.TextIOWrapper(io.BufferedWriter(packed or raw), "utf-8", newline="") as text:
            yield text
        if packed is not None:
            packed.close()
