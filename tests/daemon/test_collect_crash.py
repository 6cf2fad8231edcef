"""kill -9 in the middle of `costd collect`: the next run takes over at once and ends the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from acme import Acme
from builders import a_charge

ROWS = 400
MONTHS = ("2026-04", "2026-05", "2026-06")


def test_a_collect_killed_at_any_moment_is_finished_by_the_next(
    acme: Acme, root: Path, rounds: Callable[[int, int], int]
) -> None:
    acme.configure("aws")
    for month in MONTHS:
        rows = [
            a_charge(start=f"{month}-{1 + at % 28:02d}", BilledCost="0.01", ResourceId=f"i-{at}")
            for at in range(ROWS)
        ]
        acme.bill("aws", *rows, file=f"{month}.csv")
    command = [sys.executable, "-m", "daemon", "-c", str(acme.folder / "costd.yaml"), "collect"]
    dice = random.Random(20261120)  # noqa: S311  # moments to kill at, not secrets
    for _ in range(rounds(3, 40)):
        process = subprocess.Popen(
            command, cwd=root, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(dice.uniform(0.4, 2.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    last = subprocess.run(command, cwd=root, check=False, capture_output=True, text=True)
    assert last.returncode == 0, last.stdout + last.stderr
    ran = acme.costd("report", "--by", "billing_month", "--cost", "billed", "--output", "ndjson").ndjson
    assert {row["billing_month"]: Decimal(row["cost"]) for row in ran} == dict.fromkeys(MONTHS, Decimal(4))
    assert acme.costd("reconcile").status == 0
    periods = acme.costd("status", "--periods", "--output", "ndjson").ndjson
    assert [row["charges"] for row in periods] == [ROWS] * len(MONTHS)
