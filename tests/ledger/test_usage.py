"""Hours of usage are replaced exactly, never doubled, and the cursor is never ahead of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usage import MIDNIGHT, a_usage_batch, rows

from domain.errors import GateError, StorageError
from domain.ports import UsageLedger
from domain.usage import FRAMES, HOUR
from ledger.charges import ChargeLedger
from ledger.store import Table

SEEN = datetime(2026, 6, 11, tzinfo=UTC)
NO_GRACE = timedelta(0)


@pytest.fixture
def ledger(tmp_path: Path) -> ChargeLedger:
    return ChargeLedger(str(tmp_path / "ledger"))


def cpu(ledger: ChargeLedger, **asked: Any) -> list[tuple[int, float]]:
    """Give hour and CPU of every pod-hour that is stored."""
    found = ledger.usage("pod_hours", **asked).select("hour", "cpu_hours").sort("hour", "cpu_hours").collect()
    return [(hour.hour, amount) for hour, amount in found.iter_rows()]


def pods(*amounts: tuple[int, float], cluster: str = "prod") -> pl.DataFrame:
    given = [{"hour": MIDNIGHT + hour * HOUR, "cpu_hours": amount} for hour, amount in amounts]
    return rows("pod_hours", *given, cluster=cluster)


def test_the_ledger_is_the_port(ledger: ChargeLedger) -> None:
    port: UsageLedger = ledger
    assert port.usage_cursor("cluster") == {}


@pytest.mark.parametrize("frame", FRAMES)
def test_before_the_first_batch_every_frame_is_empty(ledger: ChargeLedger, frame: str) -> None:
    found = ledger.usage(frame, clusters=["prod"], start=MIDNIGHT, end=SEEN).collect()
    assert dict(found.schema) == {"source": pl.String(), **FRAMES[frame]}
    assert found.is_empty()


def test_every_frame_comes_back_as_it_was_given(ledger: ChargeLedger) -> None:
    frames = {name: rows(name, {}) for name in FRAMES}
    ledger.replace_usage(a_usage_batch(**frames, cursor={"at": [1, None]}), seen_at=SEEN)
    again = ChargeLedger(ledger.root)
    for name, frame in frames.items():
        found = again.usage(name).collect()
        assert found["source"].to_list() == ["cluster"]
        assert found.drop("source").to_dicts() == frame.to_dicts()
    assert again.usage_cursor("cluster") == {"at": [1, None]}
    assert again.usage_cursor("another") == {}


def test_exactly_the_hours_of_a_batch_are_replaced(ledger: ChargeLedger) -> None:
    whole = pods(*((hour, 1.0) for hour in range(6)))
    ledger.replace_usage(a_usage_batch(hours=6, pod_hours=whole), seen_at=SEEN)
    ledger.replace_usage(a_usage_batch(hour=2, hours=2, pod_hours=pods((2, 9.0), (2, 8.0))), seen_at=SEEN)
    assert cpu(ledger) == [(0, 1.0), (1, 1.0), (2, 8.0), (2, 9.0), (4, 1.0), (5, 1.0)]
    hours = {"start": MIDNIGHT + HOUR, "end": MIDNIGHT + 4 * HOUR}
    assert cpu(ledger, **hours) == [(1, 1.0), (2, 8.0), (2, 9.0)]


def test_other_clusters_sources_and_days_are_left_alone(ledger: ChargeLedger) -> None:
    for cluster in ("prod", "dev"):
        batch = a_usage_batch(cluster=cluster, pod_hours=pods((0, 1.0), cluster=cluster))
        ledger.replace_usage(batch, seen_at=SEEN)
    ledger.replace_usage(a_usage_batch(source="second"), seen_at=SEEN)
    ledger.replace_usage(a_usage_batch(day=MIDNIGHT - timedelta(days=1)), seen_at=SEEN)
    ledger.replace_usage(a_usage_batch(pod_hours=pods((0, 5.0))), seen_at=SEEN)
    found = ledger.usage("pod_hours").sort("source", "cluster", "hour").collect()
    assert found.select("source", "cluster", "cpu_hours").rows() == [
        ("cluster", "dev", 1.0),
        ("cluster", "prod", 1.0),
        ("cluster", "prod", 5.0),
        ("second", "prod", 1.0),
    ]
    assert cpu(ledger, clusters=["dev"]) == [(0, 1.0)]


def test_a_frame_without_rows_empties_its_hours_and_one_left_out_says_nothing(ledger: ChargeLedger) -> None:
    ledger.replace_usage(a_usage_batch(hours=2), seen_at=SEEN)
    ledger.replace_usage(a_usage_batch(pod_hours=pods()), seen_at=SEEN)
    assert cpu(ledger) == [(1, 1.0)]
    assert ledger.usage("node_hours").collect().height == 2


def test_the_same_batch_twice_changes_nothing(ledger: ChargeLedger) -> None:
    for _ in range(2):
        ledger.replace_usage(a_usage_batch(hours=3), seen_at=SEEN)
    assert cpu(ledger) == [(0, 1.0), (1, 1.0), (2, 1.0)]


@pytest.mark.parametrize("frame", [pods((1, 1.0)), pods((0, 1.0), cluster="dev")])
def test_rows_of_other_hours_or_another_cluster_are_refused(
    ledger: ChargeLedger, frame: pl.DataFrame
) -> None:
    with pytest.raises(GateError, match="1 rows that are not of prod between 2026-06-10 00:00"):
        ledger.replace_usage(a_usage_batch(pod_hours=frame), seen_at=SEEN)
    assert cpu(ledger) == []


@pytest.mark.parametrize("step", range(4))
def test_a_crash_between_frames_is_mended_by_collecting_the_hours_again(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    ledger.replace_usage(a_usage_batch(cursor={"hour": 1}), seen_at=SEEN)
    batch = a_usage_batch(
        hour=1,
        cursor={"hour": 2},
        pod_hours=pods((1, 7.0)),
        node_hours=rows("node_hours", {"hour": MIDNIGHT + HOUR}),
        volume_hours=rows("volume_hours", {"hour": MIDNIGHT + HOUR}),
        objects=rows("objects", {}),
    )
    commit, done = Table.commit, []

    def failing(self: Table, *args: Any) -> None:
        if len(done) == step:
            raise StorageError("the machine stopped")
        done.append(self.spec.name)
        commit(self, *args)

    with monkeypatch.context() as patched:
        patched.setattr(Table, "commit", failing)
        with pytest.raises(StorageError, match="stopped"):
            ledger.replace_usage(batch, seen_at=SEEN)
    again = ChargeLedger(ledger.root)
    assert again.usage_cursor("cluster") == {"hour": 1}, "what is not stored whole is asked for again"
    again.replace_usage(batch, seen_at=SEEN)
    assert cpu(again) == [(0, 1.0), (1, 7.0)]
    assert [again.usage(name).collect().height for name in ("node_hours", "volume_hours", "objects")] == [
        2,
        1,
        1,
    ]
    assert again.usage_cursor("cluster") == {"hour": 2}


def test_an_object_has_its_newest_state_however_often_it_is_seen(ledger: ChargeLedger) -> None:
    for hour in range(40):
        at = MIDNIGHT + hour * HOUR
        seen = [
            {"seen_at": at, "labels": {"run": str(hour)}},
            {"seen_at": at, "uid": f"u{hour}", "name": "job"},
        ]
        batch = a_usage_batch(hour=hour % 24, objects=rows("objects", *seen))
        ledger.replace_usage(batch, seen_at=SEEN)
    late = rows("objects", {"seen_at": MIDNIGHT, "labels": {"run": "old"}})
    ledger.replace_usage(a_usage_batch(objects=late), seen_at=SEEN)
    found = ledger.usage("objects").collect()
    (web,) = found.filter(pl.col("name") == "web-1").to_dicts()
    assert web["labels"] == {"run": "39"}
    assert found.filter(pl.col("name") == "job")["uid"].n_unique() == 40, "another uid is another pod"
    opened = ledger.tables["objects"].open()
    assert opened is not None
    assert len(ledger.tables["objects"].members(opened)) < 20


def test_the_fingerprint_changes_with_the_hours_of_these_days_only(ledger: ChargeLedger) -> None:
    day = {"start": MIDNIGHT, "end": MIDNIGHT + timedelta(days=1)}
    assert ledger.usage_fingerprint(**day) == ""
    ledger.replace_usage(a_usage_batch(), seen_at=SEEN)
    first = ledger.usage_fingerprint(**day)
    assert first == ledger.usage_fingerprint(**day, sources=["cluster"])
    ledger.replace_usage(a_usage_batch(day=MIDNIGHT + timedelta(days=1)), seen_at=SEEN)
    ledger.replace_usage(a_usage_batch(objects=rows("objects", {})), seen_at=SEEN)
    assert ledger.usage_fingerprint(**day) == first
    assert ledger.usage_fingerprint(**day, sources=["another"]) == ""
    ledger.replace_usage(a_usage_batch(hour=5), seen_at=SEEN)
    assert ledger.usage_fingerprint(**day) != first


def test_what_a_disk_lost_is_let_go_and_collected_again(ledger: ChargeLedger) -> None:
    ledger.replace_usage(a_usage_batch(), seen_at=SEEN)
    ledger.replace_usage(a_usage_batch(hour=1), seen_at=SEEN)
    assert ledger.repair_usage("cluster", now=SEEN) == []
    table = ledger.tables["pod_hours"]
    opened = table.open()
    assert opened is not None
    Path(table.uri, table.members(opened)[0].path).unlink()
    assert ledger.repair_usage("another", now=SEEN) == []
    assert ledger.repair_usage("cluster", now=SEEN) == [
        "files of pod_hours were missing or cut off: 2026-06-10"
    ]
    assert len(cpu(ledger)) == 1
    assert ledger.usage_cursor("cluster") == {}
    for hour in (0, 1):
        ledger.replace_usage(a_usage_batch(hour=hour), seen_at=SEEN)
    assert cpu(ledger) == [(0, 1.0), (1, 1.0)]


def test_batches_stored_together_are_one_commit_per_table(ledger: ChargeLedger) -> None:
    days = [MIDNIGHT - timedelta(days=1), MIDNIGHT]
    batches = [a_usage_batch(day=day, hours=12, hour=hour) for day in days for hour in (0, 12)]
    ledger.replace_usages(batches, seen_at=SEEN)
    assert ledger.usage("pod_hours").collect().height == 48
    assert ledger.usage_cursor("cluster") == batches[-1].cursor
    assert ledger.usage_through("cluster") == batches[-1].end
    opened = ledger.tables["pod_hours"].open()
    assert opened is not None
    assert (opened.version(), len(ledger.tables["pod_hours"].members(opened))) == (1, 2)
    other = a_usage_batch(cluster="dev", objects=rows("objects", {}, cluster="dev"))
    ledger.replace_usages([a_usage_batch(objects=rows("objects", {})), other], seen_at=SEEN)
    assert ledger.usage("objects").collect().height == 2


def test_the_cursor_of_a_source_that_rests_is_found_behind_many_commits(
    ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.logbook._FEW", 2)
    ledger.replace_usage(a_usage_batch(source="resting", cursor={"at": "rest"}), seen_at=SEEN)
    for hour in range(9):
        ledger.replace_usage(a_usage_batch(hour=hour, cursor={"at": hour}), seen_at=SEEN)
    assert ledger.usage_cursor("resting") == {"at": "rest"}
    assert ledger.usage_cursor("cluster") == {"at": 8}
    assert ledger.usage_cursor("nobody") == {}


def test_what_a_newer_costd_wrote_is_refused(ledger: ChargeLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("ledger.logbook.FORMAT", 99)
        ledger.replace_usage(a_usage_batch(), seen_at=SEEN)
    with pytest.raises(StorageError, match="written by a newer costd"):
        ledger.usage_cursor("cluster")


def test_sources_that_are_collected_at_once_do_not_disturb_each_other(ledger: ChargeLedger) -> None:
    def collect(source: str) -> None:
        mine = ChargeLedger(ledger.root)
        for hour in (0, 1, 0, 1):
            mine.replace_usage(a_usage_batch(source=source, hour=hour, cursor={"of": source}), seen_at=SEEN)

    names = ["one", "two", "three"]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(collect, names))
    found = ledger.usage("pod_hours").group_by("source").len().sort("source").collect().rows()
    assert found == [("one", 2), ("three", 2), ("two", 2)]
    assert [ledger.usage_cursor(name) for name in names] == [{"of": name} for name in names]


BATCHES = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(batches=BATCHES, together=st.integers(1, 6))
def test_any_order_of_batches_leaves_the_last_word_on_every_hour(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[int, int, int]], together: int
) -> None:
    ledger = ChargeLedger(str(tmp_path_factory.mktemp("ledger")))
    wanted: dict[int, list[float]] = {}
    held = []
    for number, (hour, hours, count) in enumerate(batches):
        amounts = [
            (one, float(number * 10 + pod)) for one in range(hour, hour + hours) for pod in range(count)
        ]
        held.append(a_usage_batch(hour=hour, hours=hours, pod_hours=pods(*amounts)))
        wanted |= {one: [amount for at, amount in amounts if at == one] for one in range(hour, hour + hours)}
    for at in range(0, len(held), together):
        ledger.replace_usages(held[at : at + together], seen_at=SEEN)
    assert cpu(ledger) == sorted((hour, amount) for hour, amounts in wanted.items() for amount in amounts)
