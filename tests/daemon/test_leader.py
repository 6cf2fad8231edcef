"""One daemon leads; the others know that they wait, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.leader import LEASE, TTL, Leader
from ledger.state import State

START = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


class Times:
    """A wall clock and a monotonic one that tests move, together or apart."""

    def __init__(self) -> None:
        self.wall, self.elapsed = START, 0.0

    def now(self) -> datetime:
        return self.wall

    def pass_by(self, span: timedelta) -> None:
        self.wall += span
        self.elapsed += span.total_seconds()


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    url = f"sqlite:///{tmp_path}/costd.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    state = State(url)
    state.open()
    yield state
    state.close()


@pytest.fixture
def times() -> Times:
    return Times()


def a_leader(state: State, times: Times, holder: str) -> Leader:
    return Leader(state, times, holder=holder, elapsed=lambda: times.elapsed)


def test_of_two_daemons_on_one_state_one_leads(state: State, times: Times) -> None:
    one, two = a_leader(state, times, "a:1:1"), a_leader(state, times, "b:2:2")
    assert (one.tick(), two.tick()) == (True, False)
    assert "held by a:1:1" in two.waits_for


def test_a_leader_that_keeps_ticking_stays(state: State, times: Times) -> None:
    one, two = a_leader(state, times, "a:1:1"), a_leader(state, times, "b:2:2")
    one.tick()
    for _ in range(10):
        times.pass_by(TTL / 2)
        assert one.tick()
        assert not two.tick()
    assert one.epoch == 1


def test_the_next_takes_over_with_a_higher_epoch_when_the_leader_is_silent(
    state: State, times: Times
) -> None:
    one, two = a_leader(state, times, "a:1:1"), a_leader(state, times, "b:2:2")
    one.tick()
    times.pass_by(TTL)
    assert not one.leads
    assert two.tick()
    assert (one.epoch, two.epoch) == (0, 2)


def test_a_leader_that_was_overtaken_steps_back_and_waits(state: State, times: Times) -> None:
    one, two = a_leader(state, times, "a:1:1"), a_leader(state, times, "b:2:2")
    one.tick()
    times.pass_by(TTL)
    two.tick()
    assert not one.tick()
    assert "held by b:2:2" in one.waits_for


def test_stepping_down_hands_over_at_once(state: State, times: Times) -> None:
    one, two = a_leader(state, times, "a:1:1"), a_leader(state, times, "b:2:2")
    one.tick()
    one.step_down()
    assert not one.leads
    assert two.tick()


def test_a_wall_clock_that_jumps_back_prolongs_no_leadership(state: State, times: Times) -> None:
    one = a_leader(state, times, "a:1:1")
    one.tick()
    times.elapsed += TTL.total_seconds()
    times.wall -= timedelta(days=1)
    assert not one.leads


def test_a_wall_clock_that_jumps_forward_is_settled_by_the_database(state: State, times: Times) -> None:
    one, two = a_leader(state, times, "a:1:1"), a_leader(state, times, "b:2:2")
    one.tick()
    times.wall += timedelta(days=1)
    assert two.tick()
    assert not one.tick()


def test_a_database_that_is_away_for_a_moment_costs_no_leadership_but_an_hour_does(
    tmp_path: Path, times: Times
) -> None:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    one = a_leader(state, times, "a:1:1")
    one.tick()
    state.close()
    (tmp_path / "costd.db").rename(tmp_path / "away.db")
    (tmp_path / "costd.db").mkdir()
    times.pass_by(TTL / 2)
    assert one.tick()
    times.pass_by(timedelta(hours=1))
    assert not one.tick()
    state.close()
    (tmp_path / "costd.db").rmdir()
    (tmp_path / "away.db").rename(tmp_path / "costd.db")
    assert one.tick()
    state.close()


def test_a_leader_whose_process_died_on_this_host_is_not_waited_for(
    state: State, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.leader.is_gone", lambda holder: holder == "here:9:9")
    state.lease(LEASE, "here:9:9", TTL, times.now())
    assert a_leader(state, times, "here:10:10").tick()
