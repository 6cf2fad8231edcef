"""GPUs that pods hold: each verdict, and each way in which nobody can tell."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idle_worlds import a_rule, a_world, cost_hours, device_hours, hour, pod_hours

from domain.finding import Confidence, Finding, Verdict
from reaper.detectors.gpu_idle import detect

DAY = range(24)


def judged(devices: list[dict[str, Any]], pods: list[dict[str, Any]] | None = None, **rule: Any) -> Finding:
    world = a_world(devices, pod_hours(DAY) if pods is None else pods, cost_hours(DAY))
    findings = detect(world, a_rule("gpu_idle", **rule))
    assert len(findings) == 1
    return findings[0]


def why(finding: Finding) -> str:
    return next(one.value for one in finding.evidence if one.metric == "why")


def shown(finding: Finding, metric: str) -> tuple[str, bool | None]:
    return next((one.value, one.speaks_for) for one in finding.evidence if one.metric == metric)


def test_a_gpu_that_is_held_and_does_nothing_is_idle_since_it_stopped() -> None:
    rows = device_hours(range(10), activity=0.8, activity_max=1.0) + device_hours(range(10, 24))
    found = judged(rows)
    assert (found.verdict, found.since) == (Verdict.IDLE_HELD, hour(10))
    assert (found.wasted, found.cost_per_hour, found.currency) == (Decimal(14 * 4), Decimal(4), "USD")
    assert found.workload is not None
    assert str(found.workload) == "prod/statefulset/ml/notebook"
    assert found.resource.uid == "u-1"
    assert found.suggestion == "Scale statefulset ml/notebook to 0 until it is needed."


def test_a_gpu_that_computes_is_working() -> None:
    found = judged(device_hours(DAY, activity=0.5, activity_max=0.9))
    assert (found.verdict, found.wasted) == (Verdict.WORKING, None)


def test_a_burst_is_work_for_the_highest_moment_and_idle_for_the_average() -> None:
    rows = device_hours(DAY, activity=0.01, activity_max=0.7)
    assert judged(rows).verdict is Verdict.WORKING
    assert judged(rows, signal="average").verdict is Verdict.IDLE_HELD


def test_who_stopped_working_less_than_the_rules_time_ago_is_working() -> None:
    rows = device_hours(range(22), activity=0.8, activity_max=1.0) + device_hours(range(22, 24))
    assert judged(rows, for_="3h").verdict is Verdict.WORKING
    assert judged(rows, for_="2h").verdict is Verdict.IDLE_HELD


def test_a_warm_model_server_with_requests_is_working_however_quiet_its_gpu() -> None:
    assert judged(device_hours(DAY, requests=2.0)).verdict is Verdict.WORKING


def test_a_model_server_that_nobody_asks_is_idle_and_said_to_be_one() -> None:
    found = judged(device_hours(DAY, requests=0.0))
    assert found.verdict is Verdict.IDLE_HELD
    assert "while nobody asks it" in found.suggestion
    assert found.confidence is Confidence.MEDIUM


def test_tensor_cores_at_work_are_work_whatever_the_activity_says() -> None:
    assert judged(device_hours(DAY, tensor=0.3)).verdict is Verdict.WORKING


@pytest.mark.parametrize(
    ("unless", "pod", "verdict"),
    [
        ({"cpu_above": 2}, {"cpu_used_hours": 3.0}, Verdict.WORKING),
        ({"cpu_above": 2}, {"cpu_used_hours": 1.0}, Verdict.IDLE_HELD),
        ({"egress_above": 1}, {"egress_gib": 2.0}, Verdict.WORKING),
        ({"egress_above": 1}, {"egress_gib": 1.0}, Verdict.IDLE_HELD),
    ],
)
def test_other_signs_of_work_count_where_the_rule_asks_for_them(
    unless: dict[str, int], pod: dict[str, float], verdict: Verdict
) -> None:
    assert judged(device_hours(DAY), pod_hours(DAY, **pod), unless=[unless]).verdict is verdict


def test_absent_activity_is_unknown_not_zero() -> None:
    found = judged(device_hours(DAY, activity=None, activity_max=None))
    assert (found.verdict, found.since, found.wasted) == (Verdict.UNKNOWN, None, None)
    assert why(found) == "GPU activity is not measured"


@pytest.mark.parametrize("figure", [9.223372036854775e18, float("nan"), -1.0, 7.0])
def test_a_figure_that_no_gpu_can_have_is_not_measured(figure: float) -> None:
    assert judged(device_hours(DAY, activity=figure, activity_max=figure)).verdict is Verdict.UNKNOWN


def test_an_average_alone_cannot_call_the_highest_moment_quiet_but_can_call_it_busy() -> None:
    assert judged(device_hours(DAY, activity=0.0, activity_max=None)).verdict is Verdict.UNKNOWN
    assert judged(device_hours(DAY, activity=0.4, activity_max=None)).verdict is Verdict.WORKING


def test_a_pod_whose_gpus_no_metric_tells_of_is_unknown() -> None:
    found = judged([])
    assert (found.verdict, why(found)) == (Verdict.UNKNOWN, "no metrics of its GPUs")


def test_metrics_of_some_of_its_gpus_are_not_enough() -> None:
    found = judged(device_hours(DAY), pod_hours(DAY, gpu_request_hours=2.0))
    assert (found.verdict, why(found)) == (Verdict.UNKNOWN, "metrics of some of its GPUs are missing")


def test_metrics_that_stopped_make_it_unknown_not_idle_for_ever() -> None:
    found = judged(device_hours(range(12)))
    assert (found.verdict, why(found)) == (Verdict.UNKNOWN, "no metrics of its GPUs")


def test_metrics_that_are_an_hour_late_are_waited_for() -> None:
    assert judged(device_hours(range(23))).verdict is Verdict.IDLE_HELD


def test_an_hour_without_metrics_breaks_nothing_and_is_not_counted() -> None:
    found = judged(device_hours([*range(10), *range(13, 24)]))
    assert (found.verdict, found.since, found.wasted) == (Verdict.IDLE_HELD, hour(0), Decimal(21 * 4))
    assert shown(found, "hours that could not be told") == ("3 hours, not counted as idle", None)


def test_a_longer_gap_than_the_rule_bridges_begins_anew() -> None:
    rows = device_hours([*range(10), *range(20, 24)])
    assert judged(rows).since == hour(20)
    assert judged(rows, bridge="10h").since == hour(0)


def test_a_pod_that_is_younger_than_the_rules_time_is_too_young() -> None:
    found = judged(device_hours(range(22, 24)), pod_hours(range(22, 24)), for_="3h")
    assert found.verdict is Verdict.UNKNOWN
    assert why(found).startswith("too young: 2 h measured, the rule asks for 3 h")


def test_half_an_hour_counts_as_half_an_hour() -> None:
    rows = device_hours([23], seconds=1800.0)
    assert (
        judged(rows, pod_hours([23], alive_seconds=1800.0, gpu_request_hours=0.5)).verdict is Verdict.UNKNOWN
    )


def test_a_pod_that_is_gone_is_no_finding() -> None:
    world = a_world(device_hours(range(20)), pod_hours(range(20)) + pod_hours(DAY, uid="u-2", pod="other"))
    found = detect(world, a_rule("gpu_idle"))
    assert [one.resource.uid for one in found] == ["u-2"]


def test_a_pod_name_with_another_uid_is_another_pod() -> None:
    rows = device_hours(range(23)) + device_hours([23], uid="u-2")
    pods = pod_hours(range(23)) + pod_hours([23], uid="u-2")
    found = detect(a_world(rows, pods), a_rule("gpu_idle", for_="2h"))
    assert [(one.resource.uid, one.verdict) for one in found] == [("u-2", Verdict.UNKNOWN)]


def test_a_busy_shared_gpu_does_not_say_who_works_and_a_quiet_one_says_nobody() -> None:
    def world(activity: float) -> list[Finding]:
        shared = {"sharing": "time-slicing", "share": 0.5, "activity": activity, "activity_max": activity}
        rows = device_hours(DAY, **shared) + device_hours(DAY, **shared, uid="u-2", pod="two")
        pods = pod_hours(DAY) + pod_hours(DAY, uid="u-2", pod="two")
        return detect(a_world(rows, pods, cost_hours(DAY) + cost_hours(DAY, uid="u-2")), a_rule("gpu_idle"))

    assert {one.verdict for one in world(0.9)} == {Verdict.UNKNOWN}
    assert why(world(0.9)[0]) == "shares a busy GPU, and no metric says who works"
    assert [(one.verdict, one.wasted) for one in world(0.0)] == [(Verdict.IDLE_HELD, Decimal(96))] * 2


def test_a_holder_of_a_busy_shared_gpu_that_answers_requests_works() -> None:
    shared = {"sharing": "mps", "share": 0.5, "activity": 0.9, "activity_max": 0.9}
    rows = device_hours(DAY, **shared, requests=3.0) + device_hours(DAY, **shared, uid="u-2", pod="two")
    found = detect(a_world(rows, pod_hours(DAY) + pod_hours(DAY, uid="u-2", pod="two")), a_rule("gpu_idle"))
    assert {one.resource.uid: one.verdict for one in found} == {
        "u-1": Verdict.WORKING,
        "u-2": Verdict.UNKNOWN,
    }


def test_slices_of_a_card_are_judged_each_by_its_own_figures() -> None:
    part = {"sharing": "mig", "profile": "3g.40gb", "share": 0.5}
    rows = device_hours(DAY, **part) + device_hours(
        DAY, **part, uid="u-2", pod="two", activity=0.9, activity_max=1.0
    )
    found = detect(a_world(rows, pod_hours(DAY) + pod_hours(DAY, uid="u-2", pod="two")), a_rule("gpu_idle"))
    assert {one.resource.uid: one.verdict for one in found} == {
        "u-1": Verdict.IDLE_HELD,
        "u-2": Verdict.WORKING,
    }


def test_power_that_contradicts_makes_it_unknown() -> None:
    found = judged(device_hours(DAY, power_watts=250.0))
    assert (found.verdict, why(found)) == (
        Verdict.UNKNOWN,
        "draws power like a GPU at work, though none is seen",
    )
    assert judged(device_hours(DAY, power_watts=70.0)).verdict is Verdict.IDLE_HELD
    assert judged(device_hours(DAY, power_watts=250.0), power_below=None).verdict is Verdict.IDLE_HELD
    assert (
        judged(device_hours(DAY, power_watts=250.0, model="a card nobody knows")).verdict is Verdict.IDLE_HELD
    )


def test_a_server_whose_requests_are_missing_in_an_hour_is_unknown_then() -> None:
    found = judged(device_hours(range(23), requests=0.0) + device_hours([23]))
    assert (found.verdict, why(found)) == (
        Verdict.UNKNOWN,
        "requests of its model server are not measured",
    )


def test_a_pod_at_work_that_leaves_gpus_idle_asked_for_too_many() -> None:
    rows = device_hours(DAY, activity=0.9, activity_max=1.0)
    for device in ("GPU-b", "GPU-c", "GPU-d"):
        rows += device_hours(DAY, device=device)
    world = a_world(rows, pod_hours(DAY, gpu_request_hours=4.0), cost_hours(DAY, "10.00"))
    working, partly = detect(world, a_rule("gpu_idle"))
    assert (working.verdict, working.wasted) == (Verdict.WORKING, None)
    assert (partly.verdict, partly.since) == (Verdict.OVERSIZED, hour(0))
    assert partly.wasted == Decimal(24) * 10 * Decimal("0.6")  # 3 of 4 GPUs, and GPUs are 80 % of the cost
    assert "Ask for 1 instead of 4 GPUs" in partly.suggestion


def test_without_a_cost_it_is_idle_all_the_same_and_the_cost_is_unknown_not_zero() -> None:
    (found,) = detect(a_world(device_hours(DAY), pod_hours(DAY)), a_rule("gpu_idle"))
    assert (found.verdict, found.cost_per_hour, found.wasted, found.currency) == (
        Verdict.IDLE_HELD,
        None,
        None,
        "",
    )
    assert shown(found, "cost") == ("no cost is known of it", None)


def test_a_cost_that_is_known_of_some_hours_says_of_how_many() -> None:
    (found,) = detect(a_world(device_hours(DAY), pod_hours(DAY), cost_hours(range(6))), a_rule("gpu_idle"))
    assert (found.wasted, found.cost_per_hour) == (Decimal(24), Decimal(4))
    assert shown(found, "cost is known of") == ("6 of 24 h", None)


def test_only_what_fits_is_judged_and_what_is_spared_never_is() -> None:
    world = a_world(device_hours(DAY), pod_hours(DAY))
    assert detect(world, a_rule("gpu_idle", match={"namespaces": "prod-*"})) == []
    assert detect(world, a_rule("gpu_idle", match={"namespaces": "M*"}, spare={"workloads": "note*"})) == []
    assert len(detect(world, a_rule("gpu_idle", spare={"workloads": "other"}))) == 1


def test_a_device_without_a_uid_is_the_pods_of_its_name() -> None:
    assert judged(device_hours(DAY, uid=None)).resource.uid == "u-1"


def test_the_owner_stands_on_the_finding() -> None:
    world = a_world(device_hours(DAY), pod_hours(DAY), teams={("prod", "u-1"): "ml"})
    assert detect(world, a_rule("gpu_idle"))[0].owner_team == "ml"


def test_the_longer_and_the_more_signals_the_surer() -> None:
    def confidence(hours: range, **values: Any) -> Confidence:
        return judged(device_hours(hours, **values), pod_hours(hours)).confidence

    assert confidence(DAY, tensor=0.0, power_watts=60.0) is Confidence.HIGH
    assert confidence(range(20, 24), tensor=0.0) is Confidence.MEDIUM
    assert confidence(range(23, 24)) is Confidence.LOW


HOURS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.02, 0.5, None]),
        st.sampled_from([0.0, 1.0, None]),
        st.booleans(),
        st.decimals(min_value=-5, max_value=50, places=4, allow_nan=False),
    ),
    min_size=1,
    max_size=24,
)


@given(HOURS)
@settings(max_examples=60, deadline=None)
def test_money_is_never_negative_and_an_unknown_or_working_pod_never_wastes(rows: list[Any]) -> None:
    devices, costs = [], []
    for number, (activity, requests, measured, cost) in enumerate(rows):
        if measured:
            devices += device_hours([number], activity=activity, activity_max=activity, requests=requests)
        costs += cost_hours([number], str(cost))
    for found in detect(a_world(devices, pod_hours(range(len(rows))), costs), a_rule("gpu_idle")):
        if found.verdict is Verdict.IDLE_HELD:
            assert found.wasted is None or 0 <= found.wasted <= sum(max(Decimal(row[3]), 0) for row in rows)
        else:
            assert found.wasted is None
