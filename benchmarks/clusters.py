"""Splits a month of a cluster's node-hours among its pods, day by day, and their money exactly.

`python -m benchmarks.clusters split FOLDER` gives every pod's cost of every day; `… group FOLDER` is the
floor: the plainest sum of six columns by node and hour. Both print what they found, to be checked.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import polars as pl

from attribution.kubernetes.money import split_money
from attribution.kubernetes.schema import KEY
from attribution.kubernetes.shares import Measured, split_hours
from config.allocation import AllocationSettings
from domain.usage import DEVICE_HOURS

FIGURES = [
    f"{name}_{what}" for name in ("cpu", "memory") for what in ("request_hours", "used_hours", "hours")
]
LABELS = ["cluster", "hour", "node", "namespace", "pod", "uid", "workload_kind", "workload"]


def split(folder: Path) -> None:
    """Split each day's node-hours and their cost; keep the cost per pod and day."""
    settings = AllocationSettings()
    began = time.perf_counter()
    days = sorted(file.name for file in (folder / "pods").iterdir())
    found = pl.concat([_pods_of(folder, day, settings) for day in days])
    _tell(f"{found['cost'].sum()} in {found.height} pod-days", began)


def _pods_of(folder: Path, day: str, settings: AllocationSettings) -> pl.DataFrame:
    read = [*LABELS, *FIGURES, "gpu_request_hours"]
    measured = Measured(
        nodes=pl.read_parquet(folder / "nodes" / day),
        pods=pl.read_parquet(folder / "pods" / day, columns=read),
        devices=DEVICE_HOURS.to_frame(),
    )
    done = split_hours(measured, settings)
    costs = pl.read_parquet(folder / "costs" / day).join(done.places, on=KEY)
    weights = done.shares.select("weight").with_columns(done.slots)
    parts = split_money(costs, weights, ["cost"], on=["slot"])
    rows = parts.sort("part")  # one after the other as they are stored, which groups faster
    named = rows.select("cost", uid=done.shares.get_column("uid").gather(rows.get_column("part")))
    return named.group_by("uid").agg(pl.col("cost").sum())


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
