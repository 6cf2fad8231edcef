"""Attributing a stored month by changed rules, against a bare group-by over raw tag columns."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from benchmarks import ingest, months
from benchmarks.measure import RunFailedError, Took, interleaved, median, run
from benchmarks.table import Line

GOAL = 1.1
GROWTH = 5
GROWTH_GOAL = 1.3
EARLIER = ("2026-05", "2026-04", "2026-03", "2026-02")


def _kernel(home: Path, billed: Decimal, *mode: str) -> Took:
    return _true(run([sys.executable, "-m", "benchmarks.kernel", str(home / "ledger"), *mode]), billed)


def _bare(month: Path, billed: Decimal) -> Took:
    return _true(run([sys.executable, "-m", "benchmarks.floors", "group", str(month / "raw")]), billed)


def _true(took: Took, billed: Decimal) -> Took:
    """Believe a figure only if the money is right."""
    found = Decimal(took.output.split()[0])
    if found != billed:
        raise RunFailedError(f"found {found}, but the months hold {billed} USD")
    return took


def _billed(month: Path) -> Decimal:
    return Decimal(json.loads((month / "truth.json").read_text())["sums"]["BilledCost"])


def measure(folder: Path, month: Path, *, rounds: int, growth: bool) -> Iterator[Line]:
    """Give wall against the bare group-by, the peak of memory, and how it grows with the rows."""
    home = folder / "costd"
    ingest.collect(home, month)
    ours, floor = interleaved(
        rounds, lambda: _kernel(home, _billed(month)), lambda: _bare(month, _billed(month))
    )
    work, bare = median(ours, "work_s"), median(floor, "work_s")
    yield Line(
        work="re-attribute after a rule change",
        ours=f"{work:.2f} s",
        floor=f"{bare:.2f} s",
        reached=work / bare,
        goal=GOAL,
        cpu=median(ours, "cpu_s") / median(floor, "cpu_s"),
    )
    follows, bare_again = interleaved(
        rounds, lambda: _kernel(home, _billed(month), "follow"), lambda: _bare(month, _billed(month))
    )
    yield Line(
        work="… with unowned tax, support and credits split",
        ours=f"{median(follows, 'work_s'):.2f} s",
        floor=f"{median(bare_again, 'work_s'):.2f} s",
        reached=median(follows, "work_s") / median(bare_again, "work_s"),
        goal=None,
    )
    peak = median(ours, "peak_mib")
    if growth:
        yield _growth(folder, month, peak)


def _growth(folder: Path, month: Path, peak: float) -> Line:
    """Attribute five months of the same company, and compare the memory with that of one."""
    rows = json.loads((month / "truth.json").read_text())["label"]["rows"]
    every = [month]
    for earlier in EARLIER:
        every.append(folder / f"month-{rows}-{earlier}")
        months.write(every[-1], months.Recipe(rows=rows, month=earlier))
    home, bills = folder / "costd-growth", folder / "five-months"
    shutil.rmtree(bills, ignore_errors=True)
    for one in every:  # links: one source, whose months share their resources
        for part in (one / "focus").iterdir():
            linked = bills / one.name / part.name
            linked.parent.mkdir(parents=True, exist_ok=True)
            linked.hardlink_to(part)
    config = ingest.prepare(home, bills)
    run([*ingest.COSTD, "-c", str(config), "collect"])
    total = sum((_billed(one) for one in every), Decimal(0))
    grown = _kernel(home, total).peak_mib
    return Line(
        work=f"its memory at {GROWTH} x the rows",
        ours=f"{grown:.0f} MiB",
        floor=f"{peak:.0f} MiB",
        reached=grown / peak,
        goal=GROWTH_GOAL,
    )
