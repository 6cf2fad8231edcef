"""Splits a month of a cluster's node-hours among its pods, some hours at a time, and their money exactly.

`python -m benchmarks.clusters split FOLDER` gives every pod's cost of every day; `… group FOLDER` is the
floor: the plainest sum of six columns by node and hour. Both print what they found, to be checked.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl

from attribution.kubernetes.money import split_units
from attribution.kubernetes.schema import KEY
from attribution.kubernetes.shares import Measured, split_hours
from attribution.largest_remainder import to_money
from config.allocation import AllocationSettings
from domain.usage import HOUR

FIGURES = [
    f"{name}_{what}" for name in ("cpu", "memory") for what in ("request_hours", "used_hours", "hours")
]
WORKERS = 2
"""How much is worked on at once; numpy uses one core each, and lets go of Python while it does."""

ROWS = 400_000
"""Pod-hours that are worked on together, some 500 bytes each; keeps the memory flat."""

LABELS = ["cluster", "hour", "node", "namespace", "pod", "uid", "workload_kind", "workload"]


def split(folder: Path) -> None:
    """Split every node-hour and its cost, day by day; keep the cost per pod and day."""
    settings = AllocationSettings()
    began = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as workers:
        days = sorted(file.name for file in (folder / "pods").iterdir())
        found = pl.concat([_day(folder, day, settings, workers) for day in days])
    _tell(f"{found['cost'].sum()} in {found.height} pod-days", began)


def _day(folder: Path, day: str, settings: AllocationSettings, workers: ThreadPoolExecutor) -> pl.DataFrame:
    """Give what every pod of a day costs, from some of its hours at a time."""
    read = [*LABELS, *FIGURES, "gpu_request_hours"]
    pods = pl.read_parquet(folder / "pods" / day, columns=read)
    nodes, costs = pl.read_parquet(folder / "nodes" / day), pl.read_parquet(folder / "costs" / day)
    first = pods.select(pl.col("hour").min()).item()
    step = -(-24 // max(1, round(pods.height / ROWS)))
    begins = [first + at * HOUR for at in range(0, 24, step)]
    windows = [pl.col("hour").is_between(begin, begin + (step - 1) * HOUR) for begin in begins]

    def some_hours(hours: pl.Expr) -> pl.DataFrame:
        measured = Measured(nodes=nodes.filter(hours), pods=pods.filter(hours))
        return _pods_of(measured, costs.filter(hours), settings)

    return pl.concat(workers.map(some_hours, windows)).group_by("uid").agg(pl.col("cost").sum())


def _pods_of(measured: Measured, costs: pl.DataFrame, settings: AllocationSettings) -> pl.DataFrame:
    """Give what every pod costs in some hours."""
    done = split_hours(measured, settings)
    weights = done.shares.select("weight").with_columns(done.slots)
    parts = split_units(costs.join(done.places, on=KEY), weights, ["cost"], on=["slot"])
    # a node-hour has one charge here, so every share has one part: in their order they group faster
    units = np.zeros(done.shares.height, dtype=np.int64)
    units[parts.get_column("part").to_numpy()] = parts.get_column("cost").to_numpy()
    named = pl.DataFrame([done.shares.get_column("uid"), pl.Series("cost", units)])
    return named.group_by("uid").agg(to_money(pl.col("cost").sum()))


def group(folder: Path) -> None:
    """Sum what pods requested, used and held by node and hour, streaming."""
    began = time.perf_counter()
    plan = pl.scan_parquet(folder / "pods" / "*.parquet").group_by(KEY).agg(pl.col(FIGURES).sum())
    found = plan.collect(engine="streaming")
    _tell(f"{found.height} node-hours", began)


def _tell(found: str, began: float) -> None:
    sys.stdout.write(f"{found}, {time.perf_counter() - began:.4f} s\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["split", folder]:
            split(Path(folder))
        case ["group", folder]:
            group(Path(folder))
        case other:
            raise SystemExit(f"neither split nor group: {other}")
