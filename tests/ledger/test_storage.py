"""Disks that fill up, tear commits and lose files; collectors that meet on one period."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from builders import a_batch, a_charge, a_chunk

from domain.delivery import Chunk, PeriodResult, Verdict
from domain.errors import ConflictError, StorageError
from ledger import files, record, staging
from ledger.charges import ChargeLedger
from ledger.files import LocalFiles, Written
from ledger.landing import Landing
from ledger.store import Table

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path / "ledger"))


def store(ledger: ChargeLedger, cost: str, hash_: str) -> PeriodResult:
    charge = a_charge(BilledCost=cost, Tags={"cost": cost})
    (result,) = ledger.replace(a_batch(charge, manifest_hash=hash_), seen_at=NOW)
    return result


def billed(ledger: ChargeLedger) -> list[object]:
    return ledger.charges().collect()["BilledCost"].cast(pl.String).to_list()


def all_files(ledger: ChargeLedger) -> set[Path]:
    return set(Path(ledger.root).rglob("*.parquet"))


def fail_after(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, calls: int, error: Exception) -> None:
    original: Callable[..., Any] = getattr(owner, name)
    left = [calls]

    def failing(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise error
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, failing)


@pytest.mark.parametrize("calls", range(5))
@pytest.mark.parametrize(
    "full",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device (os error 28)"),
    ],
    ids=["system", "polars"],
)
def test_a_full_disk_refuses_the_delivery_and_leaves_nothing_behind(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch, calls: int, full: Exception
) -> None:
    store(ledger, "1", "h1")
    before = all_files(ledger)
    with monkeypatch.context() as patched:
        fail_after(patched, LocalFiles, "write", calls, full)
        result = store(ledger, "1.01", "h2")
    if calls >= 3:  # facts, resources and cube are all there is to write
        assert result.verdict is Verdict.REPLACED
        return
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "storage")
    assert "is full; the ledger still has what it had; free some space" in result.reason
    assert billed(ledger) == ["1.000000000000"]
    assert len(all_files(ledger) - before) <= (calls == 2)  # a committed dimension stays, harmless
    assert store(ledger, "1.01", "h2").verdict is Verdict.REPLACED


def test_a_disk_that_is_really_full_is_told_as_such(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    ledger = ChargeLedger(str(tmp_path))

    class Full(LocalFiles):
        def write(self, path: str, rows: pl.LazyFrame) -> Written:
            rows.sink_parquet("/dev/full")
            return super().write(path, rows)

    ledger.tables["charges"].files = Full(tmp_path / "charges")
    assert "is full" in store(ledger, "1", "h1").reason


def test_files_are_kept_where_a_commit_may_name_them_though_it_seemed_to_fail(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(ledger, "1", "h1")
    original = Table.commit

    def commit_then_fail(self: Table, *args: Any) -> None:
        original(self, *args)
        if self.spec.name == "charges":
            raise StorageError("the log entry could not be synced")

    with monkeypatch.context() as patched:
        patched.setattr(Table, "commit", commit_then_fail)
        assert store(ledger, "1.01", "h2").verdict is Verdict.REFUSED
    assert billed(ledger) == ["1.010000000000"]
    assert ledger.recover().damage == ()
    assert store(ledger, "1.01", "h2").verdict is Verdict.UNCHANGED


def test_everything_is_on_the_disk_before_it_is_acknowledged(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    original = os.fsync

    def noting(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        original(handle)

    monkeypatch.setattr(files.os, "fsync", noting)
    store(ledger, "1", "h1")
    root = Path(ledger.root)
    for file in (*root.rglob("*.parquet"), *root.rglob("*.json")):
        assert str(file) in synced
        assert str(file.parent) in synced
    assert str(root) in synced
    facts = next(position for position, name in enumerate(synced) if "/charges/source=" in name)
    commit = synced.index(str(root / "charges/_delta_log/00000000000000000001.json"))
    assert facts < commit


def last_commit(ledger: ChargeLedger) -> Path:
    return max((Path(ledger.root) / "charges" / "_delta_log").glob("*.json"))


@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_a_torn_last_commit_is_told_with_its_file(ledger: ChargeLedger, keep: float) -> None:
    store(ledger, "1", "h1")
    store(ledger, "1.01", "h2")
    torn = last_commit(ledger)
    torn.write_bytes(torn.read_bytes()[: int(torn.stat().st_size * keep)])
    with pytest.raises(StorageError) as caught:
        ChargeLedger(ledger.root).deliveries()
    assert str(torn) in str(caught.value)
    assert "torn" in str(caught.value)
    assert f"{torn}.torn" in caught.value.hint
    torn.rename(f"{torn}.torn")
    assert billed(ChargeLedger(ledger.root)) == ["1.000000000000"]


def test_an_empty_last_commit_is_told_with_its_file(ledger: ChargeLedger) -> None:
    store(ledger, "1", "h1")
    store(ledger, "1.01", "h2")
    last_commit(ledger).write_bytes(b"")
    with pytest.raises(StorageError, match="torn"):
        ChargeLedger(ledger.root).recover()


def test_a_commit_that_lost_its_end_is_damage_of_its_period(ledger: ChargeLedger) -> None:
    store(ledger, "1", "h1")
    torn = last_commit(ledger)
    torn.write_bytes(torn.read_bytes().split(b"\n")[0] + b"\n")
    (damage,) = ChargeLedger(ledger.root).recover().damage
    assert "2026-06 of aws is damaged: its files hold 0 rows, but 1 were committed" in damage


@pytest.mark.parametrize("how", ["missing", "cut off"])
def test_a_file_that_the_disk_lost_is_damage_and_the_next_collection_repairs_it(
    ledger: ChargeLedger, how: str
) -> None:
    store(ledger, "1", "h1")
    (file,) = (Path(ledger.root) / "charges").rglob("*=*/*.parquet")
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:100])
    recovered = ChargeLedger(ledger.root).recover()
    assert len(recovered.deliveries) == 1
    (damage,) = recovered.damage
    assert "1 of its files are missing or cut off" in damage
    assert "run `costd collect aws`" in damage
    assert ledger.cursors("aws") == {}
    assert store(ledger, "1", "h1").verdict is Verdict.REPLACED
    assert list(ledger.cursors("aws")) == ["2026-06"]
    assert ledger.recover().damage == ()
    assert billed(ledger) == ["1.000000000000"]


def test_a_delivery_of_a_newer_costd_is_refused(ledger: ChargeLedger) -> None:
    store(ledger, "1", "h1")
    entry = last_commit(ledger)
    entry.write_text(entry.read_text().replace(f'\\"format\\": {record.FORMAT}', '\\"format\\": 99'))
    with pytest.raises(StorageError, match="written by a newer costd"):
        ChargeLedger(ledger.root).deliveries()


@pytest.mark.parametrize("first", ["h0", None], ids=["stored before", "first load"])
def test_a_collector_that_is_overtaken_while_it_reads_stores_nothing(
    ledger: ChargeLedger, first: str | None
) -> None:
    if first:
        store(ledger, "1.00", first)
    other = ChargeLedger(ledger.root)

    def chunks() -> Iterator[Chunk]:
        yield a_chunk(a_charge(BilledCost="1.02"))
        assert store(other, "1.01", "theirs").verdict is Verdict.REPLACED

    batch = a_batch(chunks=chunks(), periods=["2026-06"], manifest_hash="ours")
    (result,) = ledger.replace(batch, seen_at=NOW)
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "conflict")
    assert "another collector replaced 2026-06 of aws meanwhile" in result.reason
    assert billed(ledger) == ["1.010000000000"]
    assert ledger.as_first_seen(NOW).collect()["rows"].to_list() == [1]
    assert store(ledger, "1.02", "ours").verdict is Verdict.REPLACED


@pytest.mark.parametrize("first", ["h0", None], ids=["stored before", "first load"])
def test_a_collector_that_is_overtaken_while_it_commits_stores_nothing(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch, first: str | None
) -> None:
    if first:
        store(ledger, "1.00", first)
    other = ChargeLedger(ledger.root)
    original = Landing._refuse_overtaken
    raced: list[bool] = []

    def checked_then_overtaken(self: Landing, *args: Any) -> None:
        original(self, *args)
        if not raced:
            raced.append(True)
            assert store(other, "1.01", "theirs").verdict is Verdict.REPLACED

    monkeypatch.setattr(Landing, "_refuse_overtaken", checked_then_overtaken)
    result = store(ledger, "1.02", "ours")
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "conflict")
    assert billed(ledger) == ["1.010000000000"]


@pytest.mark.parametrize("first", [True, False], ids=["first load", "replaces"])
def test_collectors_of_other_periods_do_not_disturb_each_other(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch, *, first: bool
) -> None:
    other = ChargeLedger(ledger.root)
    if not first:
        store(ledger, "0.50", "before")
        other.replace(a_batch(a_charge(start="2026-07-01", BilledCost="6")), seen_at=NOW)
    original = Landing._refuse_overtaken
    raced: list[bool] = []

    def checked_then_busy(self: Landing, *args: Any) -> None:
        original(self, *args)
        if not raced:
            raced.append(True)
            theirs = a_batch(a_charge(start="2026-07-01", BilledCost="7"), manifest_hash="theirs")
            other.replace(theirs, seen_at=NOW)

    monkeypatch.setattr(Landing, "_refuse_overtaken", checked_then_busy)
    assert store(ledger, "1", "ours").verdict is Verdict.REPLACED
    assert sorted(map(str, billed(ledger))) == ["1.000000000000", "7.000000000000"]


def test_a_lease_lost_while_rows_flow_stops_the_replacement(ledger: ChargeLedger) -> None:
    def lost(_rows: int) -> None:
        raise ConflictError("collect:aws was lost")

    (result,) = ledger.replace(a_batch(a_charge()), seen_at=NOW, on_rows=lost)
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "conflict")
    assert all_files(ledger) == set()


def test_staged_files_go_also_when_a_person_interrupts(ledger: ChargeLedger) -> None:
    def interrupted(_rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ledger.replace(a_batch(a_charge()), seen_at=NOW, on_rows=interrupted)
    assert all_files(ledger) == set()


def test_rows_are_written_while_they_flow_and_few_are_held(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "FLUSH_ROWS", 10)
    monkeypatch.setattr(staging, "FLUSH_DIMENSION_ROWS", 5)
    seen: list[int] = []

    def chunks() -> Iterable[Chunk]:
        for number in range(12):
            rows = [
                a_charge(start=f"2026-0{6 + number % 2}-10", ResourceId=f"{number}-{part}")
                for part in range(4)
            ]
            yield a_chunk(*rows)
            seen.append(len(all_files(ledger)))

    batch = a_batch(chunks=chunks(), periods=["2026-06", "2026-07"])
    results = ledger.replace(batch, seen_at=NOW)
    assert [result.verdict for result in results] == ["replaced", "replaced"]
    assert 0 < seen[5] < seen[-1]
    assert ledger.charges().collect().height == 48
    assert ledger.resources().collect().height == 48


def test_an_unwritable_folder_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    result = store(ChargeLedger(str(blocked)), "1", "h1")
    assert (result.verdict, result.gate) == (Verdict.REFUSED, "storage")
    assert str(blocked) in result.reason
