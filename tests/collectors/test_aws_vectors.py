"""The vectors with known answers, in both forms of the report."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cur_months import converted

VECTORS = [
    vector
    for vector in json.loads(
        (Path(__file__).parents[1] / "data" / "billing_vectors.json").read_text(encoding="utf-8")
    )
    if vector["source"] == "aws_cur2"
]


def shown(value: Any) -> Any:
    """Give a value as the vectors write it."""
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value


def compare(frame: pl.DataFrame, expected: list[dict[str, Any]]) -> None:
    assert frame.height == len(expected)
    for row, texts in zip(frame.to_dicts(), expected, strict=True):
        row["Tags"] = json.loads(row["Tags"]) if row.get("Tags") else None
        wanted = {
            name: Decimal(value) if isinstance(row[name], Decimal) and value is not None else value
            for name, value in texts.items()
        }
        assert {name: shown(row[name]) for name in wanted} == wanted


@pytest.mark.parametrize("is_legacy", [False, True], ids=["cur2", "legacy"])
@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_a_vector_becomes_the_charges_that_it_names(vector: dict[str, Any], *, is_legacy: bool) -> None:
    found = converted(vector["input"], is_legacy=is_legacy)
    assert found.rejected == {}
    compare(found.charges, vector["expected"])
    if wanted := vector.get("expected_allocation"):
        assert found.allocations is not None
        compare(found.allocations, wanted)
    else:
        assert found.allocations is None


def test_all_vectors_of_aws_are_there() -> None:
    assert [vector["id"] for vector in VECTORS] == [f"A{number:02d}" for number in range(1, 15)]
