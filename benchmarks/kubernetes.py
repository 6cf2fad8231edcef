"""Splitting a month of a cluster among its pods, against a bare group-by over its node-hours."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from benchmarks import pod_hours
from benchmarks.measure import RunFailedError, Took, interleaved, median, run
from benchmarks.table import Line

GOAL = 2.5
MEMORY_GOAL = 1000
POD_HOURS = pod_hours.DAYS * 24


def _split(month: Path) -> Took:
    took = run([sys.executable, "-m", "benchmarks.clusters", "split", str(month)])
    cost = Decimal(json.loads((month / "truth.json").read_text())["cost"])
    if Decimal(took.output.split()[0]) != cost:
        raise RunFailedError(f"found {took.output.split()[0]}, but the nodes cost {cost}")
    return took


def _group(month: Path) -> Took:
    took = run([sys.executable, "-m", "benchmarks.clusters", "group", str(month)])
    hours = json.loads((month / "truth.json").read_text())["node_hours"]
    if int(took.output.split()[0]) != hours:
        raise RunFailedError(f"found {took.output.split()[0]} node-hours of {hours}")
    return took


def measure(folder: Path, *, rows: int, rounds: int) -> Iterator[Line]:
    """Give wall against the bare group-by, and the peak of memory, of some `rows` pod-hours."""
    month = folder / f"cluster-{rows}"
    pod_hours.write(month, pod_hours.Recipe(pods=max(1, rows // POD_HOURS)))
    ours, floor = interleaved(rounds, lambda: _split(month), lambda: _group(month))
    work, bare = median(ours, "work_s"), median(floor, "work_s")
    yield Line(
        work="split a cluster's month among its pods",
        ours=f"{work:.2f} s",
        floor=f"{bare:.2f} s",
        reached=work / bare,
        goal=GOAL,
        cpu=median(ours, "cpu_s") / median(floor, "cpu_s"),
    )
    peak = median(ours, "peak_mib")
    yield Line(
        work="… its memory", ours=f"{peak:.0f} MiB", floor="", reached=peak, goal=MEMORY_GOAL, unit="MiB"
    )
    shutil.rmtree(month)
