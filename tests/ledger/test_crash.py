"""Killed at any moment, the ledger has the month as it was before or as it is after."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from replacing import june_batch

from domain.delivery import Verdict
from ledger.charges import ChargeLedger

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
ROWS = 720


def collector(root: Path, ledger: Path, *options: str) -> subprocess.Popen[str]:
    path = os.pathsep.join(map(str, (root, root / "tests" / "support")))
    process = subprocess.Popen(
        [sys.executable, str(root / "tests" / "support" / "replacing.py"), str(ledger), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def start(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def total(ledger: ChargeLedger) -> Decimal:
    facts = ledger.charges().select(pl.col("BilledCost").sum(), pl.len()).collect()
    assert facts["len"].item() in {0, ROWS}
    return Decimal(facts["BilledCost"].item())


def everything(ledger: ChargeLedger) -> tuple[object, ...]:
    """What a clean run leaves, apart from ids and times."""
    facts = ledger.charges().sort("dim_id", "price_id", "ChargePeriodStart").collect()
    state = (
        ledger.as_first_seen(NOW).drop("delivery_id", "seen_at").sort("day", "dim_id", "price_id").collect()
    )
    resources = ledger.resources().sort("dim_id").drop("Tags").collect()
    return facts.rows(), state.rows(), resources.rows(), ledger.prices().sort("price_id").collect().rows()


def after_the_kill(folder: Path, *, stored: Decimal) -> None:
    """Check what is there, run cleanly, and compare with a ledger that never crashed."""
    ledger = ChargeLedger(str(folder))
    assert total(ledger) in {stored, Decimal(ROWS) * Decimal("1.01")}
    assert ledger.as_first_seen(NOW).select(pl.col("BilledCost").sum()).collect().item() == total(ledger)
    (result,) = ledger.replace(june_batch(ROWS, "1.01", "h2"), seen_at=NOW)
    assert result.verdict in {Verdict.REPLACED, Verdict.UNCHANGED}
    clean = ChargeLedger(str(folder.with_name("clean")))
    if not clean.deliveries():
        if stored:
            clean.replace(june_batch(ROWS, "1.00", "h1"), seen_at=NOW)
        clean.replace(june_batch(ROWS, "1.01", "h2"), seen_at=NOW)
    used = set(ledger.charges().collect()["dim_id"])
    assert used <= set(ledger.resources().collect()["dim_id"])
    ours, theirs = everything(ledger), everything(clean)
    assert ours[:2] == theirs[:2]
    assert set(theirs[2]) <= set(ours[2])  # a crash may leave rows of the dimension that nothing uses
    ledger.maintain(NOW, grace=timedelta(0))
    assert everything(ChargeLedger(str(folder)))[:2] == theirs[:2]


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["first load", "restatement"])
def test_killed_before_any_step_on_the_disk_nothing_is_torn_or_doubled(
    root: Path, tmp_path: Path, kind: str, rounds: Callable[[int, int], int]
) -> None:
    first = kind == "first load"
    few, all_steps = ([3, 14, 18, 20], 20) if first else ([2, 7, 10, 12], 12)
    steps = few if rounds(0, 1) == 0 else range(1, all_steps + 1)
    base = tmp_path / "base"
    if not first:
        ChargeLedger(str(base)).replace(june_batch(ROWS, "1.00", "h1"), seen_at=NOW)
    stored = Decimal(0) if first else Decimal(ROWS)
    for step in steps:
        folder = tmp_path / f"step-{step}"
        if not first:
            subprocess.run(["cp", "-a", base, folder], check=True)
        process = collector(root, folder, "--cost", "1.01", "--hash", "h2", "--die-at", str(step))
        start(process)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        after_the_kill(folder, stored=stored)


@pytest.mark.soak
def test_killed_at_random_moments_nothing_is_torn_or_doubled(
    root: Path, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    base = tmp_path / "base"
    ChargeLedger(str(base)).replace(june_batch(ROWS, "1.00", "h1"), seen_at=NOW)
    for number in range(rounds(3, 300)):
        folder = tmp_path / f"round-{number}"
        subprocess.run(["cp", "-a", base, folder], check=True)
        process = collector(root, folder, "--cost", "1.01", "--hash", "h2")
        start(process)
        time.sleep(secrets.randbelow(500) / 1000)
        process.kill()
        process.communicate(timeout=60)
        after_the_kill(folder, stored=Decimal(ROWS))
        subprocess.run(["rm", "-rf", folder], check=True)


@pytest.mark.soak
def test_two_processes_on_a_period_never_double_it(
    root: Path, tmp_path: Path, rounds: Callable[[int, int], int]
) -> None:
    for number in range(rounds(2, 100)):
        folder = tmp_path / f"race-{number}"
        if number % 2:
            ChargeLedger(str(folder)).replace(june_batch(ROWS, "1.00", "h0"), seen_at=NOW)
        racers = [collector(root, folder, "--cost", cost, "--hash", cost) for cost in ("1.01", "1.02")]
        for racer in racers:
            start(racer)
        said = [racer.communicate(timeout=60)[0].split()[0:2] for racer in racers]
        ledger = ChargeLedger(str(folder))
        stored = [delivery for delivery in ledger.deliveries() if delivery.manifest_hash != "h0"]
        assert len(stored) == sum(words[0] == "replaced" for words in said) >= 1
        assert all(words[0] == "replaced" or words == ["refused", "conflict"] for words in said)
        assert total(ledger) == stored[-1].sums["USD"]["BilledCost"]
        cells = ledger.as_first_seen(NOW).select(pl.col("BilledCost").sum(), pl.col("rows").sum()).collect()
        assert cells.row(0) == (total(ledger), ROWS)
