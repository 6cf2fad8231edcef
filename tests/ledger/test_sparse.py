"""A wide table of which most columns say nothing is read as it is, without their weight."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from builders import a_batch, a_charge
from polars.testing import assert_frame_equal
from s3 import S3Server

from domain.errors import StorageError
from ledger.charges import ChargeLedger
from ledger.sparse import without_empty
from ledger.store import Table

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)


def resources_of(ledger: ChargeLedger, *charges: dict[str, Any]) -> Table:
    """Store each charge in a file of its own; give the resource dimension."""
    for at, charge in enumerate(charges):
        ledger.replace(a_batch(charge, manifest_hash=str(at)), seen_at=NOW, force=True)
    return ledger.tables["resources"]


def read_columns(rows: pl.LazyFrame) -> int:
    (found,) = re.findall(r"PROJECT (\d+)/\d+ COLUMNS", rows.explain())
    return int(found)


def test_what_is_read_is_the_table_itself(tmp_path: Path) -> None:
    table = resources_of(
        ChargeLedger(str(tmp_path), promote=["team"]),
        a_charge(RegionId="eu-west-1", Tags={}),
        a_charge(ResourceId="i-2", Tags={"team": "web"}),
    )
    assert_frame_equal(without_empty(table).collect(), table.scan().collect(), check_row_order=False)


def test_columns_without_a_value_in_any_file_are_not_read(tmp_path: Path) -> None:
    table = resources_of(ChargeLedger(str(tmp_path)), a_charge(RegionId="eu-west-1"), a_charge(RegionId=None))
    sparse, whole = without_empty(table), table.scan().collect()
    filled = {column.name for column in whole if column.null_count() < whole.height}
    assert "RegionId" in filled
    nested = {"Tags", "AllocatedTags"}
    assert len(filled) <= read_columns(sparse) <= len(filled | nested)


def test_a_map_without_entries_is_not_taken_for_an_unknown_one(tmp_path: Path) -> None:
    table = resources_of(ChargeLedger(str(tmp_path)), a_charge(Tags={}))
    (tags,) = without_empty(table).collect()["Tags"]
    assert tags is not None
    assert len(tags) == 0


def test_a_table_that_does_not_exist_has_its_columns_and_no_rows(tmp_path: Path) -> None:
    table = ChargeLedger(str(tmp_path)).tables["resources"]
    assert without_empty(table).collect().schema == table.spec.schema


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    table = resources_of(ChargeLedger(str(tmp_path)), a_charge())
    (file,) = Path(table.uri).glob("*/*.parquet")
    file.write_bytes(b"x" * 100)
    with pytest.raises(StorageError, match=file.name):
        without_empty(table)


def test_a_bucket_is_read_the_same_way(s3_server: S3Server) -> None:
    options = s3_server.storage_options
    ledger = ChargeLedger(f"s3://{s3_server.bucket()}/ledger", storage_options=options)
    table = resources_of(ledger, a_charge(RegionId="eu-west-1"))
    assert_frame_equal(without_empty(table).collect(), table.scan().collect())
    assert read_columns(without_empty(table)) < len(table.spec.schema)
