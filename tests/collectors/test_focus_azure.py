from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from exports import Desk, csv_bytes, rows_of, write_run

SPAN = "20260601-20260630"
OLD = "0aaaaaaa-1111-4111-8111-000000000001"
NEW = "0bbbbbbb-1111-4111-8111-000000000002"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "azure"


def put(
    root: Path,
    run: str = OLD,
    *,
    count: int = 3,
    submitted: str = "2026-06-10T06:00:00.1234567Z",
    span: str = SPAN,
    export: str = "dir/focus",
    **changes: Any,
) -> Path:
    place = f"{export}/{span}/{run}".rstrip("/")
    parts = {
        "part_0_0001.csv": csv_bytes(rows_of("2026-06", count, resource=f"{run}-a")),
        "part_1_0001.csv": csv_bytes(rows_of("2026-06", 1, resource=f"{run}-b")),
    }
    return write_run(root / place, parts, submitted=submitted, relative=place, **changes)


def edit(folder: Path, **changes: Any) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes), encoding="utf-8")


def test_the_newest_run_of_a_period_counts_and_no_other(root: Path) -> None:
    put(root, OLD, count=3)
    put(root, NEW, count=5, submitted="2026-06-11T06:00:00.1234567Z")
    desk = Desk(root)
    found = desk.collect()
    assert desk.months["2026-06"].height == 6
    assert all(NEW in path for path in found.files)
    assert found.is_fresh
    assert found.versions == ["1.2"]
    assert desk.collect().batches == []


def test_a_newer_run_replaces_the_one_before(root: Path) -> None:
    put(root, OLD)
    desk = Desk(root)
    desk.collect()
    put(root, NEW, count=7, submitted="2026-06-11T06:00:00Z")
    assert desk.collect().batches == [frozenset({"2026-06"})]
    assert desk.months["2026-06"].height == 8


def test_time_of_submission_decides_not_the_name_of_the_folder(root: Path) -> None:
    put(root, OLD, count=5, submitted="2026-06-12T00:00:00Z")
    put(root, NEW, count=3, submitted="2026-06-11T00:00:00Z")
    desk = Desk(root)
    desk.collect()
    assert desk.months["2026-06"].height == 6


def test_a_run_may_lie_in_a_folder_of_its_time(root: Path) -> None:
    put(root, f"202606100600/{OLD}")
    put(root, f"202606110600/{NEW}", count=9, submitted="2026-06-11T06:00:00Z")
    desk = Desk(root)
    desk.collect()
    assert desk.months["2026-06"].height == 10


@pytest.mark.parametrize("inside", ["dir", f"dir/focus/{SPAN}", f"dir/focus/{SPAN}/{OLD}", "."])
def test_the_path_may_point_anywhere_above_the_parts(root: Path, inside: str) -> None:
    put(root, OLD)
    desk = Desk(root / inside)
    desk.collect()
    assert desk.months["2026-06"].height == 4


def test_the_path_may_point_above_the_container(root: Path) -> None:
    put(root / "account" / "container", OLD, prefix="")
    desk = Desk(root)
    desk.collect()
    assert desk.months["2026-06"].height == 4


def test_an_export_that_overwrites_has_no_run_folders(root: Path) -> None:
    folder = put(root, "", count=3)
    desk = Desk(root)
    desk.collect()
    (folder / "part_9_0001.csv").write_bytes(csv_bytes(rows_of("2026-06", 50)))
    put(root, "", count=6, submitted="2026-06-11T06:00:00Z")
    desk.collect()
    assert desk.months["2026-06"].height == 7


def test_an_empty_manifest_keeps_the_run_before_and_says_so(root: Path) -> None:
    put(root, OLD)
    desk = Desk(root)
    desk.collect()
    unfinished = put(root, NEW, count=9, submitted="2026-06-11T06:00:00Z")
    (unfinished / "manifest.json").write_bytes(b"")
    found = desk.collect()
    assert found.batches == []
    assert found.is_fresh
    assert any("its run is not finished, the one before counts" in note for note in found.notes)
    assert desk.months["2026-06"].height == 4


