"""The real daemon under what breaks: databases that go away, processes that are killed, hostile clients."""

from __future__ import annotations

import random
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from threading import Thread

import pytest
from acme import Acme
from builders import a_charge
from postgres import PostgresServer, binaries
from postgres import serving as serving_postgres
from running import Daemon, running, start, until

from benchmarks.readers import crowd
from daemon.clock import SystemClock
from daemon.leader import LEASE
from ledger.state import State

MONTHS = ("2026-04", "2026-05", "2026-06")
ROWS = 200


def configure(acme: Acme, *, state: str = "", every: str = "1s") -> str:
    """Write costd.yaml; give the URL of its state database."""
    url = state or f"sqlite:///{acme.folder}/costd.db"
    config = f"""
sources:
  - {{type: focus_files, name: aws, path: ./aws, every: {every}}}
ledger: {{path: ./ledger}}
state: {{url: "{url}"}}
"""
    (acme.folder / "costd.yaml").write_text(config, encoding="utf-8")
    return url


def bill(acme: Acme, each: str) -> Decimal:
    """Bill every month anew with another amount per charge; give what all of them cost."""
    for month in MONTHS:
        rows = [
            a_charge(start=f"{month}-{1 + at % 28:02d}", BilledCost=each, ResourceId=f"i-{at}")
            for at in range(ROWS)
        ]
        acme.bill("aws", *rows, file=f"{month}.csv")
    return Decimal(each) * ROWS * len(MONTHS)


def billed(acme: Acme) -> Decimal:
    ran = acme.costd(
        "report", "--by", "billing_month", "--cost", "billed", "--from", "all", "--output", "ndjson"
    )
    assert ran.status in {0, 5}, ran.err
    return sum((Decimal(row["cost"]) for row in ran.ndjson), Decimal(0))


def epoch(url: str) -> int:
    state = State(url)
    try:
        held = state.held(LEASE, SystemClock().now())
    finally:
        state.close()
    return held.epoch if held is not None else 0


def runs(daemon: Daemon, result: str) -> float:
    return daemon.metric(f'costd_job_runs_total{{job="collect:aws",result="{result}"}}')


# Databases


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own: others go on using theirs while this one is away."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `make peers` installs it")
    with serving_postgres(programs) as server:
        yield server


def test_postgresql_restarted_under_it_is_told_and_recovered_from(acme: Acme, server: PostgresServer) -> None:
    url = configure(acme, state=server.database())
    total = bill(acme, "0.01")
    with running(acme) as daemon:
        until(lambda: runs(daemon, "ok") >= 2, "it collects")
        server.stop()
        try:
            until(lambda: "state" in daemon.readiness["waiting"], "it says that it is not ready")
            assert daemon.get("/readyz").status_code == 503
            assert daemon.get("/healthz").status_code == 200
        finally:
            server.start()
        until(lambda: daemon.readiness == {"ready": True, "waiting": {}, "leads": True}, "it is ready again")
        done = runs(daemon, "ok")
        until(lambda: runs(daemon, "ok") > done, "it collects again")
        assert daemon.source()["state"] == "fresh"
        assert epoch(url) == 1
        total = bill(acme, "0.02")
        until(lambda: len(daemon.get("/v1/deliveries").json()["rows"]) == 6, "the new bills come in, once")
        # Asked of the daemon: a command in this process would leave its connection to the collector.
        (found,) = daemon.get("/v1/report?cost=billed&from=all").json()["totals"]
        assert Decimal(found["cost"]) == total


