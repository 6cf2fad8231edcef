"""Maintenance deletes what nobody can ask for, and changes no answer."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from builders import a_batch, a_charge

from domain.delivery import Delivery, Verdict
from domain.errors import StorageError
from ledger.charges import ChargeLedger
from ledger.commit import Commit
from ledger.upkeep import kept_versions

JULY = datetime(2026, 7, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
FAR = datetime(2200, 1, 1, tzinfo=UTC)
NO_GRACE = timedelta(0)


def deliver(ledger: ChargeLedger, number: int, *, start: str = "2026-06-10", source: str = "aws") -> None:
    rows = [
        a_charge(
            start=start, ResourceId=f"i-{index}", BilledCost=f"1.{number:02d}", Tags={"run": str(number)}
        )
        for index in range(3)
    ]
    batch = a_batch(*rows, source=source, manifest_hash=f"h{number}")
    (result,) = ledger.replace(batch, seen_at=JULY + number * DAY)
    assert result.verdict is Verdict.REPLACED


def answers(ledger: ChargeLedger) -> list[object]:
    keys = ["seen_at", "day", "dim_id", "price_id"]
    return [
        ledger.deliveries(),
        ledger.charges().sort("dim_id").collect().rows(),
        ledger.cube().sort(keys).collect().rows(),
        [ledger.as_first_seen(JULY + number * DAY).sort(keys).collect().rows() for number in range(12)],
        ledger.resources().drop("Tags").sort("dim_id").collect().rows(),
        ledger.prices().sort("price_id").collect().rows(),
    ]


def parquet_files(root: Path, table: str) -> list[Path]:
    return sorted((root / table).rglob("*=*/*.parquet"))


def test_answers_are_the_same_after_maintenance(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path))
    for number in range(10):
        deliver(ledger, number)
    deliver(ledger, 5, start="2026-07-03")
    deliver(ledger, 5, source="azure")
    before = answers(ledger)
    done = ledger.maintain(FAR, grace=NO_GRACE)
    assert done.joined["cube"] == 10
    assert done.joined["resources"] == 10
    assert answers(ledger) == before
    assert answers(ChargeLedger(str(tmp_path))) == before
    assert [len(parquet_files(tmp_path, name)) for name in ("cube", "resources")] == [3, 2]
    again = ledger.maintain(FAR, grace=NO_GRACE)
    assert not any([*again.joined.values(), *again.deleted.values()])


def test_the_last_three_versions_and_the_one_that_closed_the_period_are_kept(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path))
    for number in (0, 1, 12, 40, 41, 42, 43):
        deliver(ledger, number)
    ledger.maintain(FAR, grace=NO_GRACE)
    readable, gone = [], []
    for delivery in ledger.versions("aws", "2026-06"):
        with contextlib.suppress(StorageError):
            total = ledger.charges_at(delivery).select(pl.col("BilledCost").sum()).collect().item()
            assert total == delivery.sums["USD"]["BilledCost"]
            readable.append(delivery.manifest_hash)
            continue
        gone.append(delivery)
    assert readable == ["h12", "h41", "h42", "h43"]
    with pytest.raises(StorageError, match="no longer kept row by row") as caught:
        ledger.charges_at(gone[0])
    assert "--as-of" in caught.value.hint


def test_fewer_versions_can_be_kept(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path), retain=1)
    for number in (0, 40, 41):
        deliver(ledger, number)
    ledger.maintain(FAR, grace=NO_GRACE)
    assert len(parquet_files(tmp_path, "charges")) == 2


@pytest.mark.parametrize(
    ("days_after_june", "kept"),
    [([1, 2, 3, 14, 15, 20, 30, 40], [4, 6, 7, 8]), ([20, 30, 40, 50, 60], [1, 3, 4, 5]), ([2, 3], [1, 2])],
)
def test_the_closing_delivery_is_the_one_that_is_current_two_weeks_after_the_end(
    days_after_june: list[int], kept: list[int]
) -> None:
    deliveries = [
        Delivery(
            id=f"d{version}",
            source="aws",
            billing_period="2026-06",
            seen_at=datetime(2026, 7, 1, tzinfo=UTC) + days * DAY,
            manifest_hash="",
            rows=0,
            rejected=0,
            sums={},
            residuals={},
            days=0,
            first_day="",
            last_day="",
            version=version,
        )
        for version, days in enumerate(days_after_june, 1)
    ]
    assert kept_versions(deliveries, 3) == kept


def test_files_that_no_commit_took_are_removed_but_not_while_they_are_young(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path))
    deliver(ledger, 0)
    stray = parquet_files(tmp_path, "charges")[0].with_name("stray-00001.parquet")
    stray.write_bytes(b"left by a killed run")
    ledger.maintain(FAR)
    assert stray.exists()
    ledger.maintain(FAR, grace=NO_GRACE)
    assert not stray.exists()


def test_cube_rows_of_a_delivery_that_never_came_to_be_are_removed(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path))
    deliver(ledger, 0)
    cube = ledger.tables["cube"]
    opened = cube.open()
    assert opened is not None
    orphans = cube.scan().with_columns(pl.lit("01NEVER").alias("delivery_id"))
    staged = cube.stage(orphans, {"source": "aws", "billing_period": "2026-06"}, "orphan")
    cube.commit(opened, Commit(add=[staged], metadata="", at=JULY))
    before = answers(ledger)
    assert cube.scan().filter(pl.col("delivery_id") == "01NEVER").collect().height == 3
    ledger.maintain(datetime(2020, 1, 1, tzinfo=UTC), grace=NO_GRACE)
    assert cube.scan().filter(pl.col("delivery_id") == "01NEVER").collect().height == 3
    ledger.maintain(FAR, grace=NO_GRACE)
    assert cube.scan().filter(pl.col("delivery_id") == "01NEVER").collect().height == 0
    assert answers(ledger) == before


def test_rows_get_the_columns_of_keys_that_were_promoted_later(tmp_path: Path) -> None:
    deliver(ChargeLedger(str(tmp_path)), 7)
    ledger = ChargeLedger(str(tmp_path), promote=["run"])
    ledger.maintain(FAR, grace=NO_GRACE)
    stored = ledger.tables["resources"].scan().select("x_tag_run").collect()
    assert stored["x_tag_run"].to_list() == ["7"] * 3
    assert ledger.resources().collect()["x_tag_run"].to_list() == ["7"] * 3


def test_an_empty_ledger_needs_no_maintenance(tmp_path: Path) -> None:
    done = ChargeLedger(str(tmp_path / "none")).maintain(FAR)
    assert not any([*done.joined.values(), *done.deleted.values()])
