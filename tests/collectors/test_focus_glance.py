"""A glance at files tells exports from everything else, and what each charge's tags are."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from exports import a_row, write

from collectors.focus.glance import Glanced, glance, tagged_costs


def glanced(path: Path) -> Glanced:
    found = glance(path)
    assert found is not None
    return found


def test_an_export_is_known_by_its_header(tmp_path: Path) -> None:
    write(tmp_path / "june.csv", [a_row()])
    found = glanced(tmp_path / "june.csv")
    assert (found.form, found.version, found.size) == ("CSV", "1.0", found.path.stat().st_size)


@pytest.mark.parametrize("content", ["name,size\na,1\n", "", "PK\x03\x04zip"])
def test_other_files_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.csv").write_text(content, encoding="utf-8")
    assert glance(tmp_path / "other.csv") is None
    assert glance(tmp_path / "missing.csv") is None


def test_costs_come_with_their_tags_and_exactly(tmp_path: Path) -> None:
    write(tmp_path / "june.csv", [a_row(EffectiveCost="0.1"), a_row(EffectiveCost="0.2", Tags="")])
    frame = pl.concat(tagged_costs(glanced(tmp_path / "june.csv")))
    assert frame["cost"].to_list() == [Decimal("0.1"), Decimal("0.2")]
    assert frame["Tags"].to_list() == ['{"team": "web"}', None]
    assert frame["BillingCurrency"].to_list() == ["USD", "USD"]


def test_without_effective_cost_the_billed_one_counts(tmp_path: Path) -> None:
    row = a_row(BilledCost="7")
    del row["EffectiveCost"], row["Tags"]
    write(tmp_path / "june.csv", [row])
    frame = pl.concat(tagged_costs(glanced(tmp_path / "june.csv")))
    assert (frame["cost"].to_list(), frame["Tags"].to_list()) == ([Decimal(7)], [None])


def test_a_file_that_breaks_off_gives_what_could_be_read(tmp_path: Path) -> None:
    path = tmp_path / "june.csv"
    write(path, [a_row()])
    found = glanced(path)
    path.unlink()
    assert list(tagged_costs(found)) == []


def test_of_a_large_file_only_the_beginning_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "june.parquet"
    pl.concat([pl.DataFrame([a_row()] * 1000)] * 300).write_parquet(path)
    found = glanced(path)
    assert 0 < sum(piece.height for piece in tagged_costs(found, most_rows=1)) <= 250_000
    assert sum(piece.height for piece in tagged_costs(found)) == 300_000
