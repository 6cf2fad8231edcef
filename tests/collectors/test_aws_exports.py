"""Every layout in which AWS delivers bills, read from a real S3 with the real boto3."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_exports import (
    LAST_MONTH,
    THIS_MONTH,
    AwsDesk,
    Bucket,
    a_line,
    as_csv,
    as_gzip,
    as_legacy,
    as_parquet,
    as_zip,
    lines_of,
)
from exports import csv_bytes, rows_of
from s3 import S3Server

from collectors.aws.bucket import ExportBucket
from domain.delivery import Freshness
from domain.errors import SourceError


@pytest.fixture
def bucket(s3_env: S3Server) -> Bucket:
    return Bucket(s3_env)


@pytest.fixture
def desk(bucket: Bucket, tmp_path: Path) -> AwsDesk:
    return AwsDesk(bucket, scratch=str(tmp_path / "scratch"))


@pytest.mark.parametrize(
    ("ending", "write"), [("csv.gz", as_gzip), ("snappy.parquet", as_parquet), ("csv", as_csv)]
)
def test_a_data_export_is_read_to_the_last_digit(
    bucket: Bucket, desk: AwsDesk, ending: str, write: Any, tmp_path: Path
) -> None:
    files = {
        f"cur2-0000{i}.{ending}": write(
            lines_of(THIS_MONTH, 5, cost="0.1000000001", line_item_operation=str(i))
        )
        for i in (1, 2)
    }
    bucket.data_export(THIS_MONTH, files)
    found = desk.collect()
    assert found.is_fresh, found.coverage.reason
    assert desk.billed(THIS_MONTH) == Decimal("1.000000001")
    assert len(found.files) == 2
    assert desk.collect().batches == []
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "write"),
    [("csv.gz", as_gzip), ("csv.zip", as_zip), ("csv", as_csv)],
)
def test_a_legacy_report_is_read_by_the_manifest_on_top(
    bucket: Bucket, desk: AwsDesk, ending: str, write: Any
) -> None:
    old = write(as_legacy(lines_of(THIS_MONTH, 3)))
    new = [write(as_legacy(lines_of(THIS_MONTH, 4, line_item_operation=str(i)))) for i in range(2)]
    bucket.report(THIS_MONTH, {f"legacy-1.{ending}": old}, assembly="20261101T000000Z")
    bucket.report(
        THIS_MONTH, {f"legacy-{i}.{ending}": part for i, part in enumerate(new)}, assembly="20261102T000000Z"
    )
    found = desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("10.00")
    assert all("20261102T000000Z" in file for file in found.files)


def test_a_legacy_report_in_parquet_lies_in_folders_of_year_and_month(bucket: Bucket, desk: AwsDesk) -> None:
    lines = [
        {name: value for name, value in line.items() if name != "resource_tags"}
        for line in lines_of(THIS_MONTH, 4)
    ]
    bucket.report(THIS_MONTH, {"legacy-1.snappy.parquet": as_parquet(lines)}, hive=True)
    found = desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("5.00")
    assert "/year=" in found.files[0]


def test_a_focus_export_is_read_as_it_is(bucket: Bucket, desk: AwsDesk) -> None:
    bucket.data_export(THIS_MONTH, {"focus-1.csv": csv_bytes(rows_of(THIS_MONTH, 3))}, name="focus")
    desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("3.75")


def test_the_manifest_tells_what_its_columns_are(bucket: Bucket, desk: AwsDesk) -> None:
    for month, form in (("2026-01", rows_of("2026-01", 1)), ("2026-02", lines_of("2026-02", 1))):
        columns = [{"name": name, "type": "string"} for name in form[0]]
        bucket.data_export(month, {"a.csv": csv_bytes(form)}, columns=columns)
    bucket.report("2026-03", {"a.csv": as_csv(as_legacy(lines_of("2026-03", 1)))})
    assert desk.collect().versions == ["CUR", "CUR 2.0", "1.0"]


def test_with_new_files_for_each_refresh_only_the_newest_counts(bucket: Bucket, desk: AwsDesk) -> None:
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))}, run="20261101-run-1")
    desk.collect()
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 4))}, run="20261102-run-2")
    found = desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("5.00")
    assert ["run-2" in file for file in found.files] == [True]


@pytest.mark.parametrize("prefix", ["exports/cur2/cur2", "exports", ""])
def test_the_prefix_may_be_above_or_be_the_folder_of_the_export(
    bucket: Bucket, prefix: str, tmp_path: Path
) -> None:
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk = AwsDesk(bucket, prefix=prefix, scratch=str(tmp_path))
    desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("2.50")


def test_the_data_is_never_listed(bucket: Bucket, desk: AwsDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    pages = ExportBucket._pages

    def noting(self: ExportBucket, start: str, **how: str) -> Any:
        listed.append(start)
        return pages(self, start, **how)

    monkeypatch.setattr(ExportBucket, "_pages", noting)
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk.collect()
    assert [start for start in listed if "/data" in start] == []


def test_only_months_whose_manifest_changed_are_read_again(bucket: Bucket, desk: AwsDesk) -> None:
    for month in (LAST_MONTH, THIS_MONTH):
        bucket.data_export(month, {"a.csv.gz": as_gzip(lines_of(month, 2))})
    assert desk.collect().batches == [frozenset({THIS_MONTH}), frozenset({LAST_MONTH})]
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 3))})
    assert desk.collect().batches == [frozenset({LAST_MONTH})]
    assert (desk.billed(LAST_MONTH), desk.billed(THIS_MONTH)) == (Decimal("3.75"), Decimal("2.50"))


def test_a_manifest_written_anew_with_the_same_words_is_noticed(bucket: Bucket, desk: AwsDesk) -> None:
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk.collect()
    bucket.put(
        "exports/cur2/cur2/data/BILLING_PERIOD=" + THIS_MONTH + "/a.csv.gz", as_gzip(lines_of(THIS_MONTH, 3))
    )
    assert desk.collect().batches == []
    desk.cursors[THIS_MONTH]["written"] = "2026-01-01T00:00:00+00:00"  # as if the stored one were older
    desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("3.75")


def test_a_month_closes_when_it_is_invoiced_and_quiet_and_reopens_when_it_changes(
    bucket: Bucket, desk: AwsDesk
) -> None:
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 2))})
    assert desk.collect().closings[LAST_MONTH].closes_at is None, "no line has an invoice yet"
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 2, bill_invoice_id="42"))})
    closes = desk.collect().closings[LAST_MONTH].closes_at
    assert closes is not None
    assert timedelta(days=13) < closes - desk.clock.at < timedelta(days=15)
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 3))})
    assert desk.collect().closings[LAST_MONTH].closes_at is None


def test_a_closed_month_long_past_is_not_looked_at_again(bucket: Bucket, desk: AwsDesk) -> None:
    lines = as_legacy(lines_of("2025-01", 2, bill_invoice_id="42"))
    key = bucket.report("2025-01", {"a.csv.gz": as_gzip(lines)})
    bucket.report(THIS_MONTH, {"a.csv.gz": as_gzip(as_legacy(lines_of(THIS_MONTH, 1)))})
    desk.collect()
    desk.clock.at += timedelta(days=20)
    bucket.put(key, b"{}")
    assert desk.collect().refused == {}
    del desk.cursors["2025-01"]["closes_at"]
    assert "2025-01" in desk.collect().refused


def test_an_old_month_of_a_data_export_that_is_filled_in_anew_is_found(bucket: Bucket, desk: AwsDesk) -> None:
    lines = lines_of("2025-01", 2, bill_invoice_id="42")
    bucket.data_export("2025-01", {"a.csv.gz": as_gzip(lines)})
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 1))})
    desk.collect()
    desk.clock.at += timedelta(days=20)
    bucket.data_export(
        "2025-01", {"a.csv.gz": as_gzip([*lines, a_line("2025-01", line_item_operation="late")])}
    )
    assert desk.collect().batches == [frozenset({"2025-01"})]
    assert desk.billed("2025-01") == Decimal("3.75")


def test_a_report_replaced_by_a_data_export_in_mid_month_is_counted_once(
    bucket: Bucket, desk: AwsDesk
) -> None:
    bucket.report(THIS_MONTH, {"a.csv.gz": as_gzip(as_legacy(lines_of(THIS_MONTH, 8)))})
    desk.collect()
    bucket.client.get_object(
        Bucket=bucket.name, Key=bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 9))})
    )
    _later_than_others(bucket)
    found = desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("11.25")
    assert any("2 exports" in note and "set `export`" in note for note in found.notes)


def _later_than_others(bucket: Bucket) -> None:
    """Write the manifest of the data export once more, a second later: S3 tells whole seconds."""
    import time

    (key,) = [
        entry["Key"]
        for entry in bucket.client.list_objects_v2(Bucket=bucket.name, Prefix="exports/cur2/cur2/metadata/")[
            "Contents"
        ]
    ]
    content = bucket.client.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    time.sleep(1.1)
    bucket.put(key, content + b"\n")


def test_a_bucket_of_many_folders_wants_a_prefix(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.aws.layouts._MOST_FOLDERS", 3)
    for i in range(4):
        bucket.put(f"logs/{i}/a.txt", b"x")
    with pytest.raises(SourceError, match="in the first 3 folders") as caught:
        AwsDesk(bucket, prefix="logs").collect()
    assert "set `prefix`" in caught.value.hint


def test_a_report_made_without_a_prefix_is_told_and_looked_for_only_once(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("/cur/20261001-20261101/cur-Manifest.json", b"{}")
    looked: list[str] = []
    look = ExportBucket.look
    monkeypatch.setattr(
        ExportBucket, "look", lambda self, folder: looked.append(folder) or look(self, folder)
    )
    with pytest.raises(SourceError, match="begin with a slash") as failed:
        AwsDesk(bucket, prefix="").collect()
    assert "with a prefix" in failed.value.hint
    assert looked == [""]


def test_the_named_export_counts_whatever_lies_beside_it(bucket: Bucket) -> None:
    bucket.report(THIS_MONTH, {"a.csv.gz": as_gzip(as_legacy(lines_of(THIS_MONTH, 8)))})
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk = AwsDesk(bucket, export="legacy")
    assert desk.collect().notes == []
    assert desk.billed(THIS_MONTH) == Decimal("10.00")
    with pytest.raises(SourceError, match="no export called other; exports there: cur2, legacy"):
        AwsDesk(bucket, export="other").collect()


def test_columns_may_come_and_go_between_files(bucket: Bucket, desk: AwsDesk) -> None:
    few = lines_of(THIS_MONTH, 2)
    for line in few:
        del line["product_region_code"], line["resource_tags"]
    many = lines_of(THIS_MONTH, 2, line_item_shiny_new_column="x", line_item_operation="other")
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(few), "b.csv.gz": as_gzip(many)})
    found = desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("5.00")
    assert desk.months[THIS_MONTH]["Tags"].null_count() == 2
    assert any("line_item_shiny_new_column" in note for note in found.notes)


def test_nothing_there_yet_says_what_to_wait_for(bucket: Bucket, desk: AwsDesk) -> None:
    found = desk.collect()
    assert found.coverage.freshness is Freshness.STALE
    assert "no cost export was found" in found.coverage.reason
    bucket.put("exports/cur2/cur2/data/BILLING_PERIOD=2026-06/a.csv.gz", as_gzip([a_line()]))
    assert "AWS writes it last" in desk.collect().coverage.reason


def test_an_export_that_stopped_is_told(bucket: Bucket, desk: AwsDesk) -> None:
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk.collect()
    desk.clock.at += timedelta(days=5)
    assert "not refreshed any month" in desk.collect().coverage.reason


def test_what_vanished_is_a_failure_and_no_empty_month(bucket: Bucket, desk: AwsDesk) -> None:
    key = bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk.collect()
    bucket.delete(key)
    with pytest.raises(SourceError, match="holds no manifest of a cost export any more"):
        desk.collect()


def test_files_of_one_bucket_with_versions_are_known_by_their_version(bucket: Bucket, desk: AwsDesk) -> None:
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk.collect()
    (tag,) = desk.cursors[THIS_MONTH]["files"].values()
    assert tag.startswith("etag:")
    assert " version:" in tag


def test_a_cursor_is_json(bucket: Bucket, desk: AwsDesk) -> None:
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    desk.collect()
    assert json.loads(json.dumps(desk.cursors)) == desk.cursors
