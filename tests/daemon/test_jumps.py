"""A clock that is set, or a machine that slept, neither loses nor doubles what is due."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from apscheduler.schedulers.background import BackgroundScheduler

from daemon.clock import SystemClock
from daemon.jobs import Job
from daemon.jumps import Jumps, plan_anew
from daemon.leader import LEASE, TTL, Leader
from daemon.schedule import Schedule
from daemon.triggers import WallClock, every
from ledger.state import State

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 11, 20, 8, tzinfo=UTC)
NINE = WallClock(hour=9, zone=ZoneInfo("UTC"))


class Hands:
    """A wall clock and a monotonic one that tests move, together or apart."""

    def __init__(self, at: datetime = START) -> None:
        self.wall, self.elapsed = at, 0.0

    def now(self) -> datetime:
        return self.wall


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    yield state
    state.close()


def test_time_that_passes_is_no_jump() -> None:
    hands = Hands()
    jumps = Jumps(hands, lambda: hands.elapsed)
    hands.wall, hands.elapsed = START + DAY, DAY.total_seconds() - 2
    assert jumps.look() == timedelta(0)


@pytest.mark.parametrize("jumped", [DAY, -HOUR])
def test_a_jump_is_noticed_once(jumped: timedelta) -> None:
    hands = Hands()
    jumps = Jumps(hands, lambda: hands.elapsed)
    hands.wall, hands.elapsed = START + jumped + timedelta(seconds=15), 15.0
    assert jumps.look() == jumped
    assert jumps.look() == timedelta(0)


@pytest.fixture
def scheduler() -> Iterator[BackgroundScheduler]:
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.start(paused=True)
    yield scheduler
    scheduler.shutdown(wait=False)


def planned(scheduler: BackgroundScheduler, job: Job) -> datetime:
    scheduler.add_job(job.run, job.trigger, id=job.name)
    found = scheduler.get_job(job.name).next_run_time
    assert isinstance(found, datetime)
    return found


def test_after_a_clock_set_back_intervals_go_on_and_local_times_are_those_of_the_clock(
    scheduler: BackgroundScheduler,
) -> None:
    now = SystemClock().now()
    beat = Job(name="beat", run=lambda: None, trigger=every(timedelta(minutes=5), now))
    digest = Job(name="digest", run=lambda: None, trigger=NINE)
    before = {job.name: planned(scheduler, job) for job in (beat, digest)}
    plan_anew(scheduler, {"beat": beat, "digest": digest}, now - 3 * DAY, -3 * DAY)
    assert scheduler.get_job("beat").next_run_time == max(before["beat"] - 3 * DAY, now - 3 * DAY)
    assert scheduler.get_job("digest").next_run_time == before["digest"] - 3 * DAY


def test_a_local_time_that_is_still_to_come_is_not_brought_forward(scheduler: BackgroundScheduler) -> None:
    job = Job(name="digest", run=lambda: None, trigger=NINE)
    due = planned(scheduler, job)
    plan_anew(scheduler, {"digest": job}, due - 3 * HOUR, -HOUR)
    assert scheduler.get_job("digest").next_run_time == due


def a_schedule(state: State, hands: Hands, *jobs: Job) -> Schedule:
    schedule = Schedule(jobs, leader=Leader(state, hands, holder="a:1:1"), state=state, clock=hands)
    schedule.start()
    return schedule


def test_what_a_clock_jumped_over_is_caught_up_once(state: State) -> None:
    """A machine that slept over nine o'clock: APScheduler alone lets go what is 15 minutes late."""
    hands, runs, ran = Hands(), [], Event()
    state.job_started("digest", START - HOUR)
    digest = Job(name="digest", run=lambda: (runs.append(1), ran.set())[0], trigger=NINE, catch_up=DAY)
    schedule = a_schedule(state, hands, digest)
    assert not ran.is_set()
    hands.wall += timedelta(hours=2)
    schedule.keep_leading()
    assert ran.wait(10)
    schedule.keep_leading()
    time.sleep(0.3)
    schedule.stop(timedelta(seconds=10))
    assert runs == [1]


@pytest.mark.parametrize("back", [HOUR, DAY])
def test_a_clock_that_goes_back_costs_no_leadership_and_repeats_nothing(
    state: State, back: timedelta
) -> None:
    hands, runs = Hands(START + 2 * HOUR), []
    state.job_started("digest", START + HOUR)
    digest = Job(name="digest", run=lambda: runs.append(1), trigger=NINE, catch_up=DAY)
    schedule = a_schedule(state, hands, digest)
    hands.wall -= back
    schedule.keep_leading()
    held = state.held(LEASE, hands.now())
    assert held is not None
    assert (held.epoch, held.expires_at) == (1, hands.now() + TTL)
    time.sleep(0.2)
    schedule.stop(timedelta(seconds=10))
    assert runs == []


def test_the_lease_is_kept_while_the_scheduler_waits_out_its_clock(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.schedule.RENEW_EVERY", timedelta(seconds=0.05))
    hands = Hands()
    schedule = a_schedule(state, hands)
    assert schedule._scheduler is not None
    schedule._scheduler.pause()
    hands.wall += timedelta(seconds=30)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        held = state.held(LEASE, hands.now())
        if held is not None and held.expires_at == hands.now() + TTL:
            break
        time.sleep(0.02)
    else:
        pytest.fail("the lease was not prolonged")
    schedule.stop(timedelta(seconds=10))
