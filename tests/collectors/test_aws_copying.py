"""The files of a bill of AWS, as `costd sanitise` is given them."""

from __future__ import annotations

import pytest
from aws_exports import AwsDesk, Bucket, as_csv, as_gzip, as_zip, lines_of
from s3 import S3Server

from collectors.interface import Exporting


@pytest.fixture
def bucket(s3_env: S3Server) -> Bucket:
    return Bucket(s3_env)


def contents(bucket: Bucket, periods: frozenset[str] | None = None) -> dict[str, bytes]:
    collector = AwsDesk(bucket).collector
    assert isinstance(collector, Exporting)
    found = {}
    for original in collector.originals(periods):
        with original.opened() as handle:
            found[original.path.rpartition("/data/")[2]] = handle.read()
    return found


def test_only_the_newest_refresh_of_the_wanted_months_is_given(bucket: Bucket) -> None:
    lines = lines_of("2026-06", 2)
    bucket.data_export("2026-05", {"may.csv.gz": as_gzip(lines_of("2026-05", 1))})
    bucket.data_export("2026-06", {"old.csv.gz": as_gzip(lines[:1])}, run="0001")
    bucket.data_export(
        "2026-06", {"a.csv.gz": as_gzip(lines[:1]), "b.csv.gz": as_gzip(lines[1:])}, run="0002"
    )
    june = contents(bucket, frozenset({"2026-06"}))
    assert {path.rpartition("/")[2] for path in june} == {"a.csv.gz", "b.csv.gz"}
    assert len(contents(bucket)) == 3


def test_an_archive_is_given_unpacked(bucket: Bucket) -> None:
    lines = lines_of("2026-06", 2)
    bucket.report("2026-06", {"report-1.zip": as_zip(lines)})
    (content,) = contents(bucket).values()
    assert content == as_csv(lines)
