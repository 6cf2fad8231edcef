"""The company behind the bill: its things, their lives, what is done with them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.clock import FixedClock
from daemon.demo import dice
from daemon.demo.company import ACCOUNT, PROVIDERS, TEAMS
from daemon.demo.controls import Controls
from daemon.demo.events import catalogue, events
from daemon.demo.fleet import HOME_REGION, standing
from daemon.demo.happening import Happening
from daemon.demo.hours import DAY, Span, day_number, day_of, hour_of, instant_of
from daemon.demo.ids import resource_id
from daemon.demo.kubernetes import node_labels, nodes, pool_hours, pools, workloads
from daemon.demo.previews import pull_requests
from daemon.demo.prices import micro, services, skus
from daemon.demo.seasons import LOADS, audience_factor, holidays, load
from daemon.demo.states import State
from daemon.demo.usage import Scene, metered
from daemon.demo.world import World

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
MONTH = Span.of_month("2026-10")


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[State]:
    world = World(seed=7, folder=tmp_path_factory.mktemp("world"), clock=FixedClock(at=NOW))
    return world.states(NOW)


def a_scene(span: Span = MONTH, *, with_events: bool = True) -> Scene:
    happening = Happening(events(7, span) if with_events else ())
    return Scene(seed=7, span=span, happening=happening, controls=Controls(()))


def test_tables_fit_together() -> None:
    assert set(HOME_REGION) == set(PROVIDERS)
    for entity in standing(7):
        assert entity.team in {*TEAMS, ""}
        assert {meter.sku.provider for meter in entity.meters} == {entity.provider}
        assert all(meter.load in LOADS for meter in entity.meters)
        assert entity.use.load in LOADS
    for workload in workloads():
        assert workload.entity.team in TEAMS
        assert (workload.cluster, workload.pool) in {(pool.cluster, pool.name) for pool in pools()}
    known = {entity.name for entity in standing(7)} | {one.entity.name for one in workloads()}
    for template in catalogue():
        assert {e.target for e in template.effects if e.on in {"use", "replicas"}} <= known
        assert {e.target for e in template.effects if e.on == "audience"} <= set(TEAMS)
        assert template.team in {*TEAMS, ""}


def test_names_are_unique() -> None:
    names = Counter(entity.name for entity in standing(7))
    names.update(workload.entity.name for workload in workloads())
    assert max(names.values()) == 1
    assert len({sku.sku_id for sku in skus().values()}) == len(skus())
    assert len({service.name for service in services().values()}) == len(services())


def test_has_the_size_that_the_design_asks_for(states: list[State]) -> None:
    assert len(TEAMS) == 6
    assert {account.provider for account in ACCOUNT.values()} == {"aws", "gcp", "azure"}
    assert {pool.cluster for pool in pools()} == {"prod-eu", "ml-train"}
    assert {pool.cluster for pool in pools() if pool.gpus} == {"prod-eu", "ml-train"}
    kinds = {state.entity.kind for state in states}
    assert {"notebook", "database", "volume", "address", "snapshot", "model", "runners"} <= kinds
    assert {"deployment", "statefulset", "job", "namespace", "node"} <= kinds


def test_resource_ids_differ() -> None:
    seen: dict[str, str] = {}
    for item in [item for provider in PROVIDERS for item in metered(a_scene(), provider)]:
        found = resource_id(item.entity, item.sku.key, item.sku.service.key)
        if found is not None:
            assert seen.setdefault(found, item.entity.name) == item.entity.name
    assert any(one.startswith("i-0") for one in seen)
    assert any(one.startswith("arn:aws:rds:") for one in seen)
    assert any(one.startswith("//compute.googleapis.com/projects/") for one in seen)
    assert any(one.startswith("/subscriptions/") and one == one.lower() for one in seen)


def test_something_is_always_forgotten_and_something_always_works(states: list[State]) -> None:
    week = timedelta(days=7)
    volumes = [s for s in states if s.entity.kind == "volume" and "/pr-" not in s.entity.name]
    assert any(s.last_activity and NOW - s.last_activity > week for s in volumes)
    gpus = [s for s in states if s.entity.gpus and s.entity.kind in {"notebook", "deployment"} and s.replicas]
    assert any(s.busy == 0 for s in gpus)
    assert any(s.busy > 400 for s in gpus)


def test_a_notebook_that_is_used_on_tuesdays_is_idle_on_fridays(states: list[State]) -> None:
    (anna,) = [state for state in states if state.entity.name == "ml-notebook-anna"]
    assert anna.is_running
    assert anna.busy == 0
    assert anna.last_activity is not None
    assert anna.last_activity.date() == date(2026, 11, 17)


def test_states_have_what_inventories_will_show(states: list[State]) -> None:
    assert len({state.entity.uid for state in states}) == len(states)
    for state in states:
        assert state.created_at <= NOW
        assert state.last_activity is None or state.created_at <= state.last_activity <= NOW
        assert (state.replicas > 0) == state.is_running
        assert 0 <= state.busy <= 1000


def test_pull_requests_live_and_die_and_sometimes_leave_something_behind() -> None:
    pulls = list(pull_requests(7, Span(first=MONTH.first - 365 * DAY, end=MONTH.end)))
    assert len({pull.number for pull in pulls}) == len(pulls) > 300
    assert all(pull.opened <= pull.pushed < pull.closed < pull.removed for pull in pulls)
    leftover = [pull for pull in pulls if pull.leftover]
    assert 0.04 < len(leftover) / len(pulls) < 0.2
    assert {pull.leftover for pull in leftover} == {("all",), ("db", "volume")}
    assert all(instant_of(pull.opened).weekday() < 5 for pull in pulls)


def test_pull_requests_do_not_depend_on_the_window_they_are_asked_in() -> None:
    day = Span(first=MONTH.first + 10 * DAY, end=MONTH.first + 11 * DAY)
    assert set(pull_requests(7, day)) <= set(pull_requests(7, MONTH))


def test_use_does_not_depend_on_the_window_it_is_asked_in() -> None:
    """The same hours of one month, asked alone or with the month before."""
    both = Span(first=Span.of_month("2026-09").first, end=MONTH.end)
    short, long = a_scene(MONTH), a_scene(both)
    hourly = {
        (item.entity.name, item.sku.key, str(item.tags)): item.quantity
        for item in metered(long, "azure")
        if "monthly" not in item.sku.traits
    }
    for item in metered(short, "azure"):
        if "monthly" not in item.sku.traits:
            wide = hourly[item.entity.name, item.sku.key, str(item.tags)]
            assert (wide[-len(MONTH) :] == item.quantity).all()


def test_nodes_follow_what_workloads_ask_for() -> None:
    for pool in pools():
        hours = pool_hours(pool, MONTH, a_scene(with_events=False))
        asked = sum(share for _, share in hours.shares)
        assert (asked <= hours.capacity).all(), pool.name
        assert (hours.nodes >= pool.least).all()
        assert (hours.nodes <= pool.most).all()
    (web,) = [pool for pool in pools() if pool.name == "general"]
    counts = pool_hours(web, MONTH, a_scene()).nodes
    assert counts.min() < counts.max()


def test_what_google_splits_by_workload_is_the_whole_node() -> None:
    scene = a_scene()
    items = metered(scene, "gcp")
    (pool,) = [pool for pool in pools() if pool.name == "a100"]
    for node, on in nodes(7, pool_hours(pool, MONTH, scene), MONTH):
        for meter in node.meters:
            if "monthly" not in meter.sku.traits:
                parts = [i.quantity for i in items if i.entity.name == node.name and i.sku is meter.sku]
                assert (sum(parts) == on * meter.amount // 1_000_000).all()
        assert node_labels(pool).items() <= node.tags.items()


@pytest.mark.parametrize("name", ["audience", "office", "steady", "grow", "night"])
def test_loads_average_to_a_thousand_on_the_reference_day(name: str) -> None:
    weeks = Span(first=day_number(date(2026, 11, 9)) * DAY, end=day_number(date(2026, 11, 23)) * DAY)
    assert load(name, weeks).mean() == pytest.approx(1000, rel=0.12)


def test_holidays_are_those_of_the_calendar() -> None:
    assert holidays(2026)[date(2026, 11, 27)] == "Black Friday"
    assert holidays(2026)[date(2026, 11, 30)] == "Cyber Monday"
    assert holidays(2026)[date(2026, 4, 3)] == "Good Friday"
    assert holidays(2024)[date(2024, 4, 1)] == "Easter Monday"
    assert audience_factor(date(2026, 11, 27)) > audience_factor(date(2026, 11, 28)) > 1000
    assert audience_factor(date(2026, 12, 25)) < audience_factor(date(2026, 12, 16)) == 1000


def test_hours_and_days_convert_without_loss() -> None:
    for day in (date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29)):
        assert day_of(day_number(day)) == day
    assert instant_of(hour_of(NOW)) == NOW
    assert int(MONTH.weekday[0]) == instant_of(MONTH.first).weekday()


def test_chance_is_spread_over_its_range() -> None:
    ticks = np.arange(20_000, dtype=np.int64)
    drawn = dice.noise(12345, ticks, 40)
    assert drawn.min() == 960
    assert drawn.max() == 1040
    assert abs(drawn.mean() - 1000) < 1
    assert sorted(dice.shuffled(range(9), "x")) == list(range(9))
    assert {dice.between(1, 3, "y", n) for n in range(99)} == {1, 2, 3}


def test_prices_are_whole_millionths() -> None:
    assert micro("0.000165") == 165
    with pytest.raises(ValueError, match="six digits"):
        micro("0.0000001")


def test_the_world_is_the_same_wherever_it_keeps_its_actions(tmp_path: Path) -> None:
    one, other = (World(seed=7, folder=tmp_path / n, clock=FixedClock(at=NOW)) for n in ("a", "b"))
    assert one.bill("azure", "2026-10", seen_at=NOW).equals(other.bill("azure", "2026-10", seen_at=NOW))
    assert not (tmp_path / "a").exists()
