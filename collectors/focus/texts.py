"""Text as FOCUS wants it: absent is null, ids are text, allowed values are spelt exactly. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

NULL_TEXTS = ("", "NULL", "null", "Null", "N/A", "n/a", "\\N")
"""Texts by which exporters write *nothing*; a few spaces count too. `-`, `0` and `None` are values."""

_LONGEST_NULL = max(map(len, NULL_TEXTS)) + 2  # with a space or two around it

ALLOWED = {
    "ChargeCategory": ("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    "ChargeClass": ("Correction",),
    "ChargeFrequency": ("One-Time", "Recurring", "Usage-Based"),
    "PricingCategory": ("Standard", "Committed", "Dynamic", "Other"),
    "CommitmentDiscountCategory": ("Spend", "Usage"),
    "CommitmentDiscountStatus": ("Used", "Unused"),
    "CapacityReservationStatus": ("Used", "Unused"),
    "ServiceCategory": (
        "AI and Machine Learning",
        "Analytics",
        "Business Applications",
        "Compute",
        "Databases",
        "Developer Tools",
        "Multicloud",
        "Identity",
        "Integration",
        "Internet of Things",
        "Management and Governance",
        "Media",
        "Migration",
        "Mobile",
        "Networking",
        "Security",
        "Storage",
        "Web",
        "Other",
    ),
}
"""FOCUS 1.2 allowed values; a spelling that differs in case, spaces or hyphens is repaired."""

_FOLDED = {
    column: {re.sub(r"[^a-z]", "", value.lower()): value for value in values}
    for column, values in ALLOWED.items()
}


def as_text(series: pl.Series) -> pl.Series:
    """Give values of any type as text; a float id loses its `.0`, digits are never grouped."""
    dtype = series.dtype
    if dtype == pl.String:
        return series
    if dtype.is_float():
        whole = (series.is_finite() & (series == series.round()) & (series.abs() < 2**63)).fill_null(
            value=False
        )
        integers = series.set(~whole, None).cast(pl.Int64, strict=False)
        return integers.cast(pl.String).zip_with(whole, _finite_text(series))
    if dtype.is_temporal():
        return series.dt.to_string("iso")
    if dtype.is_nested() or dtype == pl.Binary:
        return pl.Series(series.name, [_text(value) for value in series.to_list()], dtype=pl.String)
    return series.cast(pl.String, strict=False)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _finite_text(series: pl.Series) -> pl.Series:
    return series.set(~series.is_finite().fill_null(value=True), None).cast(pl.String)


def without_null_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Give the frame with every text that means *nothing* as null."""
    columns = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    if not columns or frame.is_empty():
        return frame
    shortest = frame.select(pl.col(columns).str.len_bytes().min()).row(0)
    suspects = [
        name
        for name, length in zip(columns, shortest, strict=True)
        if length is not None and length <= _LONGEST_NULL
    ]
    if not suspects:
        return frame
    short = frame.select(
        pl.col(name).filter(pl.col(name).str.len_bytes() <= _LONGEST_NULL).unique().implode()
        for name in suspects
    )
    absent = {
        name: [text for text in short[name][0].to_list() if text.strip() in NULL_TEXTS] for name in suspects
    }
    return frame.with_columns(
        pl.when(pl.col(name).is_in(found)).then(None).otherwise(pl.col(name)).alias(name)
        for name, found in absent.items()
        if found
    )


def allowed(series: pl.Series) -> pl.Series:
    """Give a column of allowed values spelt as FOCUS spells them; unknown values stay."""
    known = _FOLDED[series.name]
    return mapped(series, lambda text: known.get(_folded(text), text))


def _folded(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def mapped(series: pl.Series, change: Callable[[str], str | None]) -> pl.Series:
    """Give the series with every distinct text changed once; the same object if none changes."""
    old = series.drop_nulls().unique().to_list()
    new = [change(text) for text in old]
    if old == new:
        return series
    return series.replace_strict(old, new, default=None, return_dtype=pl.String)
