"""Several sources tell of the same hours of one cluster: each is believed in what it knows best."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from attribution.kubernetes.merge import merged
from domain.usage import DEVICE_HOURS, FRAMES, POD_HOURS

HOUR = datetime(2026, 6, 1, 10, tzinfo=UTC)
MEASURING = {"metrics": True, "inventory": False}


def rows(frame: str, source: str, *values: dict[str, Any]) -> pl.DataFrame:
    place = {"cluster": "prod", "hour": HOUR, "node": "n1"}
    schema = FRAMES[frame]
    full = [dict.fromkeys(schema) | place | value for value in values]
    return pl.DataFrame(full, schema=schema).with_columns(source=pl.lit(source))


def test_amounts_come_from_metrics_and_names_from_the_inventory() -> None:
    measured = rows(
        "pod_hours", "metrics", {"uid": "u1", "pod": "web", "cpu_used_hours": 0.7, "workload": "web-7d9f"}
    )
    listed = rows("pod_hours", "inventory", {"uid": "u1", "cpu_request_hours": 0.5, "workload": "web"})
    (found,) = merged("pod_hours", pl.concat([listed, measured]), MEASURING).to_dicts()
    assert found["cpu_used_hours"] == 0.7
    assert found["cpu_request_hours"] == 0.5
    assert found["workload"] == "web"
    assert found["pod"] == "web"


def test_one_source_alone_is_taken_as_it_is() -> None:
    alone = rows("pod_hours", "metrics", {"uid": "u1"}, {"uid": "u2"})
    assert merged("pod_hours", alone, MEASURING).equals(alone.select(POD_HOURS.names()))


def test_instances_of_one_profile_that_nobody_holds_stay_apart() -> None:
    free = [{"device": "GPU-1", "profile": "1g.10gb", "instance": str(at), "share": 1 / 7} for at in (3, 4)]
    both = pl.concat([rows("device_hours", "metrics", *free), rows("device_hours", "inventory", *free)])
    found = merged("device_hours", both, MEASURING)
    assert found.schema == DEVICE_HOURS
    assert sorted(found["instance"]) == ["3", "4"]
