"""A month of the Cost and Usage Report into the ledger, against focus-converter 1.0.0 on the same file.

`python -m benchmarks.cur collect FILE HOME` reads one file as the collector does, without the bucket:
lines to charges, gates, ledger. The converter reads the same CSV and writes Parquet; it runs in an
environment of its own, which is made once beside the benchmark's caches.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from benchmarks import cur_months
from benchmarks.measure import RunFailedError, Took, interleaved, median, run
from benchmarks.table import Line

GOAL, GOAL_PARQUET, GOAL_GROWTH = 0.4, 1.0, 1.3
PEERS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "costd-bench"
CONVERTER = PEERS / "focus-converter-1.0.0"
PINS = ("focus-converter==1.0.0", "multimethod<2", "click<8.2", "polars==0.20.10", "pyarrow==14.0.2")
SEEN = datetime(2026, 7, 20, tzinfo=UTC)
PERIOD = cur_months.MONTH


def collect(file: Path, home: Path) -> None:
    """Read one file into an empty ledger; fails unless every gate holds."""
    from collectors.aws.formats import columns_of, format_of
    from collectors.focus.ahead import ahead
    from collectors.focus.opening import opened
    from domain.delivery import Batch, Chunk, SourceFile, Verdict
    from ledger.charges import ChargeLedger

    with file.open("rb") as handle:
        table = opened(handle, file.stat().st_size, matcher=columns_of)
        form = format_of(table.columns)

        def chunks() -> Iterator[Chunk]:
            found = (form.convert(piece.frame) for piece in ahead(table.pieces()))
            for lines in found:
                if lines.rejected:
                    raise RunFailedError(f"lines were rejected: {list(lines.rejected.values())[:3]}")
                yield Chunk(
                    charges=lines.charges, file=file.name, parsed=lines.parsed, residual=lines.residual
                )

        batch = Batch(
            source="aws",
            periods=frozenset({PERIOD}),
            chunks=ahead(chunks()),
            files=(SourceFile(path=file.name, size_bytes=file.stat().st_size, tag="1"),),
            manifest_hash=file.name,
            cursors={PERIOD: {}},
            closing=lambda period: form.closing(period, SEEN),
        )
        (result,) = ChargeLedger(str(home)).replace(batch, seen_at=SEEN)
    if result.verdict is not Verdict.REPLACED or result.delivery is None:
        raise RunFailedError(f"{result.gate}: {result.reason}")
    print(result.delivery.sums["USD"]["BilledCost"])


def _ours(month: Path, name: str, home: Path) -> Took:
    shutil.rmtree(home, ignore_errors=True)
    took = run([sys.executable, "-m", "benchmarks.cur", "collect", str(month / name), str(home)])
    truth = Decimal(json.loads((month / "truth.json").read_text())["billed"])
    if name.endswith(".csv") and Decimal(took.output.split()[-1]) != truth:
        raise RunFailedError(f"{took.output.strip()} were stored, but the month holds {truth} USD")
    return took


def _converter(month: Path, out: Path) -> Took:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    asked = ["--provider", "aws-cur", "--data-format", "csv", "--data-path", str(month / "legacy.csv")]
    return run(
        [str(CONVERTER / "bin" / "focus-converter"), "convert", *asked, "--export-path", str(out)],
        environment={"TERM": "dumb"},
    )


def installed() -> bool:
    """Make the converter's environment if it is not there; say why where that cannot be."""
    if (CONVERTER / "bin" / "focus-converter").exists():
        return True
    python = shutil.which("python3.11")
    if python is None:
        print("no focus-converter: it needs a Python 3.11, and there is no python3.11", file=sys.stderr)
        return False
    PEERS.mkdir(parents=True, exist_ok=True)
    steps = (
        [python, "-m", "venv", str(CONVERTER)],
        [str(CONVERTER / "bin" / "python"), "-m", "pip", "install", "--quiet", *PINS],
    )
    for step in steps:
        made = subprocess.run(step, check=False, capture_output=True, text=True)
        if made.returncode:
            shutil.rmtree(CONVERTER, ignore_errors=True)
            print(f"no focus-converter: {' '.join(step[1:4])} failed: {made.stderr[-400:]}", file=sys.stderr)
            return False
    return True


def measure(folder: Path, *, rows: int, rounds: int, growth: bool) -> Iterator[Line]:
    """Give wall against the converter, Parquet against CSV, and how memory grows."""
    month, has_peer = folder / f"cur-{rows}", installed()
    cur_months.write(month, rows)
    home = folder / "cur-ledger"
    sides = [lambda: _ours(month, "legacy.csv", home), lambda: _ours(month, "cur2.parquet", home)]
    if has_peer:
        sides.append(lambda: _converter(month, folder / "cur-converted"))
    taken = interleaved(rounds, *sides)
    legacy, modern = taken[0], taken[1]
    wall, peak = median(legacy, "wall_s"), median(legacy, "peak_mib")
    if has_peer:
        peer = taken[2]
        bare = median(peer, "wall_s")
        yield Line(
            work="legacy CUR, CSV, into the ledger",
            ours=f"{wall:.1f} s",
            floor=f"{bare:.1f} s",
            reached=wall / bare,
            goal=GOAL,
            cpu=median(legacy, "cpu_s") / median(peer, "cpu_s"),
        )
        yield Line(
            work="legacy CUR, peak memory",
            ours=f"{peak:.0f} MiB",
            floor=f"{median(peer, 'peak_mib'):.0f} MiB",
            reached=peak / median(peer, "peak_mib"),
            goal=None,
        )
    yield Line(
        work="CUR 2.0, Parquet, against CSV",
        ours=f"{median(modern, 'wall_s'):.1f} s",
        floor=f"{wall:.1f} s",
        reached=median(modern, "wall_s") / wall,
        goal=GOAL_PARQUET,
        cpu=median(modern, "cpu_s") / median(legacy, "cpu_s"),
    )
    if growth:
        large = folder / f"cur-{5 * rows}"
        cur_months.write(large, 5 * rows)
        grown = _ours(large, "legacy.csv", home).peak_mib
        yield Line(
            work="legacy CUR, memory at 5 times the rows",
            ours=f"{grown:.0f} MiB",
            floor=f"{peak:.0f} MiB",
            reached=grown / peak,
            goal=GOAL_GROWTH,
        )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["collect", file, home]:
            collect(Path(file), Path(home))
        case other:
            raise SystemExit(f"not a benchmark: {other}")
