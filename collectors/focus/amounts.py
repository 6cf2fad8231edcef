"""Costs, prices and quantities as exact decimals, whatever a file writes them as. Pure.

A value is parsed exactly, then rounded half to even to the stored scale; the difference
is the residual. Nothing passes through a float: a float column is taken as the shortest
decimal that means the same float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal

import polars as pl

from domain.money import PRECISION

MAX_FRACTION = 60
"""Digits after the point that an amount may have; more is no amount but an attack or a fault."""

_WIDE_SCALE = 30
_WIDE = pl.Decimal(PRECISION, _WIDE_SCALE)
_GLANCE = _WIDE_SCALE - 11  # so long a text with an exponent of at most 11 has no more digits than that
_AMOUNT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST = 400
_EXACT = Context(prec=2 * PRECISION + MAX_FRACTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """One parsed column.

    Attributes:
        stored: the values at the stored scale; null where there is none or it is bad.
        bad: rows whose value is no amount.
        residual: parsed minus stored as `Decimal(38,30)`, null where it is zero; None if
            no row has one.
        odd: row -> residual that `residual` cannot hold.
    """

    stored: pl.Series
    bad: tuple[int, ...] = ()
    residual: pl.Series | None = None
    odd: dict[int, Decimal] = field(default_factory=dict)


def amounts(series: pl.Series, scale: int) -> Amounts:
    """Parse a column of any type to `Decimal(38, scale)`."""
    dtype, target = series.dtype, pl.Decimal(PRECISION, scale)
    if dtype == pl.String:
        return _from_text(series, scale)
    if dtype == pl.Null:
        return Amounts(stored=series.cast(target))
    if isinstance(dtype, pl.Decimal) or dtype.is_integer():
        stored = series.cast(target, strict=False)
        if stored.null_count() == series.null_count() and _equal(stored, series, scale):
            return Amounts(stored=stored)
    if dtype.is_numeric():
        return _from_text(series.cast(pl.String), scale)
    return Amounts(
        stored=pl.Series(series.name, [None] * len(series), dtype=target),
        bad=tuple(series.is_not_null().arg_true().to_list()),
    )


def _equal(stored: pl.Series, series: pl.Series, scale: int) -> bool:
    """Say whether rounding changed nothing, at the scale of the source."""
    if not isinstance(series.dtype, pl.Decimal) or series.dtype.scale <= scale:
        return True
    again = stored.cast(series.dtype, strict=False)
    return again.null_count() == series.null_count() and bool((again == series).all())


def _from_text(texts: pl.Series, scale: int) -> Amounts:
    stored = texts.cast(pl.Decimal(PRECISION, scale), strict=False)
    found = _Closer(texts, stored, scale)
    if stored.null_count() > texts.null_count():
        found.look_at((texts.is_not_null() & stored.is_null()).arg_true().to_list())
    residual = found.residuals(_longer(texts, scale))
    return Amounts(stored=found.stored, bad=tuple(sorted(found.bad)), residual=residual, odd=found.odd)


class _Closer:
    """Looks one by one at values that the fast way could not parse, or not exactly."""

    def __init__(self, texts: pl.Series, stored: pl.Series, scale: int) -> None:
        self.stored = stored
        self.bad: set[int] = set()
        self.odd: dict[int, Decimal] = {}
        self._texts = texts
        self._scale = scale

    def look_at(self, rows: list[int]) -> None:
        """Parse rows in full: mend their stored value, note a residual, or call them bad."""
        values: dict[int, Decimal | None] = {}
        for row in rows:
            found = parse(self._texts[row], self._scale)
            if found is None:
                self.bad.add(row)
            elif found[1]:
                self.odd[row] = found[1]
            values[row] = found[0] if found else None
        if values:
            mended = pl.Series(list(values.values()), dtype=self.stored.dtype)
            self.stored = self.stored.scatter(pl.Series(list(values), dtype=pl.UInt32), mended)

    def residuals(self, rows: pl.Series) -> pl.Series | None:
        """Give parsed minus stored of rows with more digits than are stored."""
        known = [*self.bad, *self.odd]
        rows = rows.filter(~rows.is_in(known)) if known else rows
        if rows.is_empty():
            return None
        picked = self._texts.gather(rows)
        wide = picked.cast(_WIDE, strict=False)
        if not _surely_fits(picked):
            wide = wide.set(_fraction_digits(picked) > _WIDE_SCALE, None)
        difference = (wide - self.stored.gather(rows).cast(_WIDE, strict=False)).cast(_WIDE)
        self.look_at(rows.filter(difference.is_null()).to_list())
        difference = difference.set(difference == 0, None)
        if difference.null_count() == len(difference):
            return None
        empty = pl.Series(picked.name, [None], dtype=_WIDE).new_from_index(0, len(self._texts))
        return empty.scatter(rows, difference)


def _longer(texts: pl.Series, scale: int) -> pl.Series:
    """Give the rows of which a glance does not show that every digit is stored."""
    longer = texts.str.contains(rf"[eE]|\.\d{{{scale + 1}}}")
    return longer.fill_null(value=False).arg_true()


def _surely_fits(texts: pl.Series) -> bool:
    """Tell at a glance that no value has more digits after the point than the wide scale holds."""
    is_long = texts.str.len_bytes() > _GLANCE
    is_tiny = texts.str.contains(r"[eE]-0*(?:1[2-9]|[2-9]\d|\d{3})")
    return not (is_long | is_tiny).any()


def _fraction_digits(texts: pl.Series) -> pl.Series:
    """Count the digits after the point once the exponent is applied."""
    written = texts.str.extract(r"\.(\d*)").str.len_bytes().cast(pl.Int64).fill_null(0)
    exponent = texts.str.extract(r"[eE]([+-]?\d+)$").cast(pl.Int64, strict=False).fill_null(0)
    return written - exponent


def parse(text: str, scale: int) -> tuple[Decimal, Decimal] | None:
    """Parse one amount exactly: the stored value and the residual; None if it is no amount.

    Spaces around it are allowed. Thousands separators, currency signs, brackets, NaN and
    infinities are not: guessing what was meant is not for a machine.
    """
    stripped = text.strip()
    if len(stripped) > _LONGEST or not _AMOUNT.fullmatch(stripped):
        return None
    value = Decimal(stripped)
    if value and -value.as_tuple().exponent > MAX_FRACTION:  # type: ignore[operator]  # finite: an int
        return None
    if abs(value) >= Decimal(10) ** (PRECISION - scale):
        return None
    stored = value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_EVEN, context=_EXACT)
    if abs(stored) >= Decimal(10) ** (PRECISION - scale):
        return None
    return stored, _EXACT.subtract(value, stored)
