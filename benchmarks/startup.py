"""What the command line costs before it does anything: CPU, byte-compiled, best of several."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.ingest import COSTD, prepare
from benchmarks.measure import run
from benchmarks.table import Line

HELP_MS = 100.0
COMMAND_MS = 300.0
RUNS = 7


def _cpu_ms(command: Sequence[str]) -> float:
    """Give the CPU of the best run: the one the machine disturbed least."""
    clean = {"PYTHONDONTWRITEBYTECODE": ""}
    refused = frozenset({0, 2})
    return min(run(command, environment=clean, well=refused).cpu_s for _ in range(RUNS)) * 1000


def measure(folder: Path) -> Iterator[Line]:
    """Give the cost of the help, and of commands that end where their work would start."""
    bare = _cpu_ms([sys.executable, "-c", ""])
    home = folder / "startup"
    (home / "none").mkdir(parents=True, exist_ok=True)
    config = prepare(home, home / "none")
    figures = (
        ("costd --help", [*COSTD, "--help"], HELP_MS),
        ("costd config check", [*COSTD, "-c", str(config), "config", "check"], COMMAND_MS),
        (
            "costd report, up to its work",
            [*COSTD, "-c", str(config), "report", "--by", "nothing"],
            COMMAND_MS,
        ),
        ("costd collect, up to its work", [*COSTD, "-c", str(config), "collect", "nobody"], COMMAND_MS),
    )
    for work, command, goal in figures:
        taken = _cpu_ms(command)
        yield Line(
            work=work, ours=f"{taken:.0f} ms", floor=f"({bare:.0f} ms)", reached=taken, goal=goal, unit="ms"
        )
