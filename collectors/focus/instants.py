"""Times as aware UTC, whatever a file writes them as. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import polars as pl

from domain.charge import INSTANT

REMEMBERED = 100_000
"""Distinct texts that are remembered from chunk to chunk; a month has 744 hours."""

_YEARS = range(1990, 2200)
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"(?: ?(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?",
    re.ASCII,
)
_AMERICAN = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp][Mm]))?)?", re.ASCII
)


def parse(text: str) -> datetime | None:
    """Read one time; None if it is none.

    `2026-06-01T00:00:00Z` and its relatives: a space for the `T`, no seconds, up to nine
    fractional digits (cut to microseconds), an offset, a date alone (its midnight).
    `06/01/2026` is month/day/year, as Azure writes it. Without a zone it is UTC, as FOCUS
    demands.
    """
    stripped = text.strip()
    try:
        if match := _ISO.fullmatch(stripped):
            return _iso(match)
        if match := _AMERICAN.fullmatch(stripped):
            return _american(match)
    except (ValueError, OverflowError):
        pass
    return None


def _iso(match: re.Match[str]) -> datetime | None:
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    fraction = (match[7] or "").ljust(6, "0")[:6]
    found = datetime(
        year,
        month,
        day,
        int(match[4] or 0),
        int(match[5] or 0),
        int(match[6] or 0),
        int(fraction),
        tzinfo=_zone(match[8]),
    ).astimezone(UTC)
    return found if found.year in _YEARS else None


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _american(match: re.Match[str]) -> datetime | None:
    month, day, year = int(match[1]), int(match[2]), int(match[3])
    hour = int(match[4] or 0)
    if match[7]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[7].lower() == "pm" else 0)
    found = datetime(year, month, day, hour, int(match[5] or 0), int(match[6] or 0), tzinfo=UTC)
    return found if found.year in _YEARS else None


def instants(series: pl.Series, known: dict[str, datetime | None]) -> pl.Series:
    """Parse a column of any type; null where there is no time. `known` remembers texts."""
    dtype = series.dtype
    if isinstance(dtype, pl.Datetime):
        zoned = series.dt.replace_time_zone("UTC") if dtype.time_zone is None else series
        return _plausible(zoned.dt.convert_time_zone("UTC").cast(INSTANT))
    if dtype == pl.Date:
        return _plausible(series.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    if dtype != pl.String:
        return pl.Series(series.name, [None] * len(series), dtype=INSTANT)
    if len(known) > REMEMBERED:
        known.clear()
    distinct = series.drop_nulls().unique().to_list()
    for text in distinct:
        if text not in known:
            known[text] = parse(text)
    times = pl.Series([known[text] for text in distinct], dtype=INSTANT)
    return series.replace_strict(distinct, times, default=None, return_dtype=INSTANT)


def _plausible(series: pl.Series) -> pl.Series:
    first, last = series.min(), series.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return series
    if first.year in _YEARS and last.year in _YEARS:
        return series
    return series.set(~series.dt.year().is_between(_YEARS.start, _YEARS.stop - 1), None)
