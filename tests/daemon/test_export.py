"""FOCUS files that say what the ledger says: columns of their version, exact sums, nulls as nulls."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from builders import a_batch, a_charge

from attribution.ownership import assign, compile_rules
from config.ownership import Ownership
from daemon import export as export_module
from daemon.export import Export, Format, columns_of, write_export
from domain.charge import COSTS, FOCUS
from domain.errors import GateError, StorageError
from ledger.charges import ChargeLedger

RULES = compile_rules(Ownership())


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    ledger = ChargeLedger(str(tmp_path / "ledger"), promote=RULES.keys)
    batch = a_batch(
        a_charge(BilledCost="0.000000000001", ContractedCost=None, Tags={"team": "web", "Ünïcode": "ß"}),
        a_charge(
            BilledCost="-2.6137", ChargeCategory="Credit", ResourceId=None, Tags=None, ServiceProviderName="X"
        ),
        a_charge(
            start="2026-07-01",
            BillingCurrency="EUR",
            ResourceName="=cmd|' /C calc'!A0",
            RegionName="\uff1d1+1",
            ProviderName=None,
            ServiceProviderName="AWS",
        ),
    )
    ledger.replace(batch, seen_at=datetime(2026, 8, 1, tzinfo=UTC))
    return ledger


def exported(ledger: ChargeLedger, tmp_path: Path, **fields: object) -> Path:
    kind = fields.pop("format", Format.PARQUET)
    path = tmp_path / "out" / f"focus.{kind}"
    export = Export(**{"version": "1.2", "format": kind, "path": path, **fields})  # type: ignore[arg-type]  # test
    write_export(export, ledger, assign(ledger.resources().collect(), RULES))
    return path


def test_a_place_that_cannot_be_written_is_told(ledger: ChargeLedger, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    export = Export(version="1.2", format=Format.CSV, path=tmp_path / "file" / "focus.csv")
    with pytest.raises(StorageError, match=r"cannot write .*focus\.csv: "):
        write_export(export, ledger, assign(ledger.resources().collect(), RULES))


def test_columns_are_those_of_the_version() -> None:
    assert len(columns_of("1.0")) == 43
    assert len(columns_of("1.2")) == 57
    assert {column.name for column in FOCUS} - {column.name for column in columns_of("1.2")} == {
        "AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName",
        "AllocatedTags", "ContractApplied", "HostProviderName", "ServiceProviderName",
    }  # fmt: skip


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_the_file_has_its_columns_first_and_ours_as_x_columns_after(
    ledger: ChargeLedger, tmp_path: Path, version: str
) -> None:
    schema = pl.read_parquet_schema(exported(ledger, tmp_path, version=version))
    names = list(schema)
    focus = [column.name for column in columns_of(version)]
    assert names[: len(focus)] == focus
    assert all(name.startswith("x_") for name in names[len(focus) :])
    assert {"x_Source", "x_Team", "x_PullRequest", "x_CostKind", "x_ServiceProviderName"} <= set(names)
    assert schema["BilledCost"] == pl.Decimal(38, 12)
    assert schema["ChargePeriodStart"] == pl.Datetime("us", "UTC")
    assert schema["BillingAccountId"] == pl.String


def test_amounts_are_exact_and_what_is_missing_stays_null(ledger: ChargeLedger, tmp_path: Path) -> None:
    frame = pl.read_parquet(exported(ledger, tmp_path))
    assert sorted(frame["BilledCost"]) == [Decimal("-2.6137"), Decimal("1E-12"), Decimal("1.25")]
    assert frame["ContractedCost"].null_count() == 1
    credit = frame.filter(pl.col("ChargeCategory") == "Credit").to_dicts()[0]
    assert credit["ResourceId"] is None
    assert credit["Tags"] is None
    assert credit["x_Team"] is None
    assert credit["x_ServiceProviderName"] == "X"
    tagged = [json.loads(text) for text in frame["Tags"].drop_nulls()]
    assert {"team": "web", "Ünïcode": "ß"} in tagged


def test_a_provider_named_as_1_3_does_is_named_in_older_columns_too(
    ledger: ChargeLedger, tmp_path: Path
) -> None:
    frame = pl.read_parquet(exported(ledger, tmp_path))
    assert frame["ProviderName"].null_count() == 0


def test_sources_and_periods_narrow_it(ledger: ChargeLedger, tmp_path: Path) -> None:
    july = pl.read_parquet(exported(ledger, tmp_path, periods=frozenset({"2026-07"})))
    assert july["BillingCurrency"].to_list() == ["EUR"]
    nothing = pl.read_parquet(exported(ledger, tmp_path, sources=frozenset({"gcp"})))
    assert nothing.is_empty()


def test_csv_has_utc_times_plain_numbers_and_no_formula(ledger: ChargeLedger, tmp_path: Path) -> None:
    path = exported(ledger, tmp_path, format=Format.CSV)
    assert path.read_bytes().count(b"\r\n") == 4
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    july = next(row for row in rows if row["BillingCurrency"] == "EUR")
    assert july["ChargePeriodStart"] == "2026-07-01T00:00:00Z"
    assert july["ResourceName"] == "'=cmd|' /C calc'!A0"
    assert july["RegionName"] == "'\uff1d1+1"
    credit = next(row for row in rows if row["ChargeCategory"] == "Credit")
    assert Decimal(credit["BilledCost"]) == Decimal("-2.6137")
    assert credit["ResourceId"] == ""


def test_the_sums_told_are_those_of_the_ledger(ledger: ChargeLedger, tmp_path: Path) -> None:
    export = Export(version="1.2", format=Format.PARQUET, path=tmp_path / "f.parquet")
    sums = write_export(export, ledger, assign(ledger.resources().collect(), RULES))
    assert sums["USD"]["rows"] == 2
    assert sums["USD"]["BilledCost"] == Decimal("-2.613699999999")
    assert set(sums["EUR"]) == {"rows", *COSTS.values()}


def test_a_file_that_does_not_add_up_never_exists(
    ledger: ChargeLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export_module.export_frames
    monkeypatch.setattr(export_module, "export_frames", lambda *args: (f.head(1) for f in whole(*args)))
    with pytest.raises(GateError, match="does not add up"):
        exported(ledger, tmp_path)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_older_export_is_replaced_whole(ledger: ChargeLedger, tmp_path: Path) -> None:
    path = exported(ledger, tmp_path)
    before = path.read_bytes()
    assert exported(ledger, tmp_path, periods=frozenset({"2026-07"})).read_bytes() != before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_pieces_make_the_same_file(
    ledger: ChargeLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pl.read_parquet(exported(ledger, tmp_path))
    monkeypatch.setattr(export_module, "PIECE", 2)
    pieces = pl.read_parquet(exported(ledger, tmp_path))
    assert pieces.equals(whole)
    as_csv = exported(ledger, tmp_path, format=Format.CSV).read_text(encoding="utf-8")
    assert as_csv.count("BilledCost,") == 1
    assert len(list(csv.reader(as_csv.splitlines()))) == 4
