from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from builders import a_charge, charges
from pyarrow import parquet

from collectors.focus import parquet_table
from collectors.focus.damage import DamagedError
from collectors.focus.normalise import Memory, Normalised, to_focus
from collectors.focus.opening import opened
from collectors.focus.pieces import Piece
from domain.charge import RAW_SCHEMA

TAGS = '{"team":"web"}'
FRAME = charges(
    *(a_charge(ResourceId=f"i-{i}", BilledCost=f"{i}.000000000001", Tags=TAGS) for i in range(100))
)
KNOWN = {name: dtype for name, dtype in RAW_SCHEMA.items() if not FRAME[name].is_null().all()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "charges.parquet"


def pieces_of(path: Path, rows: int = 1000) -> list[Piece]:
    with path.open("rb") as handle:
        return list(opened(handle, path.stat().st_size).pieces(rows=rows))


def read(path: Path) -> Normalised:
    (piece,) = pieces_of(path)
    return to_focus(piece.frame, Memory())


@pytest.mark.parametrize("codec", ["zstd", "snappy", "gzip", "brotli", "lz4", "uncompressed"])
def test_reads_any_codec_to_the_same_charges(path: Path, codec: Any) -> None:
    FRAME.select(list(KNOWN)).write_parquet(path, compression=codec)
    assert read(path).charges.equals(FRAME)


def test_reads_row_groups_in_bounded_pieces(path: Path) -> None:
    FRAME.write_parquet(path, row_group_size=30)
    found = pieces_of(path, rows=40)
    assert [piece.frame.height for piece in found] == [30, 30, 40]
    assert [piece.before for piece in found] == [0, 30, 60]
    assert found[1].ordinal(2) == 33


@pytest.mark.parametrize(
    ("group", "rows", "heights"),
    [(100, 40, [33, 33, 34]), (10, 40, [40, 40, 20]), (30, 100, [100]), (7, 1, [1] * 100)],
)
def test_pieces_are_whole_row_groups_where_they_fit(
    path: Path, group: int, rows: int, heights: list[int]
) -> None:
    FRAME.write_parquet(path, row_group_size=group)
    found = pieces_of(path, rows=rows)
    assert [piece.frame.height for piece in found] == heights
    assert [value for piece in found for value in piece.frame["ResourceId"]] == FRAME["ResourceId"].to_list()


def test_a_row_group_too_large_for_memory_is_read_through_a_small_buffer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_table, "_LARGE_GROUP_BYTES", 100)
    FRAME.write_parquet(path)
    found = pieces_of(path, rows=40)
    assert sum(piece.frame.height for piece in found) == 100
    assert found[0].frame["ResourceId"][0] == "i-0"


def test_row_numbers_stand_for_lines(path: Path) -> None:
    FRAME.write_parquet(path)
    with path.open("rb") as handle:
        assert opened(handle, path.stat().st_size).lines().line(7) == 7


def test_reads_what_other_writers_make_of_the_types(path: Path) -> None:
    moment = datetime(2026, 6, 10, tzinfo=UTC)
    table = pa.table(
        {
            "billed_cost": pa.array([Decimal("1.000000000000500000")], pa.decimal128(38, 18)),
            "EffectiveCost": pa.array([0.1], pa.float64()),
            "ListCost": pa.array([5], pa.int32()),
            "ContractedCost": pa.array([Decimal("1.5")], pa.decimal128(9, 2)),
            "BillingAccountId": pa.array([111122223333], pa.int64()),
            "SubAccountId": pa.array([444455556666.0], pa.float64()),
            "BillingCurrency": pa.array(["USD"]).dictionary_encode(),
            "BillingPeriodStart": pa.array([moment.replace(day=1)], pa.timestamp("ns")),
            "BillingPeriodEnd": pa.array([datetime(2026, 7, 1, tzinfo=UTC)], pa.timestamp("ms", "UTC")),
            "ChargePeriodStart": pa.array([moment.date()], pa.date32()),
            "ChargePeriodEnd": pa.array(["2026-06-11"]),
            "ChargeCategory": pa.array(["usage"], pa.large_string()),
            "ResourceId": pa.array([b"i-1"], pa.binary()),
            "ResourceName": pa.array([None], pa.null()),
            "Tags": pa.array([[("team", "web"), ("spot", None)]], pa.map_(pa.string(), pa.string())),
            "ConsumedQuantity": pa.array([float("nan")], pa.float32()),
        }
    )
    parquet.write_table(table, path)
    found = read(path)
    charge = found.charges.row(0, named=True)
    assert found.rejected == {}
    assert charge["BilledCost"] == Decimal("1.000000000000")
    assert found.sums.parsed["2026-06", "USD", "BilledCost"] == Decimal("1.0000000000005")
    assert (charge["EffectiveCost"], charge["ListCost"], charge["ContractedCost"]) == (
        Decimal("0.1"),
        Decimal(5),
        Decimal("1.5"),
    )
    assert (charge["BillingAccountId"], charge["SubAccountId"]) == ("111122223333", "444455556666")
    assert charge["BillingPeriodStart"] == moment.replace(day=1)
    assert charge["ChargePeriodStart"] == moment
    assert charge["ChargePeriodEnd"] == datetime(2026, 6, 11, tzinfo=UTC)
    assert (charge["ChargeCategory"], charge["ResourceId"], charge["ResourceName"]) == ("Usage", "i-1", None)
    assert charge["Tags"] == '{"team": "web"}'
    assert charge["ConsumedQuantity"] is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_refused(path: Path, share: float) -> None:
    FRAME.write_parquet(path)
    size = path.stat().st_size
    os.truncate(path, max(5, int(size * share)))
    with pytest.raises(DamagedError, match="cannot be read as Parquet"):
        pieces_of(path)


def test_a_hole_in_the_middle_is_never_taken_for_rows(path: Path) -> None:
    FRAME.select(list(KNOWN)).write_parquet(path, compression="zstd")
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 600] = bytes(600)
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="cannot be read as Parquet"):
        pieces_of(path)


def test_a_garbled_footer_is_refused(path: Path) -> None:
    FRAME.write_parquet(path)
    content = bytearray(path.read_bytes())
    content[-200:-8] = b"\xff" * 192
    path.write_bytes(content)
    with pytest.raises(DamagedError, match="cannot be read as Parquet"):
        pieces_of(path)


def test_a_file_that_is_cut_while_it_is_read_is_an_error_not_a_crash(path: Path) -> None:
    FRAME.write_parquet(path, row_group_size=10)
    with path.open("rb") as handle:
        pieces = opened(handle, path.stat().st_size).pieces(rows=10)
        next(pieces)
        os.truncate(path, 100)
        with pytest.raises(DamagedError, match="cannot be read as Parquet"):
            list(pieces)


def test_a_file_is_never_mapped_into_memory(path: Path) -> None:
    FRAME.write_parquet(path, row_group_size=10)
    with path.open("rb") as handle:
        for _ in opened(handle, path.stat().st_size).pieces(rows=10):
            assert path.name not in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_more_rows_than_bytes_could_hold_are_no_bill(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_table, "_FREE_ROWS", 1000)
    pl.DataFrame({"BilledCost": pl.zeros(5_000_000, pl.Int8, eager=True)}).write_parquet(path)
    with pytest.raises(DamagedError, match="claims 5,000,000 rows"):
        pieces_of(path)


def test_no_rows_are_no_pieces(path: Path) -> None:
    FRAME.clear().write_parquet(path)
    assert pieces_of(path) == []
