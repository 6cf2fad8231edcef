"""Hours of usage made by hand, for what judges them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from config.idle import MODELS
from domain.usage import DEVICE_HOURS, POD_HOURS
from reaper.detectors.observed import COST_HOURS, Observed

START = datetime(2026, 11, 2, tzinfo=UTC)
"""The first hour of every world, a Monday."""


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def a_rule(kind: str, **written: Any) -> Any:
    """A rule as YAML would give it; `for_` stands for `for`."""
    values = {key.rstrip("_"): value for key, value in written.items()}
    return MODELS[kind].model_validate({"name": "mine", "kind": kind, **values})


def device_hours(hours: Iterable[int], **values: Any) -> list[dict[str, Any]]:
    """The hours of one GPU with its holder: idle, with its memory held, unless said otherwise."""
    row = {
        "cluster": "prod",
        "node": "gpu-1",
        "device": "GPU-a",
        "model": "NVIDIA A100-SXM4-80GB",
        "namespace": "ml",
        "pod": "notebook-0",
        "uid": "u-1",
        "share": 1.0,
        "seconds": 3600.0,
        "activity": 0.0,
        "activity_max": 0.0,
        "memory_used_mib": 20_000.0,
        "memory_total_mib": 81_920.0,
    }
    return [{**row, "hour": hour(number), **values} for number in hours]


def pod_hours(hours: Iterable[int], **values: Any) -> list[dict[str, Any]]:
    """The hours of one pod, which asks for one GPU unless said otherwise."""
    row = {
        "cluster": "prod",
        "node": "gpu-1",
        "namespace": "ml",
        "pod": "notebook-0",
        "uid": "u-1",
        "workload_kind": "StatefulSet",
        "workload": "notebook",
        "alive_seconds": 3600.0,
        "cpu_request_hours": 4.0,
        "cpu_used_hours": 0.1,
        "cpu_hours": 4.0,
        "memory_request_hours": 32.0,
        "memory_used_hours": 4.0,
        "memory_hours": 32.0,
        "gpu_request_hours": 1.0,
        "egress_gib": 0.0,
    }
    return [{**row, "hour": hour(number), **values} for number in hours]


def cost_hours(hours: Iterable[int], cost: str = "4.00", **values: Any) -> list[dict[str, Any]]:
    """What one pod cost in each hour."""
    row = {"cluster": "prod", "node": "gpu-1", "uid": "u-1", "currency": "USD", "cost": Decimal(cost)}
    parts = {"cpu": 0.1, "memory": 0.1, "gpu": 0.8}
    return [{**row, **parts, "hour": hour(number), **values} for number in hours]


def a_world(
    devices: Sequence[dict[str, Any]] = (),
    pods: Sequence[dict[str, Any]] = (),
    costs: Sequence[dict[str, Any]] = (),
    *,
    end: int = 24,
    teams: dict[tuple[str, str], str | None] | None = None,
) -> Observed:
    """What was observed from `START` for so many hours."""
    return Observed(
        start=START,
        end=hour(end),
        devices=pl.DataFrame(list(devices), schema=DEVICE_HOURS),
        pods=pl.DataFrame(list(pods), schema=POD_HOURS),
        costs=pl.DataFrame(list(costs), schema=COST_HOURS),
        teams=teams or {},
    )
