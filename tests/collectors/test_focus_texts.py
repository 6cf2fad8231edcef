from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from collectors.focus.texts import ALLOWED, allowed, as_text, mapped, without_null_texts


@pytest.mark.parametrize("text", ["", " ", "  \t", "NULL", "null", "Null", " NULL ", "N/A", "n/a", "\\N"])
def test_text_that_means_nothing_becomes_null(text: str) -> None:
    frame = pl.DataFrame({"a": [text, "kept"], "b": ["x", "y"], "c": [1, 2]})
    assert without_null_texts(frame).to_dict(as_series=False) == {
        "a": [None, "kept"],
        "b": ["x", "y"],
        "c": [1, 2],
    }


@pytest.mark.parametrize(
    "text", ["0", "-", "None", "none", "nan", "NULLs", "NA", "Not Applicable", "unknown"]
)
def test_text_that_may_be_a_value_stays(text: str) -> None:
    frame = pl.DataFrame({"a": [text, None]})
    assert without_null_texts(frame)["a"].to_list() == [text, None]


def test_frames_without_rows_or_text_pass_through() -> None:
    empty = pl.DataFrame({"a": [""]}).clear()
    numbers = pl.DataFrame({"a": [1]})
    assert without_null_texts(empty) is empty
    assert without_null_texts(numbers) is numbers


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([111122223333, None], pl.Int64(), ["111122223333", None]),
        ([111122223333.0, None], pl.Float64(), ["111122223333", None]),
        ([1.5, float("nan"), 1e30], pl.Float64(), ["1.5", None, "1e+30"]),
        ([True, None], pl.Boolean(), ["true", None]),
        (["a", None], pl.Categorical(), ["a", None]),
        ([b"a", b"\xff"], pl.Binary(), ["a", "�"]),
        ([date(2026, 6, 1)], pl.Date(), ["2026-06-01"]),
        ([Decimal("1.50")], pl.Decimal(10, 2), ["1.50"]),
        ([["a"], None], pl.List(pl.String()), ["['a']", None]),
        ([None], pl.Null(), [None]),
    ],
)
def test_ids_of_any_type_become_text(values: list[Any], dtype: pl.DataType, expected: list[str]) -> None:
    found = as_text(pl.Series("x", values, dtype=dtype))
    assert found.dtype == pl.String
    assert found.to_list() == expected


@pytest.mark.parametrize(
    ("column", "written", "expected"),
    [
        ("ChargeFrequency", "Usage-based", "Usage-Based"),
        ("ChargeFrequency", "USAGE BASED", "Usage-Based"),
        ("ChargeFrequency", "one_time", "One-Time"),
        ("ChargeCategory", "usage", "Usage"),
        ("ChargeClass", "CORRECTION", "Correction"),
        ("PricingCategory", "standard", "Standard"),
        ("CommitmentDiscountStatus", "unused", "Unused"),
        ("ServiceCategory", "ai and machine learning", "AI and Machine Learning"),
        ("ServiceCategory", "Blockchain", "Blockchain"),
    ],
)
def test_an_allowed_value_is_spelt_as_focus_spells_it(column: str, written: str, expected: str) -> None:
    assert allowed(pl.Series(column, [written, None])).to_list() == [expected, None]


@pytest.mark.parametrize("column", ALLOWED)
def test_what_is_spelt_right_is_not_touched(column: str) -> None:
    series = pl.Series(column, list(ALLOWED[column]))
    assert allowed(series) is series


def test_each_distinct_text_is_changed_once() -> None:
    asked = []

    def change(text: str) -> str:
        asked.append(text)
        return text.upper()

    assert mapped(pl.Series("x", ["a", "a", None, "b"]), change).to_list() == ["A", "A", None, "B"]
    assert sorted(asked) == ["a", "b"]
