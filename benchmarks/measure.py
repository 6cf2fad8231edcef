"""Runs a command in a process of its own and says what it took."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What one run took.

    Attributes:
        wall_s: seconds from start to end.
        cpu_s: seconds of processor, user and system, threads and children included.
        peak_mib: largest resident memory of the process (VmHWM).
        output: what it printed.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    output: str = ""

    @property
    def work_s(self) -> float:
        """Give the seconds of the work alone, as a program of ours printed them last."""
        return float(self.output.split()[-2])


class RunFailedError(Exception):
    """A measured command did not end well; its figure would mean nothing."""


_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""An installed costd is byte-compiled; a checkout is after its first, unmeasured run."""


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    well: frozenset[int] = frozenset({0}),
) -> Took:
    """Run a command to its end.

    Raises:
        RunFailedError: it ended with a status that is not `well`.
    """
    with tempfile.TemporaryFile() as output:
        actions = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
        began = time.perf_counter()
        process = os.posix_spawnp(
            command[0],
            list(command),
            {**os.environ, **_COMPILED, **(environment or {})},
            file_actions=actions,
        )
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - began
        output.seek(0)
        text = output.read().decode(errors="replace")
    if (code := os.waitstatus_to_exitcode(status)) not in well:
        raise RunFailedError(f"{' '.join(command)} ended with {code}:\n{text[-4000:]}")
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Took(wall_s=wall, cpu_s=cpu, peak_mib=usage.ru_maxrss / unit, output=text)


def interleaved(rounds: int, *sides: Callable[[], Took]) -> list[list[Took]]:
    """Run every side once per round, in alternating order, after one round that is thrown away."""
    taken: list[list[Took]] = [[] for _ in sides]
    for number in range(rounds + 1):
        order = range(len(sides)) if number % 2 else reversed(range(len(sides)))
        for side in order:
            took = sides[side]()
            if number:
                taken[side].append(took)
    return taken


def median(runs: Sequence[Took], figure: str) -> float:
    """Give the median of one figure, by the name of its attribute."""
    return float(statistics.median(getattr(took, figure) for took in runs))
