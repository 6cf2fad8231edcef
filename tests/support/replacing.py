"""A collector in a process of its own, which a test may race or kill.

Prints `ready`, waits for a line on its input, replaces June 2026 of source `aws` by
`--rows` charges of `--cost`, and prints the verdict and the gate. With `--die-at N` it is
gone, as by kill -9, just before its Nth step on the disk.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from builders import a_batch, a_charge, a_chunk

from domain.delivery import Batch, Chunk
from ledger import files
from ledger.charges import ChargeLedger
from ledger.store import Table

FIRST = datetime(2026, 6, 1, tzinfo=UTC)


def june(rows: int, cost: str, *, chunks: int = 4) -> Iterator[Chunk]:
    """Give charges of every day of June in a few chunks."""
    for part in range(chunks):
        yield a_chunk(
            *(
                a_charge(
                    start=FIRST + timedelta(hours=number % 720),
                    ResourceId=f"i-{number % 97}",
                    BilledCost=Decimal(cost),
                    Tags={"team": f"t{number % 7}", "cost": cost},
                )
                for number in range(part, rows, chunks)
            )
        )


def june_batch(rows: int, cost: str, manifest_hash: str) -> Batch:
    """Give the charges as one delivery."""
    return a_batch(chunks=june(rows, cost), periods=["2026-06"], manifest_hash=manifest_hash)


def die_at(step: int) -> None:
    """Kill this process before its step-th write, sync or commit."""
    left = [step]

    def counted(owner: type, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def wrapper(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        setattr(owner, name, wrapper)

    counted(files.LocalFiles, "write")
    counted(files.LocalFiles, "sync")
    counted(Table, "commit")


def main() -> None:
    """Run one replacement."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root")
    parser.add_argument("--rows", type=int, default=720)
    parser.add_argument("--cost", default="1.00")
    parser.add_argument("--hash", default="h1")
    parser.add_argument("--die-at", type=int, default=0)
    options = parser.parse_args()
    ledger = ChargeLedger(options.root)
    batch = june_batch(options.rows, options.cost, options.hash)
    if options.die_at:
        die_at(options.die_at)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    sys.stdin.readline()
    (result,) = ledger.replace(batch, seen_at=datetime(2026, 7, 2, tzinfo=UTC))
    print(result.verdict.value, result.gate, result.reason, flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main()
