"""What goes wrong with exports: nothing is stored half, and each refusal says what to do."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_exports import LAST_MONTH, THIS_MONTH, AwsDesk, Bucket, a_line, as_csv, as_gzip, as_legacy, lines_of
from aws_peer import Answer, Asked, AwsPeer, peer_of, refusal
from exports import csv_bytes, rows_of
from s3 import S3Server

from collectors.aws import archive, batches
from collectors.aws.refusals import Asked as AskedFor
from collectors.aws.refusals import DeniedError, told
from collectors.focus.damage import DamagedError
from collectors.focus.text_stream import Limits
from domain.errors import SourceError


@pytest.fixture
def bucket(s3_env: S3Server) -> Bucket:
    return Bucket(s3_env)


@pytest.fixture
def desk(bucket: Bucket, tmp_path: Path) -> AwsDesk:
    return AwsDesk(bucket, scratch=str(tmp_path / "scratch"))


@pytest.fixture
def peer(s3_env: S3Server) -> Iterator[AwsPeer]:
    with peer_of(s3_env.url) as peer:
        yield peer


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "RETRY_PAUSES", (0.0, 0.0))


def refused(desk: AwsDesk, month: str = THIS_MONTH) -> str:
    """Collect, and give why the month was refused while it keeps what it had."""
    before = desk.months.get(month)
    reason = desk.collect().refused[month]
    assert desk.months.get(month) is before
    return reason


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"dataFiles": ["s3://elsewhere/exports/cur2/a.csv.gz"]},
            "not below the configured bucket and prefix",
        ),
        ({"dataFiles": ["secrets/a.csv.gz"]}, "not below the configured bucket and prefix"),
        (
            {"dataFiles": ["exports/cur2/../../secrets/a.csv.gz"]},
            "not below the configured bucket and prefix",
        ),
        ({"dataFiles": ["exports/cur2x/a.csv.gz"]}, "not below the configured bucket and prefix"),
        ({"dataFiles": ["exports/cur2/gone.csv.gz"]}, "gone.csv.gz, which is not there"),
        ({"dataFiles": [7]}, "names a file without a name"),
        ({"dataFiles": ["exports/cur2/a", "exports/cur2/a"]}, "names a file twice"),
        ({"dataFiles": "a"}, "is no manifest of a cost export"),
        ({"billingPeriod": {"start": "20250101T000000.000Z"}}, "says it is of 2025-01"),
        ({"bucket": "elsewhere"}, "names the bucket elsewhere"),
    ],
)
def test_a_manifest_may_only_name_what_is_there_and_ours(
    bucket: Bucket, desk: AwsDesk, changes: dict[str, Any], why: str
) -> None:
    bucket.put("secrets/a.csv.gz", as_gzip(lines_of(THIS_MONTH, 1)))
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))}, **changes)
    assert why in refused(desk)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_none_spoils_its_month_alone(
    bucket: Bucket, desk: AwsDesk, content: bytes
) -> None:
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 2))})
    bucket.put(bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))}), content)
    reason = refused(desk)
    assert "is empty (0 bytes)" in reason if not content else "is no manifest" in reason
    assert desk.billed(LAST_MONTH) == Decimal("2.50")


def test_a_refresh_while_it_is_read_starts_the_month_over(
    bucket: Bucket, desk: AwsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.data_export(
        THIS_MONTH,
        {
            "a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2)),
            "b.csv.gz": as_gzip(lines_of(THIS_MONTH, 1, line_item_operation="b")),
        },
    )
    opened, times = type(desk.collector._bucket()).opened, iter([True])  # type: ignore[attr-defined]  # the collector is ours

    def meanwhile(self: Any, file: Any) -> Any:
        if next(times, False):
            bucket.data_export(
                THIS_MONTH,
                {
                    "a.csv.gz": as_gzip(lines_of(THIS_MONTH, 4)),
                    "b.csv.gz": as_gzip(lines_of(THIS_MONTH, 1, line_item_operation="b")),
                },
            )
        return opened(self, file)

    monkeypatch.setattr("collectors.aws.bucket.ExportBucket.opened", meanwhile)
    found = desk.collect()
    assert found.batches == [frozenset({THIS_MONTH})] * 2
    assert found.refused == {}
    assert desk.billed(THIS_MONTH) == Decimal("6.25")


def test_a_manifest_replaced_after_its_files_were_read_starts_the_month_over(
    bucket: Bucket, desk: AwsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collectors.aws.reading import Reading

    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    look, times = Reading._refuse_refreshed, iter([True])

    def late(self: Reading) -> None:
        if next(times, False):
            bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 4))})
        look(self)

    monkeypatch.setattr(Reading, "_refuse_refreshed", late)
    found = desk.collect()
    assert len(found.batches) == 2
    assert desk.billed(THIS_MONTH) == Decimal("5.00")


def test_access_denied_midway_names_the_permission_and_stores_nothing_of_the_month(
    bucket: Bucket, peer: AwsPeer, tmp_path: Path
) -> None:
    bucket.data_export(LAST_MONTH, {"a.csv.gz": as_gzip(lines_of(LAST_MONTH, 2))})
    bucket.data_export(
        THIS_MONTH,
        {
            "a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2)),
            "b.csv.gz": as_gzip(lines_of(THIS_MONTH, 1, line_item_operation="b")),
        },
    )
    desk = AwsDesk(bucket, url=peer.url, scratch=str(tmp_path), cost_explorer={"bootstrap": False})
    peer.faults.append(deny(lambda asked: asked.method == "GET" and "b.csv.gz" in asked.key))
    reason = refused(desk)
    assert "b.csv.gz" in reason
    assert "s3:GetObject is not allowed" in reason
    assert desk.billed(LAST_MONTH) == Decimal("2.50")
    peer.faults.clear()
    desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("3.75")


def deny(when: Callable[[Asked], bool], code: str = "AccessDenied", status: int = 403) -> Any:
    def fault(asked: Asked) -> Answer | None:
        return refusal(code, status=status) if when(asked) else None

    return fault


def test_a_bucket_that_may_not_be_listed_names_the_permission(bucket: Bucket, peer: AwsPeer) -> None:
    peer.faults.append(deny(lambda asked: "list-type" in asked.path))
    with pytest.raises(SourceError, match="s3:ListBucket is not allowed") as caught:
        AwsDesk(bucket, url=peer.url).collect()
    assert f"allow s3:ListBucket on arn:aws:s3:::{bucket.name}" in caught.value.hint


def test_throttling_is_tried_again_and_then_told(bucket: Bucket, peer: AwsPeer) -> None:
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    left = iter(range(2))
    peer.faults.append(lambda _: refusal("SlowDown", status=503) if next(left, None) is not None else None)
    desk = AwsDesk(bucket, url=peer.url, cost_explorer={"bootstrap": False})
    desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("2.50")


def test_throttling_that_does_not_end_is_told(
    bucket: Bucket, peer: AwsPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.aws.access._ATTEMPTS", 2)
    peer.faults.append(lambda _: refusal("SlowDown", status=503))
    with pytest.raises(SourceError, match="cannot be listed: SlowDown") as caught:
        AwsDesk(bucket, url=peer.url).collect()
    assert "fewer requests" in caught.value.hint
    assert len(peer.asked) == 2


def test_a_bucket_in_another_region_is_named_with_its_region(bucket: Bucket, peer: AwsPeer) -> None:
    elsewhere = refusal("PermanentRedirect", status=301, **{"x-amz-bucket-region": "us-west-2"})
    peer.faults.append(lambda _: elsewhere)
    with pytest.raises(SourceError, match="PermanentRedirect") as caught:
        AwsDesk(bucket, url=peer.url).collect()
    assert caught.value.hint == "the bucket is in us-west-2; set `region: us-west-2`"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("ExpiredToken", "the credentials have expired; renew them"),
        ("InvalidAccessKeyId", "the access keys are wrong or were deleted"),
        ("NoSuchBucket", "correct `bucket`"),
        ("RequestTimeTooSkewed", "set this machine's clock"),
        ("KMS.DisabledException", "the key that encrypts the bucket"),
    ],
)
def test_what_the_account_refuses_says_what_to_do(
    bucket: Bucket, peer: AwsPeer, code: str, hint: str
) -> None:
    peer.faults.append(lambda _: refusal(code, status=400))
    with pytest.raises(SourceError, match=code) as caught:
        AwsDesk(bucket, url=peer.url).collect()
    assert hint in caught.value.hint


def test_a_missing_key_permission_is_named_as_aws_names_it() -> None:
    from botocore.exceptions import ClientError

    message = (
        "User: arn:aws:iam::1:role/costd is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:x"
    )
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "GetObject")
    found = told(error, AskedFor(what="s3://acme/a cannot be read", permission="s3:GetObject"))
    assert isinstance(found, DeniedError)
    assert "kms:Decrypt is not allowed" in str(found)
    assert "in the key's own policy" in found.hint


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty (0 bytes)"),
        (as_gzip(lines_of(THIS_MONTH, 50))[:-20], "ends in the middle of its gzip stream"),
        (b"a,b\n1,2\n", "is no FOCUS Cost and Usage file"),
        (b"PAR1" + b"x" * 40, "cannot be read as Parquet"),
        (b"PK\x03\x04" + b"x" * 40, "is a damaged ZIP archive"),
        (as_csv([a_line("2025-01")]), "holds charges of 2025-01"),
        (csv_bytes(rows_of(THIS_MONTH, 1)), "is FOCUS"),
    ],
)
def test_a_bad_file_refuses_its_month(bucket: Bucket, desk: AwsDesk, content: bytes, why: str) -> None:
    good = as_gzip(lines_of(THIS_MONTH, 2))
    bucket.data_export(THIS_MONTH, {"a.csv.gz": good})
    desk.collect()
    bucket.data_export(THIS_MONTH, {"a.csv.gz": good, "b.csv.gz": content})
    assert why in refused(desk)
    assert desk.billed(THIS_MONTH) == Decimal("2.50")


@pytest.mark.parametrize("absent", ["bill_payer_account_id", "line_item_line_item_type"])
def test_a_report_without_a_column_it_must_have_says_which_to_select(
    bucket: Bucket, desk: AwsDesk, absent: str
) -> None:
    lines = lines_of(THIS_MONTH, 2)
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines)})
    desk.collect()
    short = [{name: value for name, value in line.items() if name != absent} for line in lines]
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(short)})
    assert f"is a Cost and Usage Report without {absent}: select these columns" in refused(desk)


def test_unreadable_lines_are_quarantined_up_to_a_share(bucket: Bucket) -> None:
    lines = [*lines_of(THIS_MONTH, 9), a_line(THIS_MONTH, line_item_unblended_cost="a lot")]
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines)})
    assert "1 unreadable of 10 rows" in refused(AwsDesk(bucket))
    found = AwsDesk(bucket, max_quarantined="10%").collect()
    assert [(row.line, "line_item_unblended_cost" in row.reason) for row in found.rejected] == [(11, True)]


def test_a_file_of_nothing_but_rubbish_is_not_read_to_its_end(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.aws.reading.MOST_REJECTED", 3)
    lines = [*lines_of(THIS_MONTH, 90), *lines_of(THIS_MONTH, 4, cost="a lot")]
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines)})
    assert "more than 3 unreadable rows" in refused(AwsDesk(bucket, max_quarantined="50%"))


def zipped(*members: tuple[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writing:
        for name, content in members:
            writing.writestr(name, content)
    packed.seek(0)
    return packed


def test_a_zip_bomb_is_stopped_while_it_unpacks() -> None:
    packed = zipped(("a.csv", b"0" * 2**22))
    limits = Limits(free_bytes=2**16, ratio=10, unpacked_bytes=2**30)
    target = io.BytesIO()
    with pytest.raises(DamagedError, match="ZIP bomb"):
        archive.unpack(packed, packed.getbuffer().nbytes, target, limits=limits)
    assert target.tell() < 2**22


def test_no_name_in_a_zip_is_ever_a_path(bucket: Bucket, desk: AwsDesk, tmp_path: Path) -> None:
    packed = zipped(("../../../escaped.csv", as_csv(as_legacy(lines_of(THIS_MONTH, 2)))))
    bucket.report(THIS_MONTH, {"a.csv.zip": packed.getvalue()})
    desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("2.50")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not (tmp_path.parent / "escaped.csv").exists()


def test_a_zip_of_several_files_is_refused(bucket: Bucket, desk: AwsDesk) -> None:
    packed = zipped(("a.csv", b"x"), ("b.csv", b"y"))
    bucket.report(THIS_MONTH, {"a.csv.zip": packed.getvalue()})
    assert "a ZIP archive of 2 files" in refused(desk)


def test_an_unknown_line_type_is_kept_and_told(bucket: Bucket, desk: AwsDesk) -> None:
    bucket.data_export(
        THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2, line_item_line_item_type="Lottery"))}
    )
    found = desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("2.50")
    assert set(desk.months[THIS_MONTH]["ChargeCategory"]) == {"Adjustment"}
    assert any("Lottery" in note for note in found.notes)


def test_months_of_another_payer_are_refused(bucket: Bucket, desk: AwsDesk) -> None:
    lines = as_gzip(as_legacy(lines_of(LAST_MONTH, 2)))
    bucket.report(LAST_MONTH, {"a.csv.gz": lines})
    desk.collect()
    bucket.report(
        THIS_MONTH, {"a.csv.gz": as_gzip(as_legacy(lines_of(THIS_MONTH, 2)))}, account="999988887777"
    )
    assert "is of the payer 999988887777" in refused(desk)


def test_the_manifest_is_no_place_for_a_gigabyte(
    bucket: Bucket, desk: AwsDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.aws.delivery.MAX_BYTES", 10)
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    with pytest.raises(SourceError, match="that is no manifest"):
        desk.collect()


def test_what_a_manifest_says_is_shown_without_its_control_characters(bucket: Bucket, desk: AwsDesk) -> None:
    key = bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    bucket.put(key, json.dumps({"dataFiles": ["exports/cur2/\x1b[31mred.csv"]}).encode())
    assert "\x1b" not in refused(desk)