def test_a_long_transaction_of_another_process_is_waited_for(acme: Acme) -> None:
    configure(acme)
    bill(acme, "0.01")
    with running(acme) as daemon:
        until(lambda: runs(daemon, "ok") >= 1, "it collects")
        other = sqlite3.connect(acme.folder / "costd.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            time.sleep(3)
            assert daemon.readiness["ready"] is True
            assert daemon.get("/v1/report").status_code == 200
            done = runs(daemon, "ok")
        finally:
            other.execute("ROLLBACK")
            other.close()
        until(lambda: runs(daemon, "ok") >= done + 2, "it collects again")
        assert runs(daemon, "failed") == 0


# Processes


def test_of_two_daemons_one_works_and_the_other_takes_over_with_a_higher_epoch(acme: Acme) -> None:
    url = configure(acme)
    bill(acme, "0.01")
    with running(acme) as first, running(acme) as second:
        until(lambda: runs(first, "ok") >= 2, "the first collects")
        until(lambda: runs(second, "skipped") >= 2, "the second leaves its jobs out")
        assert (runs(second, "ok"), runs(second, "failed"), epoch(url)) == (0, 0, 1)
        first.kill()
        until(lambda: second.readiness["leads"], "the second takes over within the lease")
        assert epoch(url) == 2
        until(lambda: runs(second, "ok") >= 2, "the second collects")
        assert runs(second, "failed") == 0


@pytest.mark.soak
def test_killed_at_any_moment_it_ends_where_one_clean_run_ends(
    acme: Acme, rounds: Callable[[int, int], int]
) -> None:
    configure(acme)
    dice = random.Random(20261120)  # noqa: S311  # moments to kill at, not secrets
    for number in range(rounds(4, 100)):
        bill(acme, f"0.0{1 + number % 7}")
        process = start(acme)
        time.sleep(dice.uniform(0.3, 3.0))
        process.kill()
        process.communicate()
    total = bill(acme, "0.09")
    with running(acme) as daemon:
        until(lambda: runs(daemon, "ok") >= 2, "it collects")
        assert daemon.readiness["ready"] is True
        assert runs(daemon, "failed") == 0
        assert daemon.source()["state"] == "fresh"
    assert billed(acme) == total
    assert acme.costd("reconcile").status == 0
    periods = acme.costd("status", "--periods", "--output", "ndjson").ndjson
    assert [row["charges"] for row in periods] == [ROWS] * len(MONTHS)


# Clients


def test_hostile_clients_meet_the_same_server(acme: Acme) -> None:
    configure(acme, every="6h")
    bill(acme, "0.01")
    with running(acme) as daemon:
        forged = daemon.get("/v1/whoami", headers={"X-Forwarded-Email": "boss@acme.example"})
        assert "boss" not in forged.text
        assert daemon.metric('costd_http_refused_total{reason="forged_identity"}') == 1
        assert daemon.get("/v1/report?x=" + "a" * 20_000).status_code == 414
        host, port = daemon.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as loris:
            began = time.monotonic()
            try:
                loris.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n")
                while time.monotonic() - began < 25:
                    loris.sendall(b"x-a: b\r\n")
                    assert daemon.readiness["ready"] is True
                    time.sleep(0.5)
            except OSError:
                pass
            assert time.monotonic() - began < 15, "a head that never ends was waited for"
        assert daemon.get("/").status_code == 200


def test_a_thousand_readers_during_an_ingest_all_get_an_answer(acme: Acme) -> None:
    configure(acme)
    bill(acme, "0.01")
    paths = ("/", "/costs?from=2026-06-01", "/sources", "/v1/report?from=all&by=resource")
    with running(acme) as daemon:
        until(lambda: runs(daemon, "ok") >= 1, "it collects")
        done = runs(daemon, "ok")
        ready: list[bool] = []

        def deliver() -> None:
            for number in range(5):
                bill(acme, f"0.1{number}")
                ready.append(daemon.readiness["ready"])

        delivering = Thread(target=deliver)
        delivering.start()
        answers = crowd(daemon.url, paths, readers=1000, enough=lambda: not delivering.is_alive())
        delivering.join()
        assert len(answers) >= 1000
        assert {one.status for one in answers} <= {200, 503}
        assert all(one.retry_after for one in answers if one.status == 503)
        assert ready == [True] * 5
        until(lambda: runs(daemon, "ok") > done, "it went on collecting")
        assert runs(daemon, "failed") == 0
        assert daemon.readiness["ready"] is True