def test_an_empty_manifest_without_a_run_before_keeps_what_is_stored(root: Path) -> None:
    folder = put(root, "")
    desk = Desk(root)
    desk.collect()
    (folder / "manifest.json").write_bytes(b"")
    found = desk.collect()
    assert (found.batches, found.refused) == ([], {"2026-06": "its export is not finished yet"})
    assert not found.is_fresh


def test_runs_without_any_manifest_are_refused(root: Path) -> None:
    folder = put(root, OLD)
    (folder / "manifest.json").unlink()
    found = Desk(root).collect()
    assert found.batches == []
    assert "has files but no manifest.json" in found.refused["2026-06"]
    assert "turn on file partitioning" in found.coverage.reason


def test_daily_and_monthly_exports_of_one_scope_are_not_added_up(root: Path) -> None:
    put(root, OLD, export="dir/daily", count=5)
    put(root, NEW, export="dir/monthly", count=6, submitted="2026-07-05T00:00:00Z")
    desk = Desk(root)
    desk.collect()
    assert desk.months["2026-06"].height == 7


def test_exports_of_different_scopes_add_up(root: Path) -> None:
    put(root, OLD, export="dir/one", count=5)
    other = put(root, NEW, export="dir/two", count=6)
    config = json.loads((other / "manifest.json").read_text())["exportConfig"]
    edit(
        other,
        exportConfig=config | {"resourceId": "/subscriptions/2/providers/Microsoft.CostManagement/exports/x"},
    )
    desk = Desk(root)
    desk.collect()
    assert desk.months["2026-06"].height == 13


def test_spans_that_overlap_are_counted_once_and_told(root: Path) -> None:
    put(root, OLD, count=5)
    put(root, NEW, count=2, span="20260605-20260610", submitted="2026-06-20T00:00:00Z")
    desk = Desk(root)
    found = desk.collect()
    assert desk.months["2026-06"].height == 6
    assert any("20260605-20260610" in note and "is left out" in note for note in found.notes)


def test_files_that_are_in_no_run_are_left_out_and_told(root: Path) -> None:
    put(root, OLD)
    (root / "aws.csv").write_bytes(csv_bytes(rows_of("2026-06", 9)))
    desk = Desk(root)
    found = desk.collect()
    assert desk.months["2026-06"].height == 4
    assert "1 files that are in no export run are left out, e.g. aws.csv" in found.notes


def test_exports_of_another_kind_are_left_out(root: Path) -> None:
    put(root, OLD)
    other = put(root, NEW, export="dir/actual", submitted="2026-06-20T00:00:00Z")
    edit(other, exportConfig={"type": "ActualCost", "resourceId": "/subscriptions/1/providers/x"})
    desk = Desk(root)
    found = desk.collect()
    assert desk.months["2026-06"].height == 4
    assert any("ActualCost" in note for note in found.notes)


def test_a_missing_part_refuses_the_period(root: Path) -> None:
    desk = Desk(root)
    put(root, OLD)
    desk.collect()
    folder = put(root, NEW, count=8, submitted="2026-06-11T06:00:00Z")
    (folder / "part_1_0001.csv").unlink()
    found = desk.collect()
    assert found.batches == []
    assert "which is not there" in found.refused["2026-06"]
    assert desk.months["2026-06"].height == 4


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "container/dir/../../secret.csv",
        "/etc/passwd",
        "s3://other-bucket/x.csv",
        "https://other.blob.core.windows.net/c/x.csv",
        "dir\\x.csv",
        "dir/x\x00.csv",
        "elsewhere/x.csv",
        "./x.csv",
    ],
)
def test_a_key_outside_the_configured_path_refuses_the_period(root: Path, name: str) -> None:
    (root.parent / "secret.csv").write_bytes(csv_bytes(rows_of("2026-06", 9)))
    folder = put(root, OLD)
    edit(folder, blobs=[{"blobName": name, "byteCount": 1, "dataRowCount": 1}])
    found = Desk(root).collect()
    assert found.batches == []
    assert "outside the configured path" in found.refused["2026-06"]


