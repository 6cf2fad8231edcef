"""The generated months are what the benchmarks say they are, and the benchmarks run."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from benchmarks.measure import RunFailedError, run
from benchmarks.months import Recipe, write
from benchmarks.table import Line, show
from domain.charge import COSTS, FOCUS

SMALL = Recipe(rows=20_000, resources=2_000)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("month")
    write(folder, SMALL)
    return folder


def test_a_month_holds_exactly_the_sums_it_says(month: Path) -> None:
    sums = json.loads((month / "truth.json").read_text(encoding="utf-8"))["sums"]
    stored = pl.read_parquet(month / "focus" / "*.parquet").select(COSTS.values()).sum()
    assert {name: Decimal(sums[name]) for name in COSTS.values()} == stored.row(0, named=True)


def test_a_month_has_the_columns_of_its_version_and_realistic_numbers(month: Path) -> None:
    charges = pl.read_parquet(month / "focus" / "*.parquet")
    assert charges.columns == [column.name for column in FOCUS if column.since <= "1.2"]
    assert charges["ServiceName"].n_unique() == 60
    assert charges["SkuId"].n_unique() > 1_000
    assert charges["ResourceId"].n_unique() > 1_500
    assert set(charges["ChargeCategory"]) == {"Usage", "Credit", "Tax", "Purchase"}
    assert charges.filter(pl.col("ChargeCategory") == "Credit")["BilledCost"].max() < 0
    assert set(charges["CommitmentDiscountStatus"]) == {None, "Used", "Unused"}
    assert max(len(json.loads(tags)) for tags in charges["Tags"].unique()) > 5


def test_the_same_recipe_gives_the_same_month(month: Path, tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    (part,) = (tmp_path / "focus").iterdir()
    assert part.read_bytes() == (month / "focus" / part.name).read_bytes()


def test_months_of_one_company_share_their_resources(month: Path, tmp_path: Path) -> None:
    write(tmp_path, Recipe(rows=20_000, resources=2_000, month="2026-05", version="1.3", tags="map"))
    earlier = pl.read_parquet(tmp_path / "focus" / "*.parquet")
    later = pl.read_parquet(month / "focus" / "*.parquet")
    assert len(earlier.columns) == len(FOCUS)
    assert earlier.schema["Tags"] == pl.Map(pl.String, pl.String)
    assert earlier["BillingPeriodStart"].dt.month().unique().to_list() == [5]
    common = set(earlier["ResourceId"]) & set(later["ResourceId"])
    assert len(common) > 1_000


def test_a_figure_of_a_failed_run_is_no_figure() -> None:
    with pytest.raises(RunFailedError, match="ended with 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"])
    assert run([sys.executable, "-c", "print(1)"]).output == "1\n"


def test_the_table_says_what_is_over_its_goal() -> None:
    text = show(
        [
            Line(work="collect", ours="9 s", floor="5 s", reached=1.8, goal=1.6),
            Line(work="start", ours="80 ms", floor="", reached=80, goal=100, unit="ms"),
        ]
    )
    assert text.splitlines()[1].split()[-1] == "over"
    assert text.splitlines()[2].split()[-1] == "ok"


def test_a_part_runs_from_month_to_table(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--rows", "20000", "--resources", "2000", "--rounds", "1"]
    result = subprocess.run(
        [*command, "--only", "attribution", "--folder", str(tmp_path)],
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "re-attribute after a rule change" in result.stdout


def test_a_cluster_is_split_to_the_last_unit_before_its_speed_counts(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--rows", "36000", "--rounds", "1", "--only", "kubernetes"]
    result = subprocess.run(
        [*command, "--folder", str(tmp_path)], cwd=root, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "split a cluster's month among its pods" in result.stdout
    assert list(tmp_path.iterdir()) == []
