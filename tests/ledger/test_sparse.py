"""A wide table of which most columns say nothing is read as it is, without their weight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ledger.sparse import collected


def test_what_is_collected_is_the_table_itself(tmp_path: Path) -> None:
    wide = pl.DataFrame(
        {
            **{f"empty_{at}": pl.Series([None] * 5, dtype=pl.String) for at in range(30)},
            "id": [1, 2, 3, 4, 5],
            **{f"none_{at}": pl.Series([None] * 5, dtype=pl.Decimal(38, 12)) for at in range(30)},
            "some": [None, "a", None, "", "b"],
            "list": pl.Series([None, ["a"], None, None, []], dtype=pl.List(pl.String)),
        }
    )
    wide.write_parquet(tmp_path / "wide.parquet")
    found = collected(pl.scan_parquet(tmp_path / "wide.parquet"))
    assert found.equals(wide)
    assert found.schema == wide.schema
    assert found.filter(pl.col("id") > 3).equals(wide.filter(pl.col("id") > 3))


@pytest.mark.parametrize("rows", [0, 3])
def test_a_table_that_says_nothing_keeps_its_columns_and_rows(rows: int) -> None:
    nothing = pl.DataFrame({"a": [None] * rows, "b": [None] * rows}, schema={"a": pl.String, "b": pl.Int64})
    assert collected(nothing.lazy()).equals(nothing)


def test_columns_without_a_value_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = [pl.lit(None, dtype=pl.String).alias(f"empty_{at}") for at in range(20)]
    pl.DataFrame({"id": range(100)}).with_columns(empty).write_parquet(tmp_path / "wide.parquet")
    widths, collect = [], pl.LazyFrame.collect

    def watched(rows: pl.LazyFrame, *args: Any, **kwargs: Any) -> Any:
        made = collect(rows, *args, **kwargs)
        widths.append((made.height, made.width))
        return made

    monkeypatch.setattr(pl.LazyFrame, "collect", watched)
    assert collected(pl.scan_parquet(tmp_path / "wide.parquet")).shape == (100, 21)
    assert [width for height, width in widths if height == 100] == [1]
