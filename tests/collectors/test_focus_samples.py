"""Real and generated FOCUS sets whose sums are known."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from exports import Desk

COSTS = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
SETS = [(provider, version) for provider in ("aws", "azure", "gcp") for version in ("1.2", "1.3")]


@pytest.mark.shared
def test_the_official_sample_gives_its_published_totals(shared_data: Path) -> None:
    desk = Desk(shared_data / "focus10_sample_1000.csv")
    found = desk.collect()
    charges = pl.concat(desk.months.values())
    totals = {
        (row["ProviderName"], row["month"]): (row["rows"], row["BilledCost"], row["ListCost"])
        for row in charges.group_by("ProviderName", month=pl.col("BillingPeriodStart").dt.strftime("%Y-%m"))
        .agg(pl.len().alias("rows"), pl.col(COSTS).sum())
        .iter_rows(named=True)
    }
    assert totals == {
        ("AWS", "2024-09"): (942, Decimal("18.0066386184"), Decimal("18.1493176406")),
        ("Microsoft", "2024-09"): (51, Decimal("1.97651418586"), Decimal("1.97651418586")),
        ("Oracle", "2024-09"): (6, Decimal("0.29707392473"), Decimal("0.02507392473")),
        ("Oracle", "2024-10"): (1, Decimal("0.24"), Decimal("0.24")),
    }
    assert found.residual == {}
    assert found.rejected == []
    assert found.is_fresh
    assert found.versions == ["1.0"]
    assert charges["CommitmentDiscountId"].null_count() == 996
    assert charges["BillingAccountId"].str.contains(r"^\S+$").all()
    assert set(charges["ChargeFrequency"].drop_nulls()) == {"Usage-Based", "One-Time"}
    assert charges.filter(pl.col("ContractedCost").is_null()).height == 7
    assert any("columns not kept: Id" in note for note in found.notes)
    assert desk.collect().batches == []


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    folder = tmp_path_factory.mktemp("generated")
    program = "import sys; from focus_data_toolkit.cli import main; sys.exit(main(sys.argv[1:]))"
    found = {}
    for provider, version in SETS:
        out = folder / f"{provider}-{version}"
        command = [
            sys.executable,
            "-c",
            program,
            "generate",
            "--provider",
            provider,
            "--focus-version",
            version,
        ]
        subprocess.run([*command, "--rows", "400", "--out", str(out)], check=True, capture_output=True)
        found[provider, version] = out
    return found


def truth(path: Path) -> dict[tuple[str, str, str], Decimal]:
    """Sums of a file by Python's own csv and Decimal."""
    sums: defaultdict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for cost in COSTS:
                sums[row["BillingPeriodStart"][:7], row["BillingCurrency"], cost] += Decimal(row[cost])
    return dict(sums)


def costs(parsed: dict[tuple[str, str, str], Decimal]) -> dict[tuple[str, str, str], Decimal]:
    return {key: amount for key, amount in parsed.items() if key[2] in COSTS}


@pytest.mark.parametrize(("provider", "version"), SETS)
def test_generated_sets_keep_their_sums_to_the_last_digit_in_every_form(
    generated: dict[tuple[str, str], Path], tmp_path: Path, provider: str, version: str
) -> None:
    folder = generated[provider, version]
    (path,) = folder.glob("*cost_and_usage*.csv")
    expected = truth(path)
    desk = Desk(folder)
    found = desk.collect()
    assert costs(found.parsed) == expected
    assert (found.rejected, found.versions, found.is_fresh) == ([], [version], True)
    for (period, currency, cost), amount in expected.items():
        stored = desk.months[period].filter(pl.col("BillingCurrency") == currency)[cost].sum()
        assert amount - found.residual.get((period, currency, cost), Decimal(0)) == stored
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "a.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    text = pl.read_csv(path, infer_schema=False)
    (tmp_path / "text").mkdir()
    text.write_parquet(tmp_path / "text" / "a.parquet")
    (tmp_path / "typed").mkdir()
    amounts = pl.col(COSTS).cast(pl.Decimal(38, 24))
    times = pl.selectors.ends_with("PeriodStart", "PeriodEnd").str.to_datetime(time_zone="UTC")
    text.with_columns(amounts, times).write_parquet(tmp_path / "typed" / "a.parquet")
    for form in ("packed", "text", "typed"):
        other = Desk(tmp_path / form)
        assert costs(other.collect().parsed) == expected
        assert {p: m.sort(m.columns) for p, m in other.months.items()}.keys() == desk.months.keys()
        for period, month in other.months.items():
            assert month.equals(desk.months[period])
