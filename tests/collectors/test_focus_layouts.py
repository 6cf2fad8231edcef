from __future__ import annotations

from datetime import UTC, datetime

import pytest

from collectors.focus.layouts import Layout, is_candidate, named_period, select
from collectors.stores.interface import Stored


def listed(*keys: str) -> list[Stored]:
    return [Stored(key=key, size=10, stamp="1", modified=datetime(2026, 6, 1, tzinfo=UTC)) for key in keys]


def unread(file: Stored) -> bytes:
    raise AssertionError(f"{file.key} was read")


def chosen(*keys: str, layout: Layout = Layout.AUTO) -> list[str]:
    return [part.file.key for part in select(listed(*keys), layout, unread).parts]


@pytest.mark.parametrize(
    "key",
    [
        "jan.csv",
        "jan.CSV",
        "deep/er/jan.csv.gz",
        "part-00000-x.snappy.parquet",
        "x.pq",
        "x.tsv",
        "billing_period=2026-06/x.parquet",
        "Größe 日本.csv",
        "with space.csv",
    ],
)
def test_export_files_are_candidates(key: str) -> None:
    assert is_candidate(key)


@pytest.mark.parametrize(
    "key",
    [
        ".hidden.csv",
        ".cache/jan.csv",
        "_delta_log/0.json",
        "_delta_log/0.checkpoint.parquet",
        "_SUCCESS",
        "_temporary/0/x.parquet",
        "manifest.json",
        "x.parquet.crc",
        ".x.parquet.crc",
        "x.csv.tmp",
        "x.csv.part",
        "x.csv.filepart",
        "x.csv.crdownload",
        "x.csv~",
        "~$x.csv",
        "#x.csv",
        "x.zip",
        "x.json",
        "readme.txt",
        "csv",
    ],
)
def test_what_is_hidden_temporary_or_foreign_is_none(key: str) -> None:
    assert not is_candidate(key)


@pytest.mark.parametrize(
    ("key", "period"),
    [
        ("billing_period=2026-06/x.parquet", "2026-06"),
        ("data/BILLING_PERIOD=2026-06/x.parquet", "2026-06"),
        ("billing_period=2026-06-01/x.parquet", "2026-06"),
        ("billing_period=202606/x.parquet", "2026-06"),
        ("year=2026/month=6/x.parquet", "2026-06"),
        ("export/20260601-20260630/x.csv", "2026-06"),
        ("export/20260601-20260731/x.csv", ""),
        ("billing_period=2026-13/x.parquet", ""),
        ("2026-06.csv", ""),
    ],
)
def test_a_path_may_name_its_period(key: str, period: str) -> None:
    assert named_period(key) == period


def test_every_file_of_a_plain_folder_is_a_part() -> None:
    assert chosen("a.csv", "b/c.parquet", "_SUCCESS", "notes.txt") == ["a.csv", "b/c.parquet"]


def test_a_single_file_is_taken_whatever_its_name() -> None:
    found = select(listed("june.data"), Layout.AUTO, unread, single=True)
    assert [part.file.key for part in found.parts] == ["june.data"]


def test_oracle_reports_are_parts_and_other_reports_are_not() -> None:
    keys = (
        "FOCUS Reports/2026/06/01/0001.csv.gz",
        "FOCUS Reports/2026/06/02/0001.csv.gz",
        "reports/cost-csv/0001.csv.gz",
    )
    found = select(listed(*keys), Layout.AUTO, unread)
    assert found.layout is Layout.OCI
    assert [part.file.key for part in found.parts] == list(keys[:2])
    assert found.notes == ("1 file outside `FOCUS Reports/YYYY/MM/DD/` is left out",)


def test_a_named_layout_is_obeyed() -> None:
    assert chosen("FOCUS Reports/2026/06/01/1.csv.gz", "a.csv", layout=Layout.PLAIN) == [
        "FOCUS Reports/2026/06/01/1.csv.gz",
        "a.csv",
    ]
    assert chosen("a.csv", layout=Layout.OCI) == []


def test_a_delta_table_and_packed_files_are_told() -> None:
    notes = select(listed("_delta_log/0.json", "x.parquet", "y.zip"), Layout.AUTO, unread).notes
    assert "Delta table" in notes[0]
    assert "y.zip" in notes[1]
