"""The header of a CSV file: its delimiter, its names, and where the rows begin."""

from __future__ import annotations

import codecs
import csv
import io
from itertools import islice

from collectors.focus.columns import Matcher, match
from collectors.focus.damage import DamagedError

HEAD_BYTES = 2**20
"""How far the end of the header is looked for."""

MAX_FIELD = 2**22
"""Characters of one field, beyond which Python's reader gives up; its own limit is too small for tags."""

_DELIMITERS = (",", ";", "\t", "|")


def read_header(head: bytes, matcher: Matcher = match) -> tuple[str, list[str], int, int]:
    """Give delimiter, names, and how many bytes and lines the header takes.

    The delimiter is the one by which the most names are known columns.
    """
    mark = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    text = head[mark:].decode("utf-8", "ignore")
    found = [_split(text, delimiter) for delimiter in _DELIMITERS]
    best = max(found, key=lambda names_lines: len(matcher(names_lines[0]).positions))
    names, lines = best
    if not any(name.strip() for name in names):
        raise DamagedError("is empty: it has not even a header")
    start = sum(len(line.encode()) for line in islice(io.StringIO(text, newline=""), lines))
    return _DELIMITERS[found.index(best)], names, mark + start, lines


def _split(text: str, delimiter: str) -> tuple[list[str], int]:
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return next((record for record in reader if record), []), reader.line_num
    except csv.Error as error:
        raise DamagedError(f"has a header that is no CSV: {error}") from None
