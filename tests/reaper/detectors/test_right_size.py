"""Requests that are larger than use: what would do, what it saves, and when nobody can tell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idle_worlds import a_rule, a_world, cost_hours, pod_hours

from domain.finding import Confidence, Finding, Verdict
from reaper.detectors.cpu_memory_slack import detect

DAY = range(24)


def found(pods: list[dict[str, Any]], costs: Any = (), **rule: Any) -> list[Finding]:
    return detect(a_world(pods=pods, costs=costs), a_rule("cpu_memory_slack", over="24h", **rule))


def test_the_suggestion_is_the_95th_percentile_and_the_most_memory_with_headroom() -> None:
    pods = pod_hours(range(22), cpu_used_hours=0.8) + pod_hours(range(22, 24), cpu_used_hours=1.2)
    (one,) = found(pods, cost_hours(DAY, "10.00"))
    assert (one.verdict, str(one.resource)) == (Verdict.OVERSIZED, "prod/statefulset/ml/notebook")
    assert one.suggestion == (
        "Request 1.5 CPU instead of 4 and 5.20 GiB instead of 32.00 per pod of statefulset ml/notebook."
    )
    # CPU and memory pay a tenth of the cost each; 62.5 % and 83.74 % of them are spare.
    assert one.wasted == Decimal(240) * Decimal("0.146240234")


def test_a_request_that_is_used_is_no_finding() -> None:
    assert found(pod_hours(DAY, cpu_used_hours=3.5, memory_used_hours=28.0)) == []


def test_only_the_resource_that_is_spare_is_changed() -> None:
    (one,) = found(pod_hours(DAY, cpu_used_hours=3.5))
    assert one.suggestion == "Request 5.20 GiB instead of 32.00 per pod of statefulset ml/notebook."


def test_a_saving_that_is_not_worth_a_restart_is_no_finding() -> None:
    pods = pod_hours(DAY, cpu_used_hours=2.0, memory_used_hours=20.0)
    assert len(found(pods)) == 1
    assert found(pods, least_saving="50%") == []


def test_a_workload_without_requests_has_nothing_to_spare() -> None:
    assert found(pod_hours(DAY, cpu_request_hours=0.0, memory_request_hours=None)) == []


def test_a_workload_that_is_younger_than_the_stretch_is_too_young() -> None:
    (one,) = found(pod_hours(range(14, 24)))
    assert (one.verdict, one.wasted) == (Verdict.UNKNOWN, None)
    assert one.evidence[0].value == "too young: seen for 10 h, the rule looks at 24 h"


@pytest.mark.parametrize("lacks", ["cpu_used_hours", "memory_used_hours"])
def test_use_that_is_not_measured_is_unknown_not_zero(lacks: str) -> None:
    (one,) = found(pod_hours(range(12)) + pod_hours(range(12, 24), **{lacks: None}))
    assert (one.verdict, one.evidence[0].value) == (Verdict.UNKNOWN, "only 50 % of it is measured")


def test_hours_without_any_measurement_of_the_cluster_are_missing_too() -> None:
    (one,) = found(pod_hours([*range(6), *range(18, 24)]))
    assert (one.verdict, one.evidence[0].value) == (Verdict.UNKNOWN, "only 50 % of it is measured")


def test_part_of_an_hour_is_judged_by_its_rate() -> None:
    short = {"alive_seconds": 1800.0, "cpu_request_hours": 2.0, "cpu_used_hours": 1.75}
    assert found(pod_hours(DAY, **short, memory_used_hours=14.0, memory_request_hours=16.0)) == []


def test_use_above_the_request_speaks_against_it() -> None:
    pods = pod_hours(range(20)) + pod_hours(range(20, 24), cpu_hours=4.5)
    (one,) = found(pods)
    assert one.confidence is Confidence.LOW
    assert ("used more CPU than requested", "in 17 % of hours", False) in [
        (e.metric, e.value, e.speaks_for) for e in one.evidence
    ]


def test_the_busiest_pod_decides_for_all() -> None:
    pods = pod_hours(DAY) + pod_hours(DAY, uid="u-2", pod="notebook-1", memory_used_hours=28.0)
    (one,) = found(pods)
    assert "GiB" not in one.suggestion


def test_what_is_gone_is_no_finding() -> None:
    assert (
        found(
            pod_hours(range(20))
            + pod_hours(DAY, uid="u-2", workload="other", cpu_used_hours=4.0, memory_used_hours=32.0)
        )
        == []
    )


USE = st.lists(
    st.tuples(st.one_of(st.none(), st.floats(0, 8)), st.one_of(st.none(), st.floats(0, 64)), st.booleans()),
    min_size=1,
    max_size=24,
)


@given(USE, st.decimals(min_value=-3, max_value=90, places=5, allow_nan=False))
@settings(max_examples=60, deadline=None)
def test_never_is_more_saved_than_was_paid_and_never_less_than_nothing(use: list[Any], cost: Decimal) -> None:
    pods, costs = [], []
    for number, (cpu, memory, known) in enumerate(use):
        pods += pod_hours([number], cpu_used_hours=cpu, memory_used_hours=memory)
        costs += cost_hours([number], str(cost)) if known else []
    for one in found(pods, costs):
        paid = sum((max(row["cost"], Decimal(0)) for row in costs), Decimal(0))
        assert one.wasted is None or 0 <= one.wasted <= paid
        assert one.verdict is Verdict.OVERSIZED or one.wasted is None
