"""Writes a month of a large cluster's usage as Parquet, a file a day, whose cost is known to the last unit.

`python -m benchmarks.pod_hours --pods 50_000 --out DIR`. Some 25 pods per node; a tenth of the pods is
replaced every day; one node in twenty has GPUs. `truth.json` tells the cost of all node-hours.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from domain.charge import MONEY
from domain.money import PRECISION, SCALE
from domain.usage import NODE_HOURS, POD_HOURS

DAYS = 30
START = datetime(2026, 6, 1, tzinfo=UTC)
PODS_PER_NODE, GPU_NODES, REPLACED = 25, 20, 10
FIGURES = {"cpu": 0.4, "memory": 1.6}
"""Core-hours and GiB-hours that a pod may request, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What decides every byte of the month.

    Attributes:
        pods: that run at any time.
        seed: of the dice.
    """

    pods: int
    seed: int = 7

    @property
    def nodes(self) -> int:
        """Give how many nodes there are."""
        return max(1, self.pods // PODS_PER_NODE)


def write(folder: Path, recipe: Recipe) -> None:
    """Write the month once; a folder that holds it already is left as it is."""
    label = asdict(recipe)
    truth = folder / "truth.json"
    if truth.exists() and json.loads(truth.read_text())["label"] == label:
        return
    for kind in ("nodes", "pods", "costs"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    units = 0
    for day in range(DAYS):
        dice = np.random.default_rng([recipe.seed, day])
        hours = _hours(day)
        nodes = hours.join(_nodes(recipe), how="cross").with_columns(alive_seconds=pl.lit(3600.0))
        prices = dice.integers(10**11, 4 * 10**12, nodes.height)
        units += int(prices.sum())
        one = pl.lit(f"0.{'0' * (SCALE - 1)}1").cast(MONEY)
        cost = (pl.Series(prices).cast(pl.Decimal(PRECISION, 0)).to_frame("cost")).select(
            pl.col("cost") * one
        )
        frames = {
            "nodes": _as(NODE_HOURS, nodes),
            "pods": _as(POD_HOURS, _used(dice, hours.join(_pods(recipe, day), how="cross"))),
            "costs": nodes.select("cluster", "hour", "node").hstack(cost),
        }
        for kind, frame in frames.items():
            frame.write_parquet(folder / kind / f"{day:02}.parquet", compression="zstd")
    cost_of_all = Decimal(units).scaleb(-SCALE)
    truth.write_text(
        json.dumps({"label": label, "cost": str(cost_of_all), "node_hours": recipe.nodes * 24 * DAYS})
    )


def _hours(day: int) -> pl.DataFrame:
    first = START + timedelta(days=day)
    last = first + timedelta(hours=23)
    return pl.datetime_range(first, last, "1h", time_unit="us", eager=True).alias("hour").to_frame()


def _nodes(recipe: Recipe) -> pl.DataFrame:
    number = pl.int_range(recipe.nodes, eager=True).alias("number").to_frame()
    return number.select(
        pl.lit("prod").alias("cluster"),
        _node(pl.col("number")).alias("node"),
        cpu_cores=pl.lit(16.0),
        memory_gib=pl.lit(64.0),
        gpus=(pl.col("number") % GPU_NODES == 0).cast(pl.Float64) * 8,
    )


def _node(number: pl.Expr) -> pl.Expr:
    return pl.format("ip-10-{}-{}.eu-central-1.compute.internal", number // 250, number % 250)


def _pods(recipe: Recipe, day: int) -> pl.DataFrame:
    """Give the pods of a day: the places are the same, a tenth of them has another pod every day."""
    place = pl.col("place")
    born = (day + place % REPLACED) // REPLACED
    number = place * 4051 % recipe.nodes
    name = pl.format("service-{}", place // 20)
    return (
        pl.int_range(recipe.pods, eager=True)
        .alias("place")
        .to_frame()
        .select(
            pl.lit("prod").alias("cluster"),
            _node(number).alias("node"),
            pl.format("team-{}", place // 200).alias("namespace"),
            pl.format("service-{}-{}-{}", place // 20, born, place % 20).alias("pod"),
            pl.format("{}-1c2d-4e5f-8a9b-{}", (place * 7919 + 10**7), born + 10**11).alias("uid"),
            workload_kind=pl.lit("Deployment"),
            workload=name,
            gpu_request_hours=(number % GPU_NODES == 0).cast(pl.Float64) * 0.25,
        )
    )


def _used(dice: np.random.Generator, pods: pl.DataFrame) -> pl.DataFrame:
    columns = []
    for name, most in FIGURES.items():
        request = np.round(dice.random(pods.height) * most, 3)
        used = dice.random(pods.height) * most
        amounts = {"request": request, "used": used, "": np.maximum(request, used)}
        columns += [pl.Series("_".join(filter(None, (name, k, "hours"))), v) for k, v in amounts.items()]
    return pods.with_columns(*columns, alive_seconds=pl.lit(3600.0))


def _as(schema: pl.Schema, frame: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pod_hours")
    parser.add_argument("--pods", type=int, default=50_000)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    write(given.out, Recipe(pods=given.pods))
