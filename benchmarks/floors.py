"""The plainest program that does the same work: what a goal's ratio is taken against.

`python -m benchmarks.floors sink FOLDER TARGET` and `… group FOLDER`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import polars as pl

COSTS = ("BilledCost", "EffectiveCost", "ListCost")


def sink(folder: Path, target: Path) -> None:
    """Copy Parquet files into a Delta table, all columns, compressed as the ledger does."""
    from deltalake import WriterProperties

    pl.scan_parquet(folder / "*.parquet").sink_delta(
        str(target),
        mode="overwrite",
        delta_write_options={"writer_properties": WriterProperties(compression="ZSTD")},
    )


def group(folder: Path) -> None:
    """Sum three Decimal costs by day and three raw tag columns, streaming."""
    began = time.perf_counter()
    day = pl.col("ChargePeriodStart").dt.date().alias("day")
    keys = [day, "tag_team", "tag_service", "tag_model"]
    plan = pl.scan_parquet(folder / "*.parquet").group_by(keys).agg(pl.col(COSTS).sum())
    tell(plan.collect(engine="streaming"), began)


def tell(frame: pl.DataFrame, began: float) -> None:
    """Print what was found, and the seconds since the work began."""
    took = time.perf_counter() - began
    sys.stdout.write(f"{frame['BilledCost'].sum()} billed in {frame.height} groups, {took:.4f} s\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sink", folder, target]:
            sink(Path(folder), Path(target))
        case ["group", folder]:
            group(Path(folder))
        case other:
            raise SystemExit(f"not a floor: {other}")
