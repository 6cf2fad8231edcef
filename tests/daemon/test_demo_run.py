"""`make run` and `costd -c demo run` as somebody meets them who has just cloned this."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from daemon import cli

ROOT = Path(cli.__file__).parent.parent
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
RUN = [sys.executable, "-m", "daemon", "-c", "demo", "run"]
LAST = re.compile(r"Pages: (http://127\.0\.0\.1:(\d+)) - connect your own: costd init")
PATIENCE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A demo that runs, and the files it speaks into."""

    process: subprocess.Popen[str]
    said: Path

    @property
    def out(self) -> list[str]:
        return self.said.with_suffix(".out").read_text(encoding="utf-8").splitlines()

    @property
    def err(self) -> list[str]:
        return self.said.with_suffix(".err").read_text(encoding="utf-8").splitlines()

    @property
    def told(self) -> str:
        return "\n".join([*self.out, *self.err])

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.told):
                return found
            assert self.process.poll() is None, self.told
            time.sleep(0.05)
        raise AssertionError(f"nothing like {pattern!r} in:\n{self.told}")

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


def start(folder: Path, stack: ExitStack, *more: str) -> Running:
    said = folder / f"said-{time.monotonic_ns()}"
    streams = [stack.enter_context(said.with_suffix(kind).open("w")) for kind in (".out", ".err")]
    process = subprocess.Popen(
        [*RUN, *more], cwd=folder, env=ENVIRON, stdout=streams[0], stderr=streams[1], text=True
    )
    stack.callback(process.wait, 30)
    stack.callback(process.kill)
    return Running(process=process, said=said)


def costd(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "daemon", *args]
    return subprocess.run(command, cwd=folder, env=ENVIRON, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Running]]:
    """A folder where the demo runs for the first time, while its usual port is busy."""
    folder = tmp_path_factory.mktemp("demo")
    with ExitStack() as stack:
        with suppress(OSError):  # taken by somebody else, which is as good
            stack.enter_context(socket.create_server(("127.0.0.1", 8080)))
        running = start(folder, stack)
        running.wait_for(LAST.pattern)
        yield folder, running


def test_the_first_run_shows_how_far_it_is_then_the_digest_and_last_where_the_pages_are(
    first: tuple[Path, Running],
) -> None:
    _, running = first
    told = "\n".join(running.out)
    assert "while 400 days of the demo company's bills come in" in running.out[0] + running.out[1]
    assert "Demo bills of aws: started" in "\n".join(running.err)
    assert "Cloud cost - " in told
    for team in ("ml", "web", "data", "platform", "mobile", "research", "unallocated"):
        assert f"\n{team} " in told
    assert "LATE" not in told
    assert LAST.fullmatch(running.out[-1])


def test_a_busy_port_moves_to_the_next_and_that_is_said(first: tuple[Path, Running]) -> None:
    _, running = first
    found = LAST.fullmatch(running.out[-1])
    assert found
    assert 8080 < int(found[2]) < 8100
    assert running.out[0] == f"Port 8080 is busy; this one listens on {found[2]}."


def test_the_pages_are_there_and_the_link_signs_in(first: tuple[Path, Running]) -> None:
    _, running = first
    url = running.wait_for(LAST.pattern)[1]
    page = httpx2.get(url)
    assert (page.status_code, "DEMO" in page.text, "research" in page.text) == (200, True, True)
    link = running.wait_for(r"Sign in once, within 15 minutes: (\S+)")[1]
    assert link.startswith(url)
    assert httpx2.get(link).status_code == 200


def test_reset_is_refused_while_it_runs(first: tuple[Path, Running]) -> None:
    folder, running = first
    done = costd(folder, "demo", "reset")
    assert done.returncode == 1
    assert f"the demo is being served by process {running.process.pid} " in done.stderr
    assert "Ctrl-C" in done.stderr
    assert (folder / "var/demo/ledger").is_dir()


def test_it_ends_cleanly_goes_on_quickly_and_ends_through_make_as_well(
    first: tuple[Path, Running], tmp_path: Path
) -> None:
    folder, running = first
    assert running.end(signal.SIGINT) == 0, running.told
    assert "Traceback" not in running.told
    began = time.monotonic()
    with ExitStack() as stack:
        second = start(folder, stack)
        second.wait_for(LAST.pattern)
        assert time.monotonic() - began < 30
        assert "what is new" in second.told
        assert "Demo bills of aws: started, 1 deliveries" in "\n".join(second.err)
        assert second.end(signal.SIGTERM) == 0, second.told
        assert "Traceback" not in second.told
    (tmp_path / "var").symlink_to(folder / "var")
    told = _interrupted_make(tmp_path)
    assert LAST.search(told), told
    assert told.rstrip().endswith("Stopping ...")
    assert not re.search(r"Traceback|\*\*\*|rror", told), told


def _interrupted_make(folder: Path) -> str:
    """Run `make run` on a terminal, press Ctrl-C when the pages are there, give what it said."""
    for name in ("requirements/base.txt", "requirements/build.txt", "pyproject.toml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    # An environment that is a link: should make ever want to build it anew, it clears only the link.
    (folder / "venv/.done").mkdir(parents=True)
    (folder / "venv/bin").symlink_to(Path(sys.prefix) / "bin")
    for name in ("venv", "run"):
        (folder / "venv/.done" / name).touch()
    keyboard, screen = pty.openpty()
    make = ["make", "-f", str(ROOT / "Makefile"), "run", "VENV=venv"]
    # The first terminal that the leader of a session opens is the one whose Ctrl-C it gets.
    command = f"exec {shlex.join(make)} <>{os.ttyname(screen)} >&0 2>&0"
    process = subprocess.Popen(["sh", "-c", command], cwd=folder, env=ENVIRON, start_new_session=True)
    told, pressed, deadline = b"", False, time.monotonic() + PATIENCE
    try:
        while process.poll() is None and time.monotonic() < deadline:
            while select.select([keyboard], [], [], 0.1)[0]:
                told += os.read(keyboard, 4096)
            if b"connect your own" in told and not pressed:
                pressed = bool(os.write(keyboard, b"\x03"))
    finally:
        process.kill()
        process.wait(30)
        os.close(keyboard)
        os.close(screen)
    return told.decode().replace("\r\n", "\n")


def test_an_early_ctrl_c_ends_cleanly_too(tmp_path: Path) -> None:
    with ExitStack() as stack:
        running = start(tmp_path, stack, "--port", "0")
        running.wait_for(r"of 18 deliveries")
        assert running.end(signal.SIGINT) == 0, running.told
        assert "Traceback" not in running.told
        assert "Stopping ..." in running.out
        assert not LAST.search(running.told)
