"""Who costd is to AWS, how an export goes by its own word, and what `costd doctor` finds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_exports import THIS_MONTH, TODAY, AwsDesk, Bucket, as_gzip, lines_of
from aws_peer import Answer, AwsPeer, assumed, of_sts, peer_of, refusal, refused
from pydantic import ValidationError
from s3 import S3Server

from collectors.aws.access import Access, Identity
from collectors.aws.settings import AwsBillingSettings
from config.secrets import Secret
from domain.delivery import Freshness
from domain.errors import SourceError
from domain.probe import Health, Probe

ROLE = "arn:aws:iam::111122223333:role/costd-billing"
HOURLY = {
    "TIME_GRANULARITY": "HOURLY",
    "INCLUDE_RESOURCES": "TRUE",
    "INCLUDE_SPLIT_COST_ALLOCATION_DATA": "TRUE",
    "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": "FALSE",
}


@pytest.fixture
def peer(s3_env: S3Server) -> Iterator[AwsPeer]:
    with peer_of(s3_env.url) as peer:
        yield peer


@pytest.fixture
def bucket(s3_env: S3Server) -> Bucket:
    bucket = Bucket(s3_env)
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    return bucket


def desk_of(bucket: Bucket, peer: AwsPeer, **settings: Any) -> AwsDesk:
    return AwsDesk(bucket, url=peer.url, **{"cost_explorer": {"bootstrap": False}, **settings})


def probes(desk: AwsDesk) -> dict[Health, list[Probe]]:
    found: dict[Health, list[Probe]] = {health: [] for health in Health}
    for probe in desk.collector.probe():
        assert bool(probe.breaks and probe.fix) is (probe.health is not Health.OK), probe
        found[probe.health].append(probe)
    return found


def test_a_role_is_assumed_with_its_external_id(
    bucket: Bucket, peer: AwsPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSTD_EXTERNAL_ID", "only-we-know")
    desk = desk_of(bucket, peer, role_arn=ROLE, external_id="${env:COSTD_EXTERNAL_ID}")
    desk.collect()
    assert desk.billed(THIS_MONTH) == Decimal("2.50")
    (asked,) = [one for one in peer.asked if b"Action=AssumeRole" in one.body]
    assert b"ExternalId=only-we-know" in asked.body
    assert b"RoleSessionName=costd" in asked.body


def test_the_credentials_of_a_role_are_renewed_before_they_expire(bucket: Bucket, peer: AwsPeer) -> None:
    soon = TODAY + timedelta(minutes=5)
    peer.faults.append(lambda asked: assumed(soon) if b"Action=AssumeRole" in asked.body else None)
    desk = desk_of(bucket, peer, role_arn=ROLE)
    desk.collect()
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 3))})
    desk.collect()
    assert sum(b"Action=AssumeRole" in one.body for one in peer.asked) > 1
    assert desk.billed(THIS_MONTH) == Decimal("3.75")


def test_a_role_that_may_not_be_assumed_says_what_to_allow(
    bucket: Bucket, peer: AwsPeer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.faults.append(lambda asked: of_sts("AccessDenied") if b"Action=AssumeRole" in asked.body else None)
    with pytest.raises(SourceError, match=f"the role {ROLE} may not be assumed") as caught:
        desk_of(bucket, peer, role_arn=ROLE).collect()
    assert caplog.records == [], "it is told once, without a traceback"
    assert "sts:AssumeRole" in caught.value.hint
    assert "external id" in caught.value.hint


def test_an_answer_without_a_code_is_told_by_its_status(bucket: Bucket, peer: AwsPeer) -> None:
    bodies = iter((b"<html/>", b"<html/>", b"<html/>", b"<html/>", b"<html/>", b"Bad gateway"))
    peer.faults.append(
        lambda asked: Answer(503, next(bodies)) if b"Action=AssumeRole" in asked.body else None
    )
    with pytest.raises(SourceError, match="cannot be listed: 503") as caught:
        desk_of(bucket, peer, role_arn=ROLE).collect()
    assert "fewer requests" in caught.value.hint
    with pytest.raises(SourceError, match="cannot be listed: ResponseParserError") as caught:
        desk_of(bucket, peer, role_arn=ROLE).collect()
    assert "the proxy" in caught.value.hint


def test_without_credentials_the_role_is_not_even_asked_for(
    bucket: Bucket, peer: AwsPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(SourceError, match="there are no AWS credentials to ask with") as caught:
        desk_of(bucket, peer, role_arn=ROLE).collect()
    assert "AWS_PROFILE" in caught.value.hint


def test_an_unknown_profile_is_told(bucket: Bucket, peer: AwsPeer) -> None:
    with pytest.raises(SourceError, match="ProfileNotFound") as caught:
        desk_of(bucket, peer, profile="nobody").collect()
    assert "correct `profile`" in caught.value.hint


@pytest.mark.parametrize(
    ("identity", "partition", "region"),
    [
        (Identity(region="eu-central-1"), "aws", "us-east-1"),
        (Identity(region="cn-north-1"), "aws-cn", "cn-northwest-1"),
        (Identity(role_arn="arn:aws-cn:iam::111122223333:role/x"), "aws-cn", "cn-northwest-1"),
        (Identity(region="us-gov-west-1"), "aws-us-gov", None),
        (Identity(role_arn="arn:aws-eusc:iam::111122223333:role/x"), "aws-eusc", None),
    ],
)
def test_each_partition_has_its_own_place_for_billing(
    identity: Identity, partition: str, region: str | None
) -> None:
    access = Access(identity)
    assert (access.partition, access.billing_region) == (partition, region)


def test_where_there_is_no_cost_explorer_nothing_fails(bucket: Bucket, peer: AwsPeer) -> None:
    desk = desk_of(bucket, peer, role_arn="arn:aws-us-gov:iam::111122223333:role/x", cost_explorer={})
    found = desk.collect()
    assert found.is_fresh
    assert any("does not exist in the partition aws-us-gov" in note for note in found.notes)


@pytest.mark.parametrize("endpoint", ["http://169.254.169.254", "http://[fd00:ec2::254]/"])
def test_requests_never_go_to_a_metadata_address(bucket: Bucket, endpoint: str) -> None:
    with pytest.raises(SourceError, match="link-local or metadata address"):
        AwsDesk(bucket, endpoint_url=endpoint).collect()


def test_a_delivered_run_is_a_second_sign_that_all_is_there(bucket: Bucket, peer: AwsPeer) -> None:
    peer.add_export("cur2", "QUERY_FAILURE", "DELIVERY_SUCCESS")
    found = desk_of(bucket, peer).collect()
    assert found.is_fresh
    assert found.notes == []


@pytest.mark.parametrize("status", ["INITIATION_IN_PROCESS", "QUERY_QUEUED", "DELIVERY_IN_PROCESS"])
def test_a_run_under_way_is_told_and_harms_nothing(bucket: Bucket, peer: AwsPeer, status: str) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS", status)
    found = desk_of(bucket, peer).collect()
    assert found.is_fresh
    assert any("AWS is refreshing cur2 since 2026-05-2" in note for note in found.notes)


def test_a_failed_run_makes_the_source_stale_with_the_reason(bucket: Bucket, peer: AwsPeer) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS", "DELIVERY_FAILURE", reason="INSUFFICIENT_PERMISSION")
    coverage = desk_of(bucket, peer).collect().coverage
    assert coverage.freshness is Freshness.STALE
    assert "DELIVERY_FAILURE" in coverage.reason
    assert "s3:PutObject" in coverage.reason


def test_an_unhealthy_export_makes_the_source_stale(bucket: Bucket, peer: AwsPeer) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS")
    peer.health["cur2"] = {"StatusCode": "UNHEALTHY", "StatusReason": "BILL_OWNER_CHANGED"}
    assert "another payer" in desk_of(bucket, peer).collect().coverage.reason


def test_where_the_status_may_not_be_asked_a_note_names_the_permission(bucket: Bucket, peer: AwsPeer) -> None:
    peer.faults.append(
        lambda asked: refused("AccessDeniedException") if asked.target.endswith("ListExports") else None
    )
    found = desk_of(bucket, peer).collect()
    assert found.is_fresh
    assert any("bcm-data-exports:ListExports is not allowed" in note for note in found.notes)
    assert desk_of(bucket, peer, execution_status=False).collect().notes == []


def test_the_doctor_finds_all_well_and_asks_nothing_that_costs(bucket: Bucket, peer: AwsPeer) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS", **HOURLY)
    found = probes(desk_of(bucket, peer, cost_explorer={}))
    assert (found[Health.WARN], found[Health.FAIL]) == ([], [])
    subjects = "\n".join(probe.subject for probe in found[Health.OK])
    for part in (
        "AWS knows costd as arn:aws",
        "exports cur2 (data export)",
        f"1 month; the newest manifest, of {THIS_MONTH}",
        "and its 1 file,",
        "its latest run is delivered",
        "hourly, resource ids, split cost",
        "at most 20 requests a day; not tried",
    ):
        assert part in subjects
    assert any(probe.server_time for probe in found[Health.OK])
    assert peer.count("GetCostAndUsage") == 0


@pytest.mark.parametrize(
    ("option", "wrong", "fix"),
    [
        ("TIME_GRANULARITY", "DAILY", "set TIME_GRANULARITY=HOURLY"),
        ("INCLUDE_RESOURCES", "FALSE", "set INCLUDE_RESOURCES=TRUE"),
        ("INCLUDE_SPLIT_COST_ALLOCATION_DATA", "FALSE", "set INCLUDE_SPLIT_COST_ALLOCATION_DATA=TRUE"),
        ("INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY", "TRUE", "set INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY=FALSE"),
    ],
)
def test_the_doctor_names_the_option_of_the_export_that_is_wrong(
    bucket: Bucket, peer: AwsPeer, option: str, wrong: str, fix: str
) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS", **{**HOURLY, option: wrong})
    (probe,) = probes(desk_of(bucket, peer))[Health.WARN]
    assert option in probe.subject
    assert probe.fix.startswith(fix)


@pytest.mark.parametrize(
    ("permission", "health"),
    [
        ("s3:ListBucket", Health.FAIL),
        ("s3:GetObject", Health.FAIL),
        ("sts:AssumeRole", Health.FAIL),
        ("kms:Decrypt", Health.FAIL),
        ("bcm-data-exports:ListExports", Health.WARN),
        ("bcm-data-exports:ListExecutions", Health.WARN),
        ("bcm-data-exports:GetExport", Health.WARN),
    ],
)
def test_the_doctor_names_the_missing_permission(
    bucket: Bucket, peer: AwsPeer, permission: str, health: Health
) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS", **HOURLY)

    def fault(asked: Any) -> Any:
        operation = permission.partition(":")[2]
        if permission.startswith("bcm") and asked.target.endswith(operation):
            return refused("AccessDeniedException")
        is_object = asked.method == "GET" and asked.key.endswith((".gz", ".json"))
        told = "not authorized to perform: kms:Decrypt on resource: x"
        matches = {
            "s3:ListBucket": "list-type" in asked.path,
            "s3:GetObject": is_object,
            "kms:Decrypt": is_object,
        }
        if permission == "sts:AssumeRole":
            return of_sts("AccessDenied") if b"Action=AssumeRole" in asked.body else None
        is_meant = matches.get(permission, False)
        return refusal("AccessDenied", told if permission == "kms:Decrypt" else "no") if is_meant else None

    peer.faults.append(fault)
    role = {"role_arn": ROLE} if permission == "sts:AssumeRole" else {}
    found = probes(desk_of(bucket, peer, **role))[health]
    assert any(permission in f"{probe.subject} {probe.breaks} {probe.fix}" for probe in found)
    assert any(f"allow {permission}" in probe.fix for probe in found)


def test_the_doctor_tells_an_export_that_stopped_and_one_that_never_began(
    bucket: Bucket, peer: AwsPeer
) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS", **HOURLY)
    desk = desk_of(bucket, peer)
    desk.clock.at += timedelta(days=9)
    (probe,) = probes(desk)[Health.WARN]
    assert "the export has stopped" in probe.breaks
    empty = replace(bucket, prefix="nothing/here")
    assert len(probes(desk_of(empty, peer))[Health.WARN]) == 2


def settings(**more: Any) -> AwsBillingSettings:
    return AwsBillingSettings.model_validate({"name": "aws", "bucket": "acme-billing", **more})


def test_the_line_of_the_design_works_as_it_stands() -> None:
    found = settings(type="aws_billing", prefix="exports/cur2", region="eu-central-1")
    assert (found.prefix, found.cost_explorer.requests_per_day) == ("exports/cur2", 20)


def test_an_external_id_may_be_a_secret_or_not() -> None:
    assert settings(role_arn=ROLE, external_id="costd").identity.external_id == "costd"
    found = settings(role_arn=ROLE, external_id="${env:X}").identity.external_id
    assert isinstance(found, Secret)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bucket": "s3://acme-billing"},
        {"bucket": "UPPER"},
        {"prefix": "a/../b"},
        {"prefix": "s3://x/y"},
        {"region": "Frankfurt"},
        {"role_arn": "costd-billing"},
        {"external_id": "without-a-role"},
        {"secret_access_key": "${env:X}"},
        {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "${env:X}"},
        {"cost_explorer": {"requests_per_day": -1}},
        {"endpoint_url": "https://user@host"},
        {"surprise": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_slashes_around_the_prefix_do_not_matter() -> None:
    assert settings(prefix="/exports/cur2/").prefix == "exports/cur2"


def test_nothing_of_a_copy_is_left_behind(bucket: Bucket, peer: AwsPeer, tmp_path: Path) -> None:
    desk_of(bucket, peer, scratch=str(tmp_path)).collect()
    assert list(tmp_path.iterdir()) == []