@pytest.mark.parametrize(
    ("field", "words"), [("byteCount", "bytes, its manifest says"), ("dataRowCount", "rows, its")]
)
def test_sizes_and_counts_that_disagree_refuse_the_period(root: Path, field: str, words: str) -> None:
    folder = put(root, OLD)
    blobs = json.loads((folder / "manifest.json").read_text())["blobs"]
    blobs[0][field] += 1
    edit(folder, blobs=blobs)
    found = Desk(root).collect()
    assert found.batches == []
    assert words in found.refused["2026-06"]


@pytest.mark.parametrize("unpacked", [False, True])
def test_the_size_of_a_packed_part_may_be_meant_either_way(root: Path, *, unpacked: bool) -> None:
    place = f"dir/focus/{SPAN}/{OLD}"
    folder = write_run(
        root / place, {"part_0_0001.csv": csv_bytes(rows_of("2026-06", 4))}, submitted="", relative=place
    )
    plain = (folder / "part_0_0001.csv").read_bytes()
    packed = gzip.compress(plain)
    (folder / "part_0_0001.csv").unlink()
    (folder / "part_0_0001.csv.gz").write_bytes(packed)
    size = len(plain if unpacked else packed)
    edit(folder, blobs=[{"blobName": f"c/{place}/part_0_0001.csv.gz", "byteCount": size, "dataRowCount": 4}])
    assert Desk(root).collect().billed() == 5
    edit(folder, blobs=[{"blobName": f"c/{place}/part_0_0001.csv.gz", "byteCount": 7, "dataRowCount": 4}])
    assert "its manifest says 7" in Desk(root).collect().refused["2026-06"]


@pytest.mark.parametrize(
    "content",
    [b"not json", b"[]", b"{}", b'{"blobs": {}}', b'{"blobs": [{}]}', b'{"blobs": ["x"]}', b"[" * 100_000],
)
def test_a_manifest_that_is_none_refuses_the_period(root: Path, content: bytes) -> None:
    folder = put(root, OLD)
    (folder / "manifest.json").write_bytes(content)
    found = Desk(root).collect()
    assert found.batches == []
    assert "manifest" in found.refused["2026-06"]


def test_a_refused_period_leaves_the_others_alone(root: Path) -> None:
    put(root, OLD)
    place = "dir/focus/20260501-20260531/run"
    write_run(
        root / place, {"part_0_0001.csv": csv_bytes(rows_of("2026-05", 3))}, submitted="", relative=place
    )
    broken = put(root, NEW, submitted="2026-06-11T06:00:00Z")
    (broken / "part_0_0001.csv").unlink()
    desk = Desk(root)
    found = desk.collect()
    assert desk.months["2026-05"].height == 3
    assert found.refused.keys() == {"2026-06"}


def test_a_run_without_rows_empties_nothing_by_itself(root: Path) -> None:
    place = f"dir/focus/{SPAN}/{OLD}"
    write_run(root / place, {"part_0_0001.csv": csv_bytes([])}, submitted="", relative=place)
    found = Desk(root).collect()
    assert found.batches == [frozenset({"2026-06"})]
    assert found.parsed == {}


def test_equal_parts_of_one_run_are_both_counted(root: Path) -> None:
    place = f"dir/focus/{SPAN}/{OLD}"
    content = csv_bytes(rows_of("2026-06", 2))
    write_run(
        root / place, {"part_0_0001.csv": content, "part_1_0001.csv": content}, submitted="", relative=place
    )
    assert Desk(root).collect().billed() == 5


def test_a_manifest_of_unreasonable_size_is_none(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.focus.manifest.MAX_BYTES", 100)
    put(root, OLD)
    assert "that is no manifest" in Desk(root).collect().refused["2026-06"]


def test_a_renamed_folder_is_understood_by_the_days_its_manifest_names(root: Path) -> None:
    for run, count, submitted in ((OLD, 3, "2026-06-10T00:00:00Z"), (NEW, 5, "2026-06-11T00:00:00Z")):
        write_run(
            root / run,
            {"part_0_0001.csv": csv_bytes(rows_of("2026-06", count))},
            submitted=submitted,
            relative=f"dir/focus/{SPAN}/{run}",
        )
    desk = Desk(root)
    desk.collect()
    assert desk.months["2026-06"].height == 5
