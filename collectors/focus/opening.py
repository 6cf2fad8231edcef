"""Opening a file by what its first bytes say, not by its name."""

from __future__ import annotations

from io import BufferedReader

from collectors.focus.columns import Matcher, match
from collectors.focus.csv_table import CsvTable
from collectors.focus.damage import DamagedError
from collectors.focus.parquet_table import ParquetTable
from collectors.focus.pieces import Table
from collectors.focus.text_stream import LIMITS, Limits

_PACKED = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; unpack it, or save it as CSV",
    b"\x28\xb5\x2f\xfd": "packed with zstd; unpack it, or pack it with gzip",
    b"BZh": "packed with bzip2; unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz; unpack it, or pack it with gzip",
}


def opened(handle: BufferedReader, size: int, *, limits: Limits = LIMITS, matcher: Matcher = match) -> Table:
    """Open a CSV, gzipped CSV or Parquet file; `matcher` understands its header.

    Raises:
        DamagedError: it is none of these, or its header or footer cannot be read.
    """
    handle.seek(0)
    head = handle.read(8)
    if not head:
        raise DamagedError("is empty (0 bytes): it was not written or copied whole")
    for magic, what in _PACKED.items():
        if head.startswith(magic):
            raise DamagedError(f"is {what}")
    if head.startswith(b"PAR1"):
        return ParquetTable(handle, size, matcher=matcher)
    return CsvTable(handle, size, limits=limits, matcher=matcher)
