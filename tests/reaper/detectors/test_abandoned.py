"""Workloads that run and that nobody talks to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from idle_worlds import a_rule, a_world, cost_hours, device_hours, hour, pod_hours

from domain.finding import Finding, Verdict
from reaper.detectors.abandoned import detect

DAY = range(24)
QUIET: dict[str, Any] = {"cpu_used_hours": 0.01, "egress_gib": 0.0001}


def found(pods: list[dict[str, Any]], devices: Any = (), costs: Any = (), **rule: Any) -> list[Finding]:
    return detect(a_world(devices, pods, costs), a_rule("abandoned", over="24h", **rule))


def test_a_workload_that_sends_next_to_nothing_is_abandoned() -> None:
    (one,) = found(pod_hours(DAY, **QUIET), costs=cost_hours(DAY, "0.50"))
    assert (one.verdict, one.since, one.wasted) == (Verdict.ABANDONED, hour(0), Decimal(12))


@pytest.mark.parametrize("sign", [{"egress_gib": 0.01}, {"cpu_used_hours": 0.2}])
def test_one_busy_hour_is_enough_to_be_at_work(sign: dict[str, float]) -> None:
    assert found(pod_hours(range(23), **QUIET) + pod_hours([23], **{**QUIET, **sign})) == []


@pytest.mark.parametrize("sign", [{"requests": 1.0}, {"activity_max": 0.5}])
def test_requests_and_a_computing_gpu_are_work(sign: dict[str, float]) -> None:
    assert found(pod_hours(DAY, **QUIET), device_hours([5], **sign)) == []


def test_traffic_that_is_not_measured_is_unknown() -> None:
    (one,) = found(pod_hours(DAY, **{**QUIET, "egress_gib": None}))
    assert (one.verdict, one.evidence[0].value) == (Verdict.UNKNOWN, "its traffic is not measured")


def test_a_young_workload_is_unknown() -> None:
    (one,) = found(pod_hours(range(20, 24), **QUIET))
    assert one.evidence[0].value.startswith("too young")


def test_batch_work_need_not_talk_to_anybody() -> None:
    assert found(pod_hours(DAY, **QUIET, workload_kind="Job")) == []
    assert len(found(pod_hours(DAY, **QUIET, workload_kind="Job"), workload_kinds=["Job"])) == 1
