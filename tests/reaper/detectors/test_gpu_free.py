"""GPUs that nobody claimed, and the ways in which that cannot be told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from idle_worlds import a_rule, a_world, cost_hours, device_hours, hour, pod_hours

from domain.finding import Finding, Verdict
from reaper.detectors.gpu_free import detect

DAY = range(24)
SYSTEM = pod_hours(DAY, uid="u-0", pod="proxy", gpu_request_hours=0.0)
NOBODY: dict[str, Any] = {"namespace": None, "pod": None, "uid": None}


def found(devices: list[dict[str, Any]], pods: Any = (), costs: Any = (), **rule: Any) -> list[Finding]:
    return detect(a_world(devices, pods, costs), a_rule("gpu_free", **rule))


def test_a_gpu_that_nobody_claimed_is_free_since_its_pod_left() -> None:
    rows = device_hours(range(10)) + device_hours(range(10, 24), **NOBODY)
    (free,) = found(rows, SYSTEM + pod_hours(range(10)))
    assert (free.verdict, str(free.resource), free.since) == (Verdict.FREE, "prod/node/gpu-1", hour(10))
    assert free.evidence[0].value.startswith("1 of 1 NVIDIA A100-SXM4-80GB for 14 h")


def test_a_claimed_gpu_is_nobodys_finding_here() -> None:
    assert found(device_hours(DAY), pod_hours(DAY)) == []


def test_a_gpu_that_is_free_for_less_than_the_rules_time_is_no_finding() -> None:
    rows = device_hours(range(22)) + device_hours(range(22, 24), **NOBODY)
    assert found(rows, for_="3h") == []
    assert len(found(rows, for_="2h")) == 1


def test_a_free_gpu_that_runs_something_is_unknown() -> None:
    (one,) = found(device_hours(DAY, **NOBODY, activity_max=0.5))
    assert (one.verdict, one.wasted) == (Verdict.UNKNOWN, None)
    assert one.evidence[0].value == "runs something although no pod has claimed it"


def test_metrics_that_name_no_pods_do_not_make_claimed_gpus_free() -> None:
    (one,) = found(device_hours(DAY, **NOBODY), pod_hours(DAY))
    assert (one.verdict, one.evidence[0].value) == (
        Verdict.UNKNOWN,
        "pods of the node hold GPUs that no metric names",
    )


def test_free_gpus_cost_their_part_of_what_nobody_claimed_of_the_node() -> None:
    devices = device_hours(DAY, **NOBODY) + device_hours(DAY, **NOBODY, device="GPU-b")
    devices += device_hours(DAY, device="GPU-c")
    costs = cost_hours(DAY, "10.00", uid=None) + cost_hours(DAY, "7.00")
    (one,) = found(devices, pod_hours(DAY), costs)
    assert (one.wasted, one.cost_per_hour) == (Decimal(24 * 8), Decimal(8))
    assert "2 of 3" in one.evidence[0].value


def test_a_gpu_freed_a_moment_ago_takes_its_share_of_the_unclaimed_with_it() -> None:
    devices = device_hours(DAY, **NOBODY)
    devices += device_hours(range(23), device="GPU-b") + device_hours([23], device="GPU-b", **NOBODY)
    (one,) = found(devices, SYSTEM + pod_hours(range(23)), cost_hours(DAY, "10.00", uid=None))
    assert one.wasted == Decimal(23 * 8 + 4)  # in the last hour another GPU was free, too


def test_a_free_slice_beside_a_held_one_of_the_same_profile_is_free() -> None:
    part = {"sharing": "mig", "profile": "3g.40gb", "share": 0.5}
    (one,) = found(
        device_hours(DAY, **part) + device_hours(DAY, **part, **NOBODY), pod_hours(DAY, gpu_request_hours=0.5)
    )
    assert one.verdict is Verdict.FREE


def test_a_node_that_is_gone_is_no_finding() -> None:
    rows = device_hours(range(12), **NOBODY) + device_hours(DAY, node="gpu-2", device="GPU-z")
    assert found(rows, pod_hours(DAY, node="gpu-2")) == []
