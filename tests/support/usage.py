"""Builders of usage: name what the test is about, the rest has defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from domain.allocation import PART_SCHEMA
from domain.delivery import Cursor
from domain.usage import FRAMES, HOUR, UsageBatch
from ledger.charges import ChargeLedger
from ledger.splitting import Splitting

MIDNIGHT = datetime(2026, 6, 10, tzinfo=UTC)
_DEFAULTS: dict[str, dict[str, Any]] = {
    "node_hours": {"node": "n1", "provider_id": "aws:///eu-central-1a/i-1", "cpu_cores": 4.0},
    "pod_hours": {"node": "n1", "namespace": "shop", "pod": "web-1", "uid": "u1", "cpu_hours": 1.0},
    "device_hours": {"node": "n1", "device": "GPU-1", "share": 1.0},
    "volume_hours": {"volume": "pvc-1", "size_gib": 10.0},
    "quota_hours": {"namespace": "shop", "resource": "cpu", "hard": 4.0, "used": 1.0},
    "objects": {"kind": "pod", "namespace": "shop", "name": "web-1", "uid": "u1", "labels": {"team": "web"}},
}


def rows(frame: str, *given: dict[str, Any], cluster: str = "prod") -> pl.DataFrame:
    """Give rows of a frame of `domain.usage`; a row without an hour is of the first hour of the day."""
    moment = {"seen_at": MIDNIGHT} if frame == "objects" else {"hour": MIDNIGHT}
    schema = FRAMES[frame]
    filled = [{"cluster": cluster, **moment, **_DEFAULTS[frame], **row} for row in given]
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in filled], schema=schema)


def a_usage_batch(
    *,
    hour: int = 0,
    hours: int = 1,
    source: str = "cluster",
    cluster: str = "prod",
    cursor: Cursor | None = None,
    day: datetime = MIDNIGHT,
    **frames: pl.DataFrame,
) -> UsageBatch:
    """Give a batch of some hours of a day; without frames, one node and one pod in each of them."""
    start = day + hour * HOUR
    each = [{"hour": start + number * HOUR} for number in range(hours)]
    usual = {name: rows(name, *each, cluster=cluster) for name in ("node_hours", "pod_hours")}
    return UsageBatch(
        source=source,
        cluster=cluster,
        start=start,
        end=start + timedelta(hours=hours),
        frames=frames or usual,
        cursor=cursor or {"through": (start + hours * HOUR).isoformat()},
    )


def split_whole(
    ledger: ChargeLedger,
    *,
    seen_at: datetime,
    source: str = "aws",
    period: str = "2026-06",
    usage: str = "u1",
) -> None:
    """Give every charge of a billing period to one pod."""
    charges = ledger.charges(sources=[source], periods=[period])
    facts = charges.join(ledger.resources().drop("source"), on="dim_id").collect()
    parts = facts.with_columns(
        parent_dim_id="dim_id",
        parent_start="ChargePeriodStart",
        AllocatedResourceId=pl.lit("uid-1"),
        x_AllocationKind=pl.lit("workload"),
        Tags=pl.lit('{"team": "web"}'),
    )
    splitting = Splitting(
        source=source,
        billing_period=period,
        delivery_id=ledger.versions(source, period)[-1].id,
        parents=facts.select("dim_id", "ChargePeriodStart", "price_id"),
        usage=usage,
    )
    pieces = [parts.select(PART_SCHEMA.names()).cast(dict(PART_SCHEMA))]
    ledger.replace_split(splitting, pieces, seen_at=seen_at)
