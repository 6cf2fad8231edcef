"""Rules replayed over histories whose answer is known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idle_worlds import a_rule, a_world, cost_hours, device_hours, hour, pod_hours

from config.idle import packaged_rules
from reaper.backtest import Replay, histogram
from reaper.replay import replay
from reaper.variants import AS_IT_IS, variants

SOON = timedelta(hours=8)
WORK: dict[str, float] = {"activity": 0.8, "activity_max": 1.0}
NOBODY: dict[str, Any] = {"namespace": None, "pod": None, "uid": None}


def history(idle: Iterable[int], end: int = 48) -> list[dict[str, Any]]:
    """The hours of a GPU that works but for these."""
    quiet = set(idle)
    return device_hours(sorted(quiet)) + device_hours([h for h in range(end) if h not in quiet], **WORK)


def replayed(devices: list[dict[str, Any]], end: int = 48, **rule: Any) -> Replay:
    world = a_world(devices, pod_hours(range(end)), cost_hours(range(end)), end=end)
    return replay(world, a_rule("gpu_idle", **rule), came_back=SOON)


def test_a_rule_frees_what_is_idle_after_its_time_and_misses_what_is_before() -> None:
    found = replayed(history(range(10, 40)), for_="2h")  # work comes back at 40, 28 h after it fired
    (spell,) = found.spells
    assert (spell.start, spell.end, spell.hours) == (hour(10), hour(40), 30)
    assert (spell.fired_at, spell.freed_hours, spell.back_at) == (hour(12), 28, hour(40))
    assert (found.idle, found.working, found.unknown) == (30, 18, 0)
    assert (found.freed_hours, dict(found.freed), found.missed_hours) == (28, {"USD": Decimal(112)}, 2)
    assert found.false == ()


def test_work_that_comes_back_soon_makes_it_a_false_reap_that_saves_nothing() -> None:
    found = replayed(history(range(10, 14)), for_="2h")  # fired at 12, work at 14
    assert [spell.start for spell in found.false] == [hour(10)]
    assert (found.freed_hours, dict(found.freed)) == (0, {})


def test_a_spell_shorter_than_the_rules_time_never_fires_and_is_missed() -> None:
    found = replayed(history(range(10, 13)), for_="4h")
    assert (len(found.spells), found.fired, found.missed_hours) == (1, (), 3)


def test_a_spell_that_ends_with_the_pod_is_no_false_reap() -> None:
    rows = history(range(10, 20), end=20)
    pods = pod_hours(range(20)) + pod_hours(range(48), uid="u-9", pod="other", gpu_request_hours=0.0)
    found = replay(a_world(rows, pods, end=48), a_rule("gpu_idle"), came_back=SOON)
    (spell,) = found.spells
    assert (spell.back_at, found.false) == (None, ())


def test_hours_without_metrics_are_told_apart_and_free_nothing() -> None:
    rows = [row for row in history(range(10, 30)) if not hour(15) <= row["hour"] < hour(18)]
    found = replayed(rows, for_="2h")
    assert (found.unknown, found.idle, len(found.spells)) == (3, 17, 1)
    assert found.freed_hours == 15
    assert dict(found.freed) == {"USD": Decimal(60)}


def test_where_no_cost_is_known_hours_are_freed_without_money() -> None:
    world = a_world(history(range(10, 40)), pod_hours(range(48)), end=48)
    found = replay(world, a_rule("gpu_idle"), came_back=SOON)
    assert (found.freed_hours, found.unpriced_hours, dict(found.freed)) == (29, 29, {})


def test_a_stricter_line_and_a_longer_time_call_less_idle() -> None:
    rows = device_hours(range(24), activity=0.01, activity_max=0.04) + device_hours(range(24, 48), **WORK)
    world = a_world(rows, pod_hours(range(48)), end=48)
    told = variants(a_rule("gpu_idle", for_="2h"))
    freed = {label: replay(world, rule, came_back=SOON).freed_hours for label, rule in told}
    assert freed == {
        AS_IT_IS: 22,
        "active below 2.5 %": 0,
        "active below 10 %": 22,
        "for 1h": 23,
        "for 8h": 16,
        "signal: average": 22,
    }


def test_every_packaged_rule_can_be_replayed_and_stands_beside_its_variants() -> None:
    rows = history(range(10, 40)) + device_hours(range(48), device="GPU-b", **NOBODY)
    world = a_world(rows, pod_hours(range(48)), cost_hours(range(48)), end=48)
    for rule in packaged_rules():
        labels = [label for label, _ in variants(rule)]
        assert labels[0] == AS_IT_IS
        assert len(set(labels)) == len(labels) >= 2
        for _, variant in variants(rule):
            found = replay(world, variant, came_back=SOON)
            assert found.start == hour(0)
            assert found.missed_hours >= -1e-6


def test_a_gpu_that_was_claimed_soon_after_was_not_free() -> None:
    rows = device_hours(range(20), **NOBODY) + device_hours(range(20, 48))
    rows += device_hours(range(48), device="GPU-b", **NOBODY)
    pods = pod_hours(range(20, 48)) + pod_hours(range(48), uid="u-9", pod="proxy", gpu_request_hours=0.0)
    costs = cost_hours(range(48), "10.00", uid=None)
    found = replay(a_world(rows, pods, costs, end=48), a_rule("gpu_free", for_="14h"), came_back=SOON)
    false, free = found.spells if found.spells[0].back_at else found.spells[::-1]
    assert (false.is_false(SOON), free.is_false(SOON)) == (True, False)
    assert str(free.resource) == "prod/gpu/gpu-1/GPU-b"
    # For six of its freed hours the other GPU was free, too: half of the unclaimed was its own.
    assert free.freed == Decimal(6 * 4 + 28 * 8)


def test_an_abandoned_workload_that_is_talked_to_again_is_a_false_reap() -> None:
    quiet = {"cpu_used_hours": 0.0, "egress_gib": 0.0}
    pods = pod_hours(range(30), **quiet) + pod_hours(range(30, 48), egress_gib=5.0)
    world = a_world(pods=pods, costs=cost_hours(range(48)), end=48)
    found = replay(world, a_rule("abandoned", over="24h"), came_back=SOON)
    (spell,) = found.spells
    assert (spell.fired_at, spell.back_at, spell.is_false(SOON)) == (hour(24), hour(30), True)
    assert str(spell.resource) == "prod/statefulset/ml/notebook"
    assert spell.freed == Decimal(24)


@pytest.mark.parametrize(("later", "false"), [(4.0, False), (20.0, True)])
def test_a_size_from_the_first_half_is_tried_on_the_second(later: float, false: bool) -> None:  # noqa: FBT001  # a case
    pods = pod_hours(range(24)) + pod_hours(range(24, 48), memory_used_hours=later)
    world = a_world(pods=pods, costs=cost_hours(range(48), "10.00"), end=48)
    found = replay(world, a_rule("cpu_memory_slack"), came_back=SOON)
    (spell,) = found.spells
    assert (spell.fired_at, bool(found.false), spell.hours) == (hour(24), false, 24)
    assert (dict(found.freed) == {}) is false


@pytest.mark.parametrize(("later", "false"), [(8.0, False), (30.0, True)])
def test_a_smaller_card_is_tried_on_the_second_half(later: float, false: bool) -> None:  # noqa: FBT001  # a case
    light = {"activity": 0.1, "activity_max": 0.5, "memory_used_mib": 8.0 * 1024}
    rows = device_hours(range(24), **light)
    rows += device_hours(range(24, 48), **{**light, "memory_used_mib": later * 1024})
    world = a_world(rows, pod_hours(range(48)), cost_hours(range(48)), end=48)
    found = replay(world, a_rule("gpu_wrong_class"), came_back=SOON)
    assert (len(found.spells), bool(found.false)) == (1, false)


def test_the_histogram_counts_every_spell_once() -> None:
    found = replayed(history([1, *range(5, 8), *range(12, 42)]))
    bars = histogram(found.spells)
    assert [(bar.least, bar.spells, bar.hours) for bar in bars if bar.spells] == [
        (1, 1, 1),
        (2, 1, 3),
        (24, 1, 30),
    ]


@given(st.lists(st.sampled_from(["work", "idle", "gap", "null"]), min_size=2, max_size=40), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_hours_are_each_in_one_place_and_a_rule_never_frees_more_than_was_idle(
    states: list[str], least: int
) -> None:
    rows = []
    for number, state in enumerate(states):
        if state != "gap":
            figures = {"work": WORK, "idle": {}, "null": {"activity": None, "activity_max": None}}[state]
            rows += device_hours([number], **figures)
    found = replayed(rows, end=len(states), for_=f"{least}h")
    assert found.working + found.idle + found.unknown == len(states)
    assert 0 <= found.freed_hours <= found.idle
    assert 0 <= found.missed_hours <= found.idle
    assert sum(found.freed.values()) == Decimal(4) * int(found.freed_hours)
    assert sum(bar.spells for bar in histogram(found.spells)) == len(found.spells)
