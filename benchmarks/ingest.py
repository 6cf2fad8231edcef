"""Collecting a month from Parquet, against copying the same columns into a Delta table."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from benchmarks.measure import RunFailedError, Took, interleaved, median, run
from benchmarks.table import Line

COSTD = (sys.executable, "-m", "daemon.cli")
CONFIG = """\
ledger: {{path: {home}/ledger}}
state: {{url: "sqlite:///{home}/costd.db"}}
sources:
  - {{type: focus_files, name: bench, path: {bills}}}
ownership:
  keys: {{team: [team, owner], service: [service], model: [model], environment: [env]}}
"""
GOAL = 1.6
GOAL_MIB = 2048.0


def prepare(home: Path, bills: Path) -> Path:
    """Write the configuration of an empty costd that reads the files below a folder; give its path."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    config = home / "costd.yaml"
    config.write_text(CONFIG.format(home=home, bills=bills), encoding="utf-8")
    return config


def collect(home: Path, month: Path) -> Took:
    """Collect the month into an empty ledger, and believe the figure only if the sums are true."""
    config = prepare(home, month / "focus")
    took = run([*COSTD, "-c", str(config), "collect"])
    _check(config, month)
    return took


def _check(config: Path, month: Path) -> None:
    truth = json.loads((month / "truth.json").read_text())["sums"]
    for cost, column in (("billed", "BilledCost"), ("effective", "EffectiveCost")):
        window = ["--from", "2026-06-01", "--to", "2026-07-01", "--cost", cost, "--output", "json"]
        command = [*COSTD, "-c", str(config), "report", "--by", "provider", *window]
        shown = subprocess.run(command, check=False, capture_output=True, text=True)
        totals = json.loads(shown.stdout)["totals"]
        if [(total["currency"], Decimal(total["cost"])) for total in totals] != [
            ("USD", Decimal(truth[column]))
        ]:
            raise RunFailedError(f"{column}: {totals}, but the month holds {truth[column]} USD")


def copy(target: Path, month: Path) -> Took:
    """Copy the same files into a fresh Delta table with polars alone."""
    shutil.rmtree(target, ignore_errors=True)
    return run([sys.executable, "-m", "benchmarks.floors", "sink", str(month / "focus"), str(target)])


def measure(folder: Path, month: Path, *, rounds: int) -> Iterator[Line]:
    """Give wall against the copy, and the peak of memory."""
    ours, floor = interleaved(
        rounds,
        lambda: collect(folder / "costd", month),
        lambda: copy(folder / "copy", month),
    )
    wall, bare = median(ours, "wall_s"), median(floor, "wall_s")
    peak = median(ours, "peak_mib")
    cpu = median(ours, "cpu_s") / median(floor, "cpu_s")
    yield Line(
        work="collect from Parquet",
        ours=f"{wall:.1f} s",
        floor=f"{bare:.1f} s",
        reached=wall / bare,
        goal=GOAL,
        cpu=cpu,
    )
    yield Line(
        work="collect, peak memory",
        ours=f"{peak:.0f} MiB",
        floor=f"({median(floor, 'peak_mib'):.0f} MiB)",
        reached=peak,
        goal=GOAL_MIB,
        unit="MiB",
    )
