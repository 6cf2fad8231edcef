"""`costd run` as people start, see and stop it."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx2
import pytest
from acme import Acme
from builders import a_charge
from door import site

from config.http import HttpSettings
from daemon.commands.run import _end
from daemon.leader import Leader
from daemon.schedule import Schedule
from daemon.serve import Serving, listen
from daemon.terminal import Terminal
from domain.errors import ConfigError, UsageError


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    acme = Acme(folder=tmp_path)
    acme.configure("aws")
    acme.bill("aws", a_charge(start="2026-06-18T00:00", hours=24, EffectiveCost="7"))
    return acme


@contextmanager
def running(acme: Acme, *args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `costd run` on a free port; give the process and its address once it said so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "run", "--port", "0", *args],
        cwd=acme.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
    )
    try:
        assert process.stdout is not None
        url = ""
        for line in process.stdout:
            if found := re.fullmatch(r"Pages: (http://\S+)\n", line):
                url = found[1]
                break
        assert url, process.stderr.read() if process.stderr else ""
        yield process, url
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_collects_serves_and_ends_cleanly(acme: Acme, how: signal.Signals) -> None:
    with running(acme) as (process, url):
        report = httpx2.get(
            f"{url}/v1/report", params={"by": "team", "from": "2026-06-01", "to": "2026-07-01"}
        )
        assert report.json()["totals"] == [{"currency": "USD", "cost": "7"}]
        assert httpx2.get(f"{url}/readyz").json() == {"ready": True, "waiting": {}, "leads": True}
        process.send_signal(how)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_a_second_daemon_waits_and_takes_over_when_the_first_is_killed(acme: Acme) -> None:
    with running(acme) as (first, _), running(acme) as (_, url):
        assert httpx2.get(f"{url}/readyz").json()["leads"] is False
        first.kill()
        first.wait()
        deadline = time.monotonic() + 40
        while not httpx2.get(f"{url}/readyz").json()["leads"] and time.monotonic() < deadline:
            time.sleep(0.5)
        assert httpx2.get(f"{url}/readyz").json()["leads"] is True


def test_one_bad_source_never_stops_the_others(acme: Acme) -> None:
    acme.configure("aws", "gone")
    with running(acme) as (_, url):
        states = {s["source"]: s["state"] for s in httpx2.get(f"{url}/v1/status").json()["rows"]}
    assert states == {"aws": "fresh", "gone": "failed"}


def test_killed_while_it_works_the_next_run_goes_on(acme: Acme) -> None:
    with running(acme) as (process, _):
        process.kill()
    with running(acme) as (_, url):
        deliveries = httpx2.get(f"{url}/v1/deliveries").json()
    assert len(json.dumps(deliveries)) > 2
    assert acme.costd("reconcile").status == 0


def test_a_report_that_never_ends_does_not_hold_the_process(
    acme: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Left(BaseException):
        """Stands for the end of the process."""

    def leave(status: int) -> None:
        raise Left(status)

    made, endless = site(acme), Event()
    asking = threading.Thread(
        target=lambda: asyncio.run(made.services.work.run("endless", lambda: endless.wait(30))), daemon=True
    )
    asking.start()
    while not made.services.work.depth:
        time.sleep(0.01)
    serving = Serving(made.app, made.services.settings.http, listen(HttpSettings(port=0), move_on=False))
    serving.start()
    schedule = Schedule(
        [], leader=Leader(made.services.state, made.clock), state=made.services.state, clock=made.clock
    )
    monkeypatch.setattr("os._exit", leave)
    monkeypatch.setattr("daemon.commands.run._PATIENCE_SECONDS", 0.5)
    with pytest.raises(Left) as raised:
        _end(made.services, schedule, serving, Terminal(stream=io.StringIO()))
    assert raised.value.args == (0,)
    endless.set()
    asking.join(10)


def test_a_busy_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        http = HttpSettings(port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="cannot listen on"):
            listen(http, move_on=False)


def test_the_demo_moves_to_the_next_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with listen(HttpSettings(port=port), move_on=True) as found:
            assert port < found.getsockname()[1] < port + 20


def test_a_host_that_is_none_is_told_in_one_line(acme: Acme) -> None:
    acme.configure("aws")
    done = subprocess.run(
        [sys.executable, "-m", "daemon", "-c", str(acme.folder / "costd.yaml"), "run", "--host", "no host!"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: --host 'no host!' is no host"


def test_refuses_to_serve_other_machines_without_authentication() -> None:
    with pytest.raises(ConfigError, match="can be reached from other machines"):
        listen(HttpSettings(host="0.0.0.0"), move_on=False)  # noqa: S104  # the case itself
