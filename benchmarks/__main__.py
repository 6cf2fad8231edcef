"""Prints the figures of DESIGN's table that exist so far; see `make bench`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import attribution, cur, ingest, kubernetes, months, pages, startup
from benchmarks.table import Line, show

PARTS = ("ingest", "attribution", "startup", "pages", "cur", "kubernetes")


def main() -> None:
    """Write the month, run the parts asked for, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rows",
        type=int,
        default=2_000_000,
        help="size of the month (goals are for 10000000); a tenth of it for `cur`, pod-hours for "
        "`kubernetes` (its goals are for 36000000)",
    )
    parser.add_argument("--resources", type=int, default=200_000, help="resources that the company has")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count, after one that does not")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be repeated")
    parser.add_argument("--folder", type=Path, help="keep the month here and use it again")
    parser.add_argument("--growth", action="store_true", help="also take five times the rows, for the memory")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="costd-bench-") as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        month = folder / f"month-{given.rows}"
        parts: dict[str, Callable[[], Iterator[Line]]] = {
            "ingest": lambda: ingest.measure(folder, month, rounds=given.rounds),
            "attribution": lambda: attribution.measure(
                folder, month, rounds=given.rounds, growth=given.growth
            ),
            "startup": lambda: startup.measure(folder),
            "cur": lambda: cur.measure(
                folder, rows=max(given.rows // 10, 1), rounds=given.rounds, growth=given.growth
            ),
            "pages": lambda: pages.measure(folder),
            "kubernetes": lambda: kubernetes.measure(folder, rows=given.rows, rounds=given.rounds),
        }
        chosen = given.only or PARTS
        if not {"ingest", "attribution"}.isdisjoint(chosen):
            _say(f"writing a month of {given.rows:,} rows")
            months.write(month, months.Recipe(rows=given.rows, resources=given.resources))
        lines = []
        for name in chosen:
            _say(f"measuring {name}")
            lines += list(parts[name]())
    print(f"\n{given.rows:,} rows, median of {given.rounds} interleaved rounds, {os.cpu_count()} cores\n")
    print(show(lines))


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
