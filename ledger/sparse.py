"""Reads wide tables of which most columns say nothing.

A bill uses some thirty of the columns that FOCUS has. A text column takes sixteen bytes a
row also where every row is null, so columns without a value are never read: they are
literals, which take nothing however many rows there are. The end of every Parquet file
says how many nulls each of its columns has.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import polars as pl

from ledger.failures import storage_errors
from ledger.files import Files
from ledger.store import Table

if TYPE_CHECKING:
    from pyarrow.parquet import ColumnChunkMetaData

_AT_ONCE = 16
"""Files asked side by side: in an object store each takes a request or two."""


def without_empty(table: Table) -> pl.LazyFrame:
    """Scan the newest version of a table, with columns that are null in every row as literals.

    Raises:
        StorageError: the table or one of its files cannot be read.
    """
    opened = table.open()
    rows = table.rows_of(opened)
    if opened is None:
        return rows
    schema = rows.collect_schema()
    in_files = set(schema) - set(table.spec.partitions)
    paths = [member.path for member in table.members(opened)]
    with storage_errors("read", table.uri), ThreadPoolExecutor(_AT_ONCE) as pool:
        empty = in_files.intersection(*pool.map(lambda path: _empty(in_files, table.files, path), paths))
    literals = (pl.lit(None, dtype=schema[name]).alias(name) for name in empty)
    said = rows.select(name for name in schema if name not in empty)
    return said.with_columns(literals).select(list(schema))


def _empty(names: set[str], files: Files, path: str) -> set[str]:
    """Give the columns without a value in a file."""
    from pyarrow import ArrowInvalid, parquet

    try:
        with files.open(path) as file:
            footer = parquet.read_metadata(file)
    except ArrowInvalid as error:
        raise OSError(f"{path}: {error}") from error
    groups = [footer.row_group(group) for group in range(footer.num_row_groups)]
    said = set()
    for at in range(footer.num_columns):
        column = footer.schema.column(at)
        if column.path != column.name:
            said.add(column.path.partition(".")[0])  # what is nested may be empty without being null
        elif not all(_is_null(group.column(at)) for group in groups):
            said.add(column.name)
    return names - said


def _is_null(chunk: ColumnChunkMetaData) -> bool:
    found = chunk.statistics
    return found is not None and found.has_null_count and found.null_count == chunk.num_values
