"""A month of AWS from the bucket to the report, with the commands that people type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from acme import Acme
from aws_exports import THIS_MONTH, TODAY, Bucket, as_gzip, as_parquet, lines_of
from aws_peer import AwsPeer, Cost, peer_of
from s3 import S3Server

from domain.window import month_window

NOW = f"{TODAY:%Y-%m-%dT%H:%M:%SZ}"
MIDDLE = f"{THIS_MONTH}-10T12:00:00Z"
"""Cost Explorer is not asked for days that are too fresh, so on the first of a month it would have none."""

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
    return Bucket(s3_env)


@pytest.fixture
def company(acme: Acme, bucket: Bucket, peer: AwsPeer, monkeypatch: pytest.MonkeyPatch) -> Acme:
    """The line of the design as it stands; where AWS is, the environment says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", peer.url)
    source = (
        f"{{type: aws_billing, name: aws, bucket: {bucket.name}, prefix: exports/cur2, region: eu-central-1}}"
    )
    text = f"mode: observe\nsources:\n  - {source}\nownership:\n  keys: {{team: [team], service: [squad]}}\n"
    (acme.folder / "costd.yaml").write_text(text, encoding="utf-8")
    return acme


def billed(company: Acme, now: str = NOW) -> dict[str | None, Decimal]:
    """Give the billed cost of this month by team."""
    ran = company.costd(
        *("report", "--by", "team", "--cost", "billed", "--period", THIS_MONTH, "--output", "ndjson"),
        now=now,
    )
    assert ran.status in {0, 5}, ran.err
    return {row["team"]: Decimal(row["cost"]) for row in ran.ndjson}


def test_a_month_in_the_report_is_what_aws_billed(company: Acme, bucket: Bucket, peer: AwsPeer) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS")
    bucket.data_export(
        THIS_MONTH,
        {
            "a.csv.gz": as_gzip(lines_of(THIS_MONTH, 40, cost="0.1000000003")),
            "b.snappy.parquet": as_parquet(
                lines_of(THIS_MONTH, 10, cost="2.5", resource_tags='{"user_team":"data"}')
            ),
        },
    )
    ran = company.costd("collect", now=NOW)
    assert ran.status == 0, ran.out + ran.err
    assert billed(company) == {"web": Decimal("4.000000012"), "data": Decimal("25.0")}
    assert company.costd("collect", now=NOW).status == 0
    assert company.costd("reconcile", now=NOW).status == 0
    status = json.loads(company.costd("status", "--output", "json", now=NOW).out)
    assert [row["state"] for row in status["rows"]] == ["fresh"]
    assert [row["charges"] for row in status["rows"]] == [50]


def test_an_overview_of_cost_explorer_gives_way_to_the_bill_and_its_cost_is_shown(
    company: Acme, bucket: Bucket, peer: AwsPeer
) -> None:
    first = month_window(THIS_MONTH).start.date()
    peer.costs = [Cost(first, "044455556666", "Amazon EC2", "Usage", "7", "7")]
    ran = company.costd("collect", now=MIDDLE)
    assert ran.status in {0, 5, 6}, ran.out + ran.err
    assert billed(company, MIDDLE) == {None: Decimal(7)}
    shown = company.costd("status", now=MIDDLE)
    asked = peer.count("GetCostAndUsage")
    assert asked > 0
    assert f"aws asked Cost Explorer: {asked} of 20 requests today" in shown.out
    assert f"{asked} this month, $0.0{asked}" in shown.out
    assert "is of Cost Explorer, by day, account and service only" in shown.out
    (own,) = json.loads(company.costd("status", "--output", "json", now=MIDDLE).out)["own_costs"]
    assert (own["today"], own["cost"], own["currency"]) == (asked, f"0.0{asked}", "USD")
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2, cost="0.5"))})
    ran = company.costd("collect", now=MIDDLE)
    assert ran.status in {0, 5}, ran.out + ran.err
    assert billed(company, MIDDLE) == {"web": Decimal("1.0")}


def test_the_doctor_warns_of_tag_keys_that_are_on_no_bill(
    company: Acme, bucket: Bucket, peer: AwsPeer
) -> None:
    peer.add_export("cur2", "DELIVERY_SUCCESS", **HOURLY)
    bucket.data_export(THIS_MONTH, {"a.csv.gz": as_gzip(lines_of(THIS_MONTH, 2))})
    assert company.costd("collect", now=NOW).status == 0
    ran = company.costd("doctor", "aws", now=NOW)
    assert ran.status == 0, ran.out
    assert "tag keys of `service`: squad" in ran.out
    assert "activate squad under Billing, Cost allocation tags" in ran.out
    assert "tag keys of `team` are on the bill" in ran.out


def test_a_bucket_that_is_not_there_fails_with_what_to_do(company: Acme, bucket: Bucket) -> None:
    bucket.client.delete_bucket(Bucket=bucket.name)
    ran = company.costd("collect", now=NOW)
    assert ran.status == 1
    assert "NoSuchBucket" in ran.out + ran.err
    assert "correct `bucket` of this source" in ran.out + ran.err
