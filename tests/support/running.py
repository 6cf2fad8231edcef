"""`costd run` as a process of its own, and how others see it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from acme import Acme

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running `costd run`."""

    process: subprocess.Popen[str]
    url: str

    def get(self, path: str, **more: Any) -> httpx2.Response:
        """Ask for something."""
        return httpx2.get(self.url + path, timeout=30, **more)

    @property
    def readiness(self) -> dict[str, Any]:
        """Give what `/readyz` says."""
        said: dict[str, Any] = self.get("/readyz").json()
        return said

    def metric(self, line: str) -> float:
        """Give a sample of `/metrics` by its name and labels, 0 where there is none."""
        found = [text for text in self.get("/metrics").text.splitlines() if text.startswith(f"{line} ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    def source(self, name: str = "aws") -> dict[str, Any]:
        """Give what `/v1/status` says of a source."""
        rows = self.get("/v1/status").json()["rows"]
        return next(row for row in rows if row["source"] == name)

    def kill(self) -> None:
        """End it as a failing machine does."""
        self.process.kill()
        self.process.wait()


def start(acme: Acme, *args: str) -> subprocess.Popen[str]:
    """Start `costd run` on a free port."""
    command = [sys.executable, "-m", "daemon", "-c", str(acme.folder / "costd.yaml"), "run", "--port", "0"]
    return subprocess.Popen(
        [*command, *args],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@contextmanager
def running(acme: Acme, *args: str) -> Iterator[Daemon]:
    """Run a daemon until the block ends; it begins once the daemon said where its pages are."""
    process = start(acme, *args)
    try:
        assert process.stdout is not None
        said = (re.fullmatch(r"Pages: (http://\S+)\n", line) for line in process.stdout)
        url = next((found[1] for found in said if found), "")
        assert url, "costd run ended before its pages were served"
        yield Daemon(process=process, url=url)
    finally:
        process.kill()
        process.communicate()


def until(holds: Callable[[], object], what: str, *, patience: float = PATIENCE) -> None:
    """Wait until something holds, and fail by its name if it does not in time."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"not in {patience:.0f} s: {what}"
        time.sleep(0.1)
