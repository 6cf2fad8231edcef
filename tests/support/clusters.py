"""Small clusters of the frames of `domain.usage`, with what a test does not say left plain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from domain.usage import DEVICE_HOURS, NODE_HOURS, POD_HOURS, QUOTA_HOURS

START = datetime(2026, 6, 1, tzinfo=UTC)
Row = Mapping[str, Any]


def hour(number: int) -> datetime:
    """Give a whole hour after `START`."""
    return START + timedelta(hours=number)


def a_node(name: str = "n1", at: int = 0, **said: Any) -> Row:
    """Give a row of `NODE_HOURS`: 4 cores, 16 GiB, no GPU, there for the whole hour."""
    plain = {"alive_seconds": 3600.0, "cpu_cores": 4.0, "memory_gib": 16.0, "gpus": 0.0}
    return {"cluster": "prod", "hour": hour(at), "node": name, **plain, **said}


def a_pod(uid: str, node: str = "n1", at: int = 0, **said: Any) -> Row:
    """Give a row of `POD_HOURS`: what is not said was not measured."""
    names = {"namespace": "shop", "pod": uid, "workload_kind": "Deployment", "workload": uid}
    place = {"cluster": "prod", "hour": hour(at), "node": node, "uid": uid}
    return {**place, "alive_seconds": 3600.0, **names, **said}


def a_holder(uid: str, cpu: float, memory: float, node: str = "n1", **said: Any) -> Row:
    """Give a row of `POD_HOURS` that held so many core-hours and GiB-hours."""
    return a_pod(uid, node, cpu_hours=cpu, memory_hours=memory, **said)


def a_device(device: str, node: str = "n1", at: int = 0, **said: Any) -> Row:
    """Give a row of `DEVICE_HOURS`: a whole device that nobody holds."""
    return {"cluster": "prod", "hour": hour(at), "node": node, "device": device, "seconds": 3600.0, **said}


def a_quota(namespace: str, resource: str, hard: float | None, used: float | None, at: int = 0) -> Row:
    """Give a row of `QUOTA_HOURS`."""
    row = {"namespace": namespace, "resource": resource, "hard": hard, "used": used}
    return {"cluster": "prod", "hour": hour(at), **row}


def node_hours(*rows: Row) -> pl.DataFrame:
    """Give `NODE_HOURS`."""
    return pl.DataFrame(list(rows), schema=NODE_HOURS)


def pod_hours(*rows: Row) -> pl.DataFrame:
    """Give `POD_HOURS`."""
    return pl.DataFrame(list(rows), schema=POD_HOURS)


def device_hours(*rows: Row) -> pl.DataFrame:
    """Give `DEVICE_HOURS`."""
    return pl.DataFrame(list(rows), schema=DEVICE_HOURS)


def quota_hours(*rows: Row) -> pl.DataFrame:
    """Give `QUOTA_HOURS`."""
    return pl.DataFrame(list(rows), schema=QUOTA_HOURS)
