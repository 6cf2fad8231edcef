"""The collector over a real S3."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from exports import Desk, csv_bytes, rows_of, write, write_run
from s3 import S3Server

from collectors.interface import Health
from collectors.stores.s3 import S3Store
from domain.errors import StorageError


class Bucket:
    """A bucket with the exports of a folder."""

    def __init__(self, server: S3Server, folder: Path) -> None:
        self.name = server.bucket()
        self.client = server.client()
        self.folder = folder

    def sync(self) -> None:
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                key = f"focus/{path.relative_to(self.folder).as_posix()}"
                self.client.put_object(Bucket=self.name, Key=key, Body=path.read_bytes())

    def desk(self, **settings: Any) -> Desk:
        return Desk(f"s3://{self.name}/focus", scratch=str(self.folder.parent / "scratch"), **settings)


@pytest.fixture
def bucket(s3_env: S3Server, tmp_path: Path) -> Bucket:
    (tmp_path / "exports").mkdir()
    return Bucket(s3_env, tmp_path / "exports")


def test_a_bucket_is_read_like_a_folder_and_nothing_is_left_behind(bucket: Bucket) -> None:
    write(bucket.folder / "may.csv", rows_of("2026-05", 3))
    write(bucket.folder / "june.csv.gz", rows_of("2026-06", 3, resource="a"))
    write(bucket.folder / "june.parquet", rows_of("2026-06", 4, resource="b"))
    bucket.sync()
    desk = bucket.desk()
    found = desk.collect()
    assert (desk.months["2026-05"].height, desk.months["2026-06"].height) == (3, 7)
    assert found.files[0].startswith(f"s3://{bucket.name}/focus/june")
    assert desk.collect().batches == []
    assert list((bucket.folder.parent / "scratch").iterdir()) == []


def test_only_objects_that_changed_are_fetched(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    write(bucket.folder / "may.csv", rows_of("2026-05", 3))
    write(bucket.folder / "june.csv", rows_of("2026-06", 3))
    bucket.sync()
    desk = bucket.desk()
    desk.collect()
    fetched: list[str] = []
    call = S3Store._call

    def counting(store: S3Store, operation: str, key: str, **options: Any) -> Any:
        fetched.append(key)
        return call(store, operation, key, **options)

    monkeypatch.setattr(S3Store, "_call", counting)
    write(bucket.folder / "june.csv", rows_of("2026-06", 4))
    bucket.sync()
    assert desk.collect().batches == [frozenset({"2026-06"})]
    assert fetched == ["june.csv"]


def test_azure_exports_copied_to_a_bucket_are_understood(bucket: Bucket) -> None:
    for run, count in (("a", 3), ("b", 5)):
        place = f"export/20260601-20260630/{run}"
        write_run(
            bucket.folder / place,
            {"part_0_0001.csv": csv_bytes(rows_of("2026-06", count))},
            submitted=f"2026-06-1{count}T00:00:00Z",
            relative=place,
        )
    bucket.sync()
    desk = bucket.desk()
    desk.collect()
    assert desk.months["2026-06"].height == 5


def test_an_object_replaced_after_the_listing_is_read_as_it_is_now(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.focus.looking.RETRY_PAUSES", (0.0, 0.0))
    write(bucket.folder / "june.csv", rows_of("2026-06", 3))
    bucket.sync()
    files = S3Store.files

    def late(store: S3Store) -> Any:
        found = files(store)
        write(bucket.folder / "june.csv", rows_of("2026-06", 8))
        bucket.sync()
        return found

    monkeypatch.setattr(S3Store, "files", late)
    desk = bucket.desk()
    assert desk.collect().is_fresh
    assert desk.months["2026-06"].height == 8


def test_a_full_disk_stops_the_collection_with_its_reason(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(bucket.folder / "june.csv", rows_of("2026-06", 3))
    bucket.sync()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("collectors.stores.s3.shutil.copyfileobj", full)
    with pytest.raises(StorageError, match="No space left on device"):
        bucket.desk().collect()
    assert list((bucket.folder.parent / "scratch").iterdir()) == []


def test_the_probe_names_both_permissions(bucket: Bucket) -> None:
    write(bucket.folder / "june.csv", rows_of("2026-06", 3))
    bucket.sync()
    probes = bucket.desk().collector.probe()
    assert [probe.health for probe in probes] == [Health.OK] * 3
    assert probes[0].server_time is not None
    assert probes[0].subject.startswith("s3:ListBucket on s3://")
    assert probes[1].subject.startswith("s3:GetObject on s3://")


def test_copies_are_fetched_twice_where_there_is_no_room_to_keep_them(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.stores.spool.KEEP_BYTES", 0)
    monkeypatch.setattr("collectors.stores.spool.Spool.__init__.__kwdefaults__", {"keep_bytes": 0})
    write(bucket.folder / "june.csv", rows_of("2026-06", 3))
    bucket.sync()
    assert bucket.desk().collect().billed() == Decimal("3.75")
