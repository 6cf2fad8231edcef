"""A thousand readers of the pages at once, while the same daemon collects, and while it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks import months
from benchmarks.measure import RunFailedError
from benchmarks.readers import Answered, crowd, percentile
from benchmarks.table import Line

READERS = 1_000
ROWS = 300_000
QUIET_SECONDS = 10.0
PATHS = ("/", "/costs?from=2026-06-01", "/costs?by=service&from=2026-06-01&step=day", "/sources")
_PATIENCE = 300.0
_CONFIG = """
ledger: {{path: {home}/ledger}}
state: {{url: "sqlite:///{home}/costd.db"}}
sources:
  - {{type: focus_files, name: base, path: {home}/base, every: 6h}}
  - {{type: focus_files, name: late, path: {home}/late, every: 1s}}
ownership:
  keys: {{team: [team, owner], service: [service], environment: [env]}}
"""


def measure(folder: Path) -> Iterator[Line]:
    """Give how soon pages are answered under ingest, against the same without, and every error."""
    home = folder / "pages"
    shutil.rmtree(home, ignore_errors=True)
    for source in ("base", "late"):
        (home / source).mkdir(parents=True)
    bills = {month: folder / f"pages-{month}" for month in ("2026-06", "2026-05")}
    for month, bill in bills.items():
        months.write(bill, months.Recipe(rows=ROWS, resources=20_000, month=month))
    _hand_over(bills["2026-06"], home / "base")
    config = home / "costd.yaml"
    config.write_text(_CONFIG.format(home=home), encoding="utf-8")
    with _daemon(config) as url:
        alone = _seconds(url, "base")
        quiet_until = time.monotonic() + QUIET_SECONDS
        quiet = crowd(url, PATHS, readers=READERS, enough=lambda: time.monotonic() > quiet_until)
        table = home / "ledger" / "charges"
        commits = _commits(table)
        _hand_over(bills["2026-05"], home / "late")
        _wait((table / "source=late").exists, "the ingest to begin")
        busy = crowd(url, PATHS, readers=READERS, enough=lambda: _commits(table) > commits)
        _wait(lambda: _ended(url), "the ingest to end")
        beside = _seconds(url, "late")
    yield from _lines(busy, quiet, beside, alone)


def _lines(
    busy: Sequence[Answered], quiet: Sequence[Answered], beside: float, alone: float
) -> Iterator[Line]:
    for percent in (50, 95, 99):
        ours, floor = percentile(busy, percent), percentile(quiet, percent)
        yield Line(
            work=f"{READERS:,} readers of pages during an ingest, p{percent}",
            ours=f"{ours:.0f} ms",
            floor=f"{floor:.0f} ms",
            reached=ours / floor,
            goal=None,
        )
    errors = sum(one.status != 200 for one in (*busy, *quiet))
    answers = f"{len(busy):,} / {len(quiet):,}"
    yield Line(
        work="… answers / without ingest, errors",
        ours=answers,
        floor="",
        reached=errors,
        goal=0,
        unit="errors",
    )
    yield Line(
        work=f"ingest of {ROWS:,} rows beside them",
        ours=f"{beside:.1f} s",
        floor=f"{alone:.1f} s",
        reached=beside / alone,
        goal=None,
    )


def _hand_over(month: Path, source: Path) -> None:
    """Put the files of a month where a source finds them."""
    for file in (month / "focus").iterdir():
        os.link(file, source / file.name)


def _commits(table: Path) -> int:
    return len(list((table / "_delta_log").glob("*.json")))


@contextmanager
def _daemon(config: Path) -> Iterator[str]:
    """Run a daemon until the block ends; give its address once it is ready."""
    command = [sys.executable, "-m", "daemon", "-c", str(config), "run", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101  # a pipe, as asked for
            said = (line.removeprefix("Pages: ").strip() for line in process.stdout if line[:7] == "Pages: ")
            url = next(said, "")
            if not url:
                raise RunFailedError("costd run ended before its pages were served")
            yield url
        finally:
            process.terminate()
            process.wait()


def _text(url: str) -> str:
    with urlopen(url, timeout=30) as answer:  # noqa: S310  # our own daemon on loopback
        text: str = answer.read().decode()
    return text


def _sample(url: str, name: str) -> float:
    lines = [line for line in _text(f"{url}/metrics").splitlines() if line.startswith(f"{name} ")]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


def _seconds(url: str, source: str) -> float:
    """Give the time spent in collecting a source."""
    return _sample(url, f'costd_job_seconds_total{{job="collect:{source}"}}')


def _ended(url: str) -> bool:
    return _sample(url, 'costd_source_lag_seconds{source="late"}') > 0


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if holds():
                return
        except URLError as error:
            raise RunFailedError(f"the daemon does not answer: {error}") from error
        if time.monotonic() > deadline:
            raise RunFailedError(f"waited too long for {what}")
        time.sleep(0.1)
