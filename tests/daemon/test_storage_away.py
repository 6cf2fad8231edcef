"""A disk that is full, a database that is locked or away: said where people look, lost by nobody."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from acme import Acme
from builders import a_charge
from door import NOW, MovingClock, Site, site
from postgres import PostgresServer, binaries
from postgres import serving as serving_postgres
from sqlalchemy import event

import ledger.database
from alerts.channels.interface import ChannelDown, Probe
from alerts.dispatch import CLAIM, Dispatcher, Thread
from alerts.slack_blocks import SlackMessage
from daemon.leader import Leader
from daemon.schedule import Schedule
from daemon.work_list import work_list
from domain.errors import StorageError
from domain.message import Post, PostState
from ledger.files import LocalFiles
from ledger.outbox import Outbox
from ledger.state import State

JUNE = {"start": "2026-06-18T00:00", "hours": 24}


@pytest.fixture
def made(acme: Acme) -> Iterator[Site]:
    acme.collected(a_charge(**JUNE, EffectiveCost="7"))
    acme.bill("aws", a_charge(**JUNE, EffectiveCost="7"), a_charge(**JUNE, EffectiveCost="5", ResourceId="x"))
    made = site(acme)
    yield made
    made.services.close()


def daemon_of(made: Site) -> Schedule:
    """Give the jobs of a daemon that leads; tests say when one runs."""
    services = made.services
    leader = Leader(services.state, services.clock, holder="a:1:1")
    assert leader.tick()
    return Schedule(work_list(services), leader=leader, state=services.state, clock=services.clock)


def report_total(made: Site) -> str:
    found = made.client().get("/v1/report", params={"from": "all"}).json()["totals"]
    return str(found[0]["cost"])


def source(made: Site) -> dict[str, Any]:
    found: dict[str, Any] = made.client().get("/v1/status").json()["rows"][0]
    return found


def pass_by(made: Site, span: timedelta) -> None:
    made.clock.at += span
    made.services.answers._looked = None


def test_a_full_disk_is_told_costs_no_data_and_is_recovered_from(
    made: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = daemon_of(made)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(LocalFiles, "write", full)
        schedule.run_once("collect:aws")
    pass_by(made, timedelta(seconds=5))
    said = source(made)
    assert (said["state"], said["reason"]) == ("stale", "2026-06 was refused by gate storage")
    page = made.client().get("/sources").text
    assert "is full; the ledger still has what it had" in page
    assert "costd collect aws" in page
    assert made.client().get("/readyz").status_code == 200
    assert report_total(made) == "7"
    schedule.run_once("collect:aws")
    pass_by(made, timedelta(minutes=2))
    assert source(made)["state"] == "fresh"
    assert report_total(made) == "12"


def test_a_disk_too_full_for_the_state_database_fails_runs_and_not_the_daemon(made: Site) -> None:
    schedule, engine = daemon_of(made), made.services.state.database.engine

    def full(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count=1")  # what is there stays, nothing more is taken

    event.listen(engine, "connect", full)
    engine.dispose()
    database = made.services.state.database
    with pytest.raises(StorageError, match="disk is full"), database.connection() as connection:
        connection.exec_driver_sql("CREATE TABLE more AS SELECT hex(randomblob(20000)) AS x")
    for _ in range(3):
        schedule.run_once("collect:aws")
    assert made.client().get("/readyz").status_code == 200
    event.remove(engine, "connect", full)
    engine.dispose()
    schedule.run_once("collect:aws")
    assert schedule.runs["collect:aws"].ok >= 1
    pass_by(made, timedelta(minutes=2))
    assert report_total(made) == "12"


def test_a_database_locked_for_too_long_fails_the_run_and_the_next_one_goes_on(
    made: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger.database, "BUSY_MS", 200)
    made.services.state.close()
    schedule = daemon_of(made)
    other = sqlite3.connect(made.services.settings.folder / "var" / "costd.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    schedule.run_once("collect:aws")
    assert schedule.runs["collect:aws"].failed == 1
    assert report_total(made) == "7"
    assert made.client().get("/readyz").status_code == 200
    other.execute("ROLLBACK")
    other.close()
    schedule.run_once("collect:aws")
    pass_by(made, timedelta(minutes=2))
    assert (schedule.runs["collect:aws"].ok, report_total(made)) == (1, "12")


class Hall:
    """A channel that remembers what arrived, and after which something happens."""

    name = "C1"
    can_look = True

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.afterwards: list[Any] = []

    def post(self, message: SlackMessage, *, key: str, thread: str = "") -> str:
        del message, thread
        self.keys.append(key)
        if self.afterwards:
            self.afterwards.pop()()
        return str(len(self.keys))

    def find(self, key: str, *, since: datetime, thread: str = "") -> str:
        del since, thread
        return str(self.keys.index(key) + 1) if key in self.keys else ""

    def probe(self) -> list[Probe]:
        return []


MESSAGE = Thread(message=SlackMessage(text="the digest", blocks=()))
POST = Post(kind="digest 09:00", channel="C1", day=date(2026, 6, 20))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `make peers` installs it")
    with serving_postgres(programs) as server:
        yield server


@pytest.mark.parametrize("back", ["at once", "later"])
def test_a_digest_whose_database_went_away_after_the_post_is_not_posted_twice(
    server: PostgresServer, back: str
) -> None:
    state, hall, clock = State(server.database()), Hall(), MovingClock(at=NOW)
    state.open()
    dispatcher = Dispatcher(Outbox(state.database), clock)

    def restart() -> None:
        server.stop()
        if back == "at once":
            # The connection that notes the post is the one that was lost; the next one works.
            monkey = pytest.MonkeyPatch()
            arrived = Outbox.arrived

            def broken(outbox: Outbox, *given: Any) -> None:
                monkey.undo()
                try:
                    arrived(outbox, *given)
                finally:
                    server.start()

            monkey.setattr(Outbox, "arrived", broken)

    hall.afterwards.append(restart)
    with pytest.raises((ChannelDown, StorageError)):
        dispatcher.send(POST, hall, lambda: MESSAGE)
    if back == "later":
        server.start()
    clock.at += CLAIM + timedelta(minutes=1)
    assert dispatcher.send(POST, hall, lambda: MESSAGE) is PostState.SENT
    assert hall.keys == [POST.key]
    state.close()
