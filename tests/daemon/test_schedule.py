"""Jobs run where somebody leads, one at a time, and an error ends one run, not the daemon."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.jobs import Job
from daemon.leader import Leader
from daemon.schedule import Schedule
from daemon.triggers import every
from domain.errors import SourceError
from ledger.state import State

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NEVER_SOON = every(timedelta(days=1000), datetime(2199, 1, 1, tzinfo=UTC))
PATIENCE = timedelta(seconds=10)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    yield state
    state.close()


def a_schedule(state: State, *jobs: Job, holder: str = "a:1:1") -> Schedule:
    clock = SystemClock()
    return Schedule(jobs, leader=Leader(state, clock, holder=holder), state=state, clock=clock)


def a_job(run: Callable[[], Any], name: str = "job", **fields: Any) -> Job:
    return Job(**{"name": name, "run": run, "trigger": NEVER_SOON, **fields})


def soon(run: Callable[[], Any], name: str = "job") -> Job:
    return a_job(run, name, trigger=every(timedelta(seconds=1), SystemClock().now()))


def test_a_due_job_runs_and_is_remembered(state: State) -> None:
    ran = Event()
    schedule = a_schedule(state, soon(ran.set))
    schedule.start()
    assert ran.wait(10)
    assert schedule.stop(PATIENCE) == []
    (job,) = state.jobs()
    assert (job.name, job.error) == ("job", "")
    assert job.succeeded_at is not None


def test_one_bad_job_never_stops_the_others(state: State) -> None:
    def fail() -> None:
        raise SourceError("the bucket is gone")

    def break_down() -> None:
        raise ZeroDivisionError

    ran = Event()
    schedule = a_schedule(state, soon(fail, "bad"), soon(break_down, "worse"), soon(ran.set, "good"))
    schedule.start()
    assert ran.wait(10)
    time.sleep(1.2)
    schedule.stop(PATIENCE)
    assert {job.name: job.error for job in state.jobs()} == {
        "bad": "the bucket is gone",
        "good": "",
        "worse": "costd itself failed (ZeroDivisionError)",
    }


class Panic(BaseException):
    """What pyo3 makes of a panic in Rust: no `Exception`, so that nobody catches it by accident."""


@pytest.mark.parametrize(
    ("raised", "says"), [(Panic("index"), "costd itself failed (Panic)"), (KeyboardInterrupt(), "cut off")]
)
def test_a_job_that_was_torn_away_has_not_ended_well(
    state: State, raised: BaseException, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    def torn() -> None:
        raise raised

    schedule = a_schedule(state, soon(torn))
    schedule.start()
    time.sleep(1.5)
    schedule.stop(PATIENCE)
    (job,) = state.jobs()
    assert says in job.error
    assert job.succeeded_at is None
    assert schedule.runs["job"].ok == 0
    assert [record.name for record in caplog.records if record.name.startswith("apscheduler")] == []


def test_a_secret_in_an_error_is_not_stored(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise SourceError("the bucket refuses AKIA-SECRET-KEY")

    monkeypatch.setattr("config.secrets._struck", {"AKIA-SECRET-KEY"})
    schedule = a_schedule(state, soon(fail))
    schedule.start()
    time.sleep(1.5)
    schedule.stop(PATIENCE)
    (job,) = state.jobs()
    assert job.error == "the bucket refuses ***"


def test_a_job_does_not_overlap_itself(state: State) -> None:
    began, go, running = Event(), Event(), []

    def slow() -> None:
        running.append(1)
        began.set()
        go.wait(10)

    schedule = a_schedule(state, a_job(slow))
    schedule.start()
    schedule.run_soon("job")
    assert began.wait(10)
    schedule.run_once("job")
    go.set()
    schedule.stop(PATIENCE)
    assert running == [1]


def test_who_does_not_lead_leaves_the_work_alone(state: State) -> None:
    ran = Event()
    one = a_schedule(state, a_job(ran.set), holder="a:1:1")
    two = a_schedule(state, a_job(ran.set), holder="b:2:2")
    one.start()
    two.start()
    two.run_once("job")
    assert not ran.is_set()
    assert two.runs["job"].skipped == 1
    two.stop(PATIENCE)
    one.stop(PATIENCE)


def test_the_standby_takes_over_when_the_leader_stops_and_catches_up(state: State) -> None:
    ran = Event()
    state.job_started("job", LONG_AGO)
    due = a_job(ran.set, trigger=every(timedelta(days=1), LONG_AGO), catch_up=timedelta(days=2))
    one = a_schedule(state, a_job(lambda: None, "other"), holder="a:1:1")
    two = a_schedule(state, due, holder="b:2:2")
    one.start()
    two.start()
    assert not ran.is_set()
    one.stop(PATIENCE)
    two.keep_leading()
    assert ran.wait(10)
    two.stop(PATIENCE)


def test_what_was_missed_while_no_daemon_ran_is_done_at_start_once(state: State) -> None:
    state.job_started("job", LONG_AGO)
    runs: list[int] = []
    due = a_job(
        lambda: runs.append(1), trigger=every(timedelta(days=1), LONG_AGO), catch_up=timedelta(days=3)
    )
    for _ in range(2):
        schedule = a_schedule(state, due)
        schedule.start()
        deadline = time.monotonic() + 5
        while not runs and time.monotonic() < deadline:
            time.sleep(0.02)
        schedule.stop(PATIENCE)
    assert runs == [1]


def test_stopping_names_what_did_not_end_in_time(state: State) -> None:
    began, go = Event(), Event()

    def slow() -> None:
        began.set()
        go.wait(20)

    schedule = a_schedule(state, a_job(slow))
    schedule.start()
    schedule.run_soon("job")
    assert began.wait(10)
    assert schedule.stop(timedelta(seconds=0.2)) == ["job"]
    go.set()


def test_nothing_begins_after_a_stop(state: State) -> None:
    ran = Event()
    schedule = a_schedule(state, a_job(ran.set))
    schedule.start()
    schedule.stop(PATIENCE)
    schedule.run_once("job")
    assert not ran.is_set()


def test_a_state_database_that_is_away_fails_the_run_and_not_the_daemon(state: State, tmp_path: Path) -> None:
    schedule = a_schedule(state, a_job(lambda: None))
    schedule.start()
    state.close()
    (tmp_path / "costd.db").rename(tmp_path / "away.db")
    (tmp_path / "costd.db").mkdir()
    schedule.run_once("job")
    assert schedule.runs["job"].failed == 1
    state.close()
    (tmp_path / "costd.db").rmdir()
    (tmp_path / "away.db").rename(tmp_path / "costd.db")
    schedule.run_once("job")
    assert schedule.runs["job"].ok == 1
    schedule.stop(PATIENCE)
