"""Maintenance of hours, parts and estimates; and that a backup brings them back."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import a_batch, a_charge, charges
from usage import MIDNIGHT, a_usage_batch, rows, split_whole

from ledger.backup import backup
from ledger.charges import ChargeLedger
from ledger.restore import restore
from ledger.state import State

NOW = datetime(2026, 6, 20, tzinfo=UTC)
FAR = datetime(2200, 1, 1, tzinfo=UTC)
NO_GRACE = timedelta(0)
FOR_EVER = timedelta(days=365_000)
DAY = timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path / "ledger"))


def files(ledger: ChargeLedger, table: str) -> list[Path]:
    return sorted(Path(ledger.root, table).rglob("*=*/*.parquet"))


def split(ledger: ChargeLedger, cost: str) -> None:
    """Deliver a bill of one node and split it among one pod."""
    ledger.replace(a_batch(a_charge(BilledCost=cost), manifest_hash=cost), seen_at=NOW, force=True)
    split_whole(ledger, seen_at=NOW, usage=f"u{cost}")


def fill(ledger: ChargeLedger) -> None:
    """Store two days of hours, some objects, a split bill and an estimate."""
    for day in (MIDNIGHT, MIDNIGHT + DAY):
        for hour in range(12):
            batch = a_usage_batch(
                day=day,
                hour=hour,
                node_hours=rows("node_hours", {"hour": day + timedelta(hours=hour)}),
                objects=rows("objects", {"seen_at": day, "labels": {"run": f"{day:%d} {hour}"}}),
            )
            ledger.replace_usage(batch, seen_at=NOW)
    split(ledger, "3")
    guess = charges(a_charge(start="2026-06-11", BilledCost="2", x_EstimatedUntil="aws"))
    ledger.replace_estimates("cluster", "2026-06", guess, seen_at=NOW)


def answers(ledger: ChargeLedger) -> list[object]:
    return [
        ledger.usage("node_hours").sort("hour").collect().rows(),
        ledger.usage("objects").collect().to_dicts(),
        ledger.usage_cursor("cluster"),
        ledger.attributable().sort("source", "dim_id").collect().rows(),
        ledger.splits(),
    ]


def test_files_of_days_that_are_over_are_joined_and_no_answer_changes(ledger: ChargeLedger) -> None:
    fill(ledger)
    before = answers(ledger)
    today = ledger.maintain(MIDNIGHT + DAY, grace=NO_GRACE, keep_usage=FOR_EVER)
    assert today.joined["node_hours"] == 12, "hours of today still come"
    assert today.joined["objects"] == 8, "sixteen were joined while they were stored"
    done = ledger.maintain(FAR, grace=NO_GRACE, keep_usage=FOR_EVER)
    assert done.joined["node_hours"] == 12
    assert answers(ledger) == before == answers(ChargeLedger(ledger.root))
    assert (len(files(ledger, "node_hours")), len(files(ledger, "objects"))) == (2, 1)


def test_hours_and_things_older_than_they_are_kept_go(ledger: ChargeLedger) -> None:
    fill(ledger)
    old = rows("objects", {"uid": "u0", "seen_at": MIDNIGHT - DAY})
    ledger.replace_usage(a_usage_batch(hour=20, objects=old), seen_at=NOW)
    ledger.maintain(NOW, grace=NO_GRACE, keep_usage=NOW - MIDNIGHT - DAY)
    assert ledger.usage("node_hours").collect()["hour"].min() == MIDNIGHT + DAY
    assert ledger.usage("objects").collect()["uid"].to_list() == ["u1"]
    assert {path.parent.name for path in files(ledger, "node_hours")} == {"day=2026-06-11"}
    assert ledger.usage_cursor("cluster") != {}, "what was collected is not collected again"
    assert ledger.attributable().collect().height == 2, "what they cost stays"


def test_stale_parts_and_estimates_go(ledger: ChargeLedger) -> None:
    split(ledger, "3")
    guesses = (a_charge(start="2026-06-11", x_EstimatedUntil=bill) for bill in ("aws", "gcp"))
    ledger.replace_estimates("cluster", "2026-06", charges(*guesses), seen_at=NOW)
    ledger.replace(a_batch(a_charge(BilledCost="4"), manifest_hash="4"), seen_at=NOW)
    ledger.maintain(NOW, grace=NO_GRACE)
    assert files(ledger, "split_charges") == []
    assert [path.parent.parent.name for path in files(ledger, "estimates")] == ["bill_source=gcp"]
    assert ledger.split_of("aws", "2026-06") is None
    split(ledger, "5")
    ledger.maintain(NOW, grace=NO_GRACE)
    assert len(files(ledger, "split_charges")) == 1


def test_a_backup_brings_hours_parts_and_estimates_back(ledger: ChargeLedger, tmp_path: Path) -> None:
    fill(ledger)
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    backup(ledger, state, tmp_path / "all.tar.gz", now=NOW)
    again, other = ChargeLedger(str(tmp_path / "again")), State(f"sqlite:///{tmp_path}/other.db")
    other.open()
    restore(tmp_path / "all.tar.gz", again, other, now=NOW)
    assert answers(again) == answers(ledger)
    again.replace_usage(a_usage_batch(hour=15), seen_at=NOW)
    assert again.usage("node_hours").collect().height == 25
    state.close()
    other.close()


def test_the_log_of_hours_does_not_grow_for_ever(ledger: ChargeLedger, tmp_path: Path) -> None:
    def log(name: str) -> list[Path]:
        return sorted(Path(ledger.root, name, "_delta_log").glob("*.json"))

    fill(ledger)
    ledger.replace_usage(a_usage_batch(hour=20), seen_at=NOW)
    long_ago = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
    for name in ("node_hours", "charges"):
        for entry in log(name):
            os.utime(entry, (long_ago, long_ago))
    before, bills = answers(ledger), log("charges")
    ledger.maintain(NOW, keep_usage=FOR_EVER)
    assert log("node_hours")[0].stem.endswith("20"), "what the checkpoint sums up is gone"
    assert log("charges") == bills, "the log of the charges is the history"
    assert answers(ChargeLedger(ledger.root)) == before
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    backup(ledger, state, tmp_path / "all.tar", now=NOW)
    again = ChargeLedger(str(tmp_path / "again"))
    restore(tmp_path / "all.tar", again, state, now=NOW, force=True)
    assert answers(again) == before
    again.replace_usage(a_usage_batch(hour=22), seen_at=NOW)
    assert again.usage_through("cluster") == MIDNIGHT + timedelta(hours=23)
    state.close()
