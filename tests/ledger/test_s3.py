"""The same ledger in a bucket: a real S3 protocol over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from builders import a_batch, a_charge, a_chunk, charges
from s3 import S3Server
from usage import a_usage_batch, split_whole

from domain.delivery import Chunk, PeriodResult, Verdict
from domain.errors import StorageError
from ledger.charges import ChargeLedger
from ledger.landing import Landing

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
LATER = datetime(2026, 7, 3, 6, tzinfo=UTC)
FAR = datetime(2200, 1, 1, tzinfo=UTC)


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.bucket()


@pytest.fixture
def ledger(s3_server: S3Server, bucket: str) -> ChargeLedger:
    return ChargeLedger(f"s3://{bucket}/ledger", storage_options=s3_server.storage_options, promote=["team"])


def again(ledger: ChargeLedger, s3_server: S3Server) -> ChargeLedger:
    return ChargeLedger(ledger.root, storage_options=s3_server.storage_options, promote=["team"])


def store(ledger: ChargeLedger, cost: str, hash_: str, seen_at: datetime = NOW) -> PeriodResult:
    charge = a_charge(BilledCost=cost, Tags={"team": "web"})
    (result,) = ledger.replace(a_batch(charge, manifest_hash=hash_), seen_at=seen_at)
    return result


def billed(ledger: ChargeLedger) -> list[Decimal]:
    return ledger.charges(sources=["aws"], periods=["2026-06"]).collect()["BilledCost"].to_list()


def keys(s3_server: S3Server, bucket: str, prefix: str) -> list[str]:
    listed = s3_server.client().list_objects_v2(Bucket=bucket, Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", ()) if entry["Key"].endswith(".parquet")]


def test_a_bucket_without_a_ledger_is_an_empty_ledger(ledger: ChargeLedger) -> None:
    assert ledger.deliveries() == []
    assert ledger.charges().collect().height == 0
    assert ledger.recover().damage == ()


def test_stores_restates_and_remembers(ledger: ChargeLedger, s3_server: S3Server) -> None:
    assert store(ledger, "1", "h1").verdict is Verdict.REPLACED
    assert store(ledger, "1.01", "h2", LATER).verdict is Verdict.REPLACED
    assert store(ledger, "1.01", "h2", LATER).verdict is Verdict.UNCHANGED
    other = again(ledger, s3_server)
    assert billed(other) == [Decimal("1.01")]
    assert [delivery.sums["USD"]["BilledCost"] for delivery in other.deliveries()] == [1, Decimal("1.01")]
    assert other.as_first_seen(NOW).collect()["BilledCost"].to_list() == [1]
    assert other.resources().collect()["x_tag_team"].to_list() == ["web"]
    assert other.prices().collect().height == 1
    assert other.recover().damage == ()
    assert other.charges_at(other.deliveries()[0]).collect()["BilledCost"].to_list() == [1]


def test_a_refused_delivery_leaves_no_object(ledger: ChargeLedger, s3_server: S3Server, bucket: str) -> None:
    parsed = {("2026-06", "USD", "BilledCost"): Decimal(7)}
    batch = a_batch(chunks=[a_chunk(a_charge(), parsed=parsed)], periods=["2026-06"])
    (result,) = ledger.replace(batch, seen_at=NOW)
    assert result.gate == "parsed"
    assert keys(s3_server, bucket, "ledger/") == []


@pytest.mark.parametrize("first", ["h0", None], ids=["stored before", "first load"])
def test_two_collectors_on_a_period_never_double_it(
    ledger: ChargeLedger, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, first: str | None
) -> None:
    if first:
        store(ledger, "1.00", first)
    other = again(ledger, s3_server)
    original = Landing._refuse_overtaken
    raced: list[bool] = []

    def checked_then_overtaken(self: Landing, *args: object) -> None:
        original(self, *args)  # type: ignore[arg-type]  # handed through as they came
        if not raced:
            raced.append(True)
            assert store(other, "1.01", "theirs").verdict is Verdict.REPLACED

    monkeypatch.setattr(Landing, "_refuse_overtaken", checked_then_overtaken)
    result = store(ledger, "1.02", "ours")
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "conflict")
    assert billed(ledger) == [Decimal("1.01")]


def test_collectors_of_other_periods_do_not_disturb_each_other(
    ledger: ChargeLedger, s3_server: S3Server
) -> None:
    other = again(ledger, s3_server)

    def chunks() -> Iterator[Chunk]:
        yield a_chunk(a_charge(BilledCost="1"))
        other.replace(a_batch(a_charge(start="2026-07-01", BilledCost="7")), seen_at=NOW)

    (result,) = ledger.replace(a_batch(chunks=chunks(), periods=["2026-06"]), seen_at=NOW)
    assert result.verdict is Verdict.REPLACED
    assert ledger.charges().select(pl.col("BilledCost").sum()).collect().item() == 8


def test_maintenance_deletes_objects_that_nobody_can_ask_for(
    ledger: ChargeLedger, s3_server: S3Server, bucket: str
) -> None:
    for number in range(6):
        store(ledger, f"1.0{number}", f"h{number}", NOW + timedelta(days=number))
    state = ledger.as_first_seen(FAR).collect()
    stray = "ledger/charges/source=aws/billing_period=2026-06/stray.parquet"
    s3_server.client().put_object(Bucket=bucket, Key=stray, Body=b"left by a killed run")
    ledger.maintain(FAR, grace=timedelta(0))
    assert stray not in keys(s3_server, bucket, "ledger/charges/source")
    assert len(keys(s3_server, bucket, "ledger/charges/source")) == 3
    assert again(ledger, s3_server).as_first_seen(FAR).collect().equals(state)


def test_hours_parts_and_estimates_lie_in_a_bucket_as_well(ledger: ChargeLedger, s3_server: S3Server) -> None:
    for hour in (0, 1, 1):
        ledger.replace_usage(a_usage_batch(hour=hour, cursor={"hour": hour}), seen_at=NOW)
    assert ledger.repair_usage("cluster", now=NOW) == []
    store(ledger, "1.01", "h1")
    split_whole(ledger, seen_at=NOW)
    guess = a_charge(start="2026-06-11", BilledCost="2", x_EstimatedUntil="aws")
    ledger.replace_estimates("cluster", "2026-06", charges(guess), seen_at=NOW)
    ledger.maintain(LATER)
    found = again(ledger, s3_server)
    assert found.usage("pod_hours").collect().height == 2
    assert found.usage_cursor("cluster") == {"hour": 1}
    assert sorted(found.attributable().collect()["BilledCost"]) == [Decimal("1.01"), Decimal(2)]
    store(ledger, "1.02", "h2", LATER)
    assert found.attributable().collect()["BilledCost"].to_list() == [Decimal("1.02")]


def test_a_lost_object_is_damage(ledger: ChargeLedger, s3_server: S3Server, bucket: str) -> None:
    store(ledger, "1", "h1")
    (key,) = keys(s3_server, bucket, "ledger/charges/source")
    s3_server.client().delete_object(Bucket=bucket, Key=key)
    (damage,) = again(ledger, s3_server).recover().damage
    assert "missing or cut off" in damage


def test_a_bucket_that_does_not_exist_is_told_without_keys(s3_server: S3Server) -> None:
    ledger = ChargeLedger("s3://no-such-bucket/x", storage_options=s3_server.storage_options)
    try:
        refused = store(ledger, "1", "h1").reason
    except StorageError as error:
        refused = str(error)
    assert "s3://no-such-bucket/x" in refused
    assert "testing" not in refused


@pytest.mark.soak
def test_of_two_commits_at_the_same_instant_one_is_refused(
    ledger: ChargeLedger,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
    rounds: Callable[[int, int], int],
) -> None:
    original = Landing._refuse_overtaken
    for number in range(rounds(3, 50)):
        together = threading.Barrier(2)

        def checked_together(self: Landing, *args: object, barrier: threading.Barrier = together) -> None:
            original(self, *args)  # type: ignore[arg-type]  # handed through as they came
            barrier.wait(timeout=30)

        monkeypatch.setattr(Landing, "_refuse_overtaken", checked_together)
        racers = [again(ledger, s3_server) for _ in range(2)]
        with ThreadPoolExecutor(2) as pool:
            running = [
                pool.submit(store, racer, f"1.{number:02d}{who}", f"{number}-{who}")
                for who, racer in enumerate(racers)
            ]
            results = [task.result() for task in running]
        assert sorted((result.verdict.value, result.gate) for result in results) == [
            ("refused", "conflict"),
            ("replaced", ""),
        ]
        (winner,) = (result.delivery for result in results if result.verdict is Verdict.REPLACED)
        assert winner is not None
        assert billed(ledger) == [winner.sums["USD"]["BilledCost"]]
        assert len(ledger.deliveries()) == number + 1


def test_a_bucket_that_does_not_exist_is_told_in_one_line_without_markup(s3_server: S3Server) -> None:
    ledger = ChargeLedger("s3://no-such-bucket/ledger", storage_options=s3_server.storage_options)
    with pytest.raises(StorageError) as caught:
        ledger.deliveries()
    told = str(caught.value)
    assert told.startswith("cannot read the ledger table s3://no-such-bucket/ledger/")
    assert told.endswith("; NoSuchBucket: The specified bucket does not exist")
    assert not {"\n", "\x1b", "\u21b3", "<"} & set(told)
