from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from daemon.clock import FixedClock
from daemon.demo.actions import Action, ActionLog, Verb
from daemon.demo.world import World
from domain.errors import StorageError, UsageError

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
LATER = datetime(2026, 11, 30, 6, tzinfo=UTC)
ANNA = "ml-notebook-anna"


def a_world(folder: Path, now: datetime = LATER) -> World:
    return World(seed=7, folder=folder, clock=FixedClock(at=now))


def an_action(verb: Verb = Verb.STOP, target: str = ANNA, at: datetime = NOW, **fields: object) -> Action:
    return Action(at=at, verb=verb, target=target, **fields)  # type: ignore[arg-type]  # fields of the test


def costs(world: World, name: str) -> dict[datetime, Decimal]:
    """Effective cost per hour of the resources of a name, in the month of the action."""
    bill = world.bill("aws", "2026-11", seen_at=LATER, hourly_from=NOW.date())
    rows = bill.filter(pl.col("ResourceName") == name).group_by("ChargePeriodStart")
    return dict(rows.agg(pl.col("EffectiveCost").sum()).iter_rows())


def between(found: dict[datetime, Decimal], start: datetime, end: datetime) -> Decimal:
    return sum((cost for at, cost in found.items() if start <= at < end), Decimal(0))


def test_a_stopped_instance_stops_costing_from_that_hour(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    before = costs(world, ANNA)
    assert world.record(an_action(at=NOW + timedelta(minutes=30)))
    after = costs(world, ANNA)
    assert between(before, datetime(2026, 11, 1, tzinfo=UTC), NOW) == between(
        after, datetime(2026, 11, 1, tzinfo=UTC), NOW
    )
    assert before[NOW] - after[NOW] == Decimal("0.606")  # half an hour of 1.212
    assert before[NOW + timedelta(hours=1)] - after[NOW + timedelta(hours=1)] == Decimal("1.212")


def test_a_stopped_instance_still_pays_for_its_disk(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.record(an_action())
    left = costs(world, ANNA)[NOW + timedelta(hours=5)]
    assert Decimal(0) < left < Decimal("0.03")


def test_a_started_instance_costs_again(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    before = costs(world, ANNA)
    world.record(an_action())
    world.record(an_action(Verb.START, at=NOW + timedelta(hours=10)))
    after = costs(world, ANNA)
    day = timedelta(days=1)
    assert between(before, NOW, NOW + day) - between(after, NOW, NOW + day) == Decimal("12.12")


def test_a_deleted_volume_costs_nothing_more(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    volume = next(s for s in world.states(NOW) if s.entity.name.startswith("vol-"))
    name = volume.entity.name
    assert between(costs(world, name), NOW, LATER) > 0
    world.record(an_action(Verb.DELETE, name))
    assert between(costs(world, name), NOW, LATER) == 0
    assert name not in {state.entity.name for state in world.states(NOW)}


def test_what_is_deleted_cannot_be_started_again(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    world.record(an_action(Verb.DELETE))
    with pytest.raises(UsageError, match=ANNA):
        world.record(an_action(Verb.START, at=NOW + timedelta(hours=1)))


def test_a_deleted_namespace_takes_everything_in_it_along(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    name = next(
        state.entity.name
        for state in world.states(NOW)
        if state.entity.kind == "namespace" and "/pr-" in state.entity.name
    )
    world.record(an_action(Verb.DELETE, name))
    gone = {state.entity.name for state in world.states(NOW + timedelta(hours=1))}
    assert not [one for one in gone if one == name or one.startswith(f"{name}/")]


def test_a_workload_scaled_to_zero_frees_its_gpu_node(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    pool = "prod-eu-gpu-inference"

    def cost() -> Decimal:
        bill = world.bill("aws", "2026-11", seen_at=LATER, hourly_from=NOW.date())
        nodes = bill.filter(
            pl.col("ResourceName").str.starts_with(pool) & (pl.col("ChargePeriodStart") >= NOW)
        )
        return nodes.filter(pl.col("ServiceName") == "Amazon Elastic Compute Cloud")["EffectiveCost"].sum()

    before = cost()
    world.record(an_action(Verb.SCALE, "prod-eu/ml-serving/whisper-batch", replicas=0))
    hours = (before - cost()) / Decimal("1.212")
    assert 230 < hours < 235  # one node for the ten days less the hours not delivered yet


def test_a_workload_that_is_started_again_follows_its_load(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    name = "prod-eu/shop/shop-web"
    before = {s.entity.name: s.replicas for s in world.states(NOW + timedelta(hours=2))}[name]
    world.record(an_action(Verb.SCALE, name, replicas=0))
    world.record(an_action(Verb.START, name, at=NOW + timedelta(hours=1)))
    states = {s.entity.name: s for s in world.states(NOW + timedelta(minutes=30))}
    assert states[name].replicas == 0
    assert not states[name].is_running
    assert {s.entity.name: s.replicas for s in world.states(NOW + timedelta(hours=2))}[name] == before


@pytest.mark.parametrize(
    ("verb", "target"), [(Verb.STOP, "prod-eu/shop/shop-web"), (Verb.DELETE, "prod-eu/shop")]
)
def test_a_stopped_or_deleted_workload_needs_no_nodes(tmp_path: Path, verb: Verb, target: str) -> None:
    world = a_world(tmp_path)

    def nodes() -> int:
        return sum(state.entity.name.startswith("prod-eu-general-") for state in world.states(NOW))

    before = nodes()
    world.record(an_action(verb, target))
    assert nodes() < before


def test_the_past_is_not_changed_by_what_is_done_today(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    before = world.bill("aws", "2026-11", seen_at=NOW)
    world.record(an_action(at=NOW + timedelta(hours=1)))
    assert world.bill("aws", "2026-11", seen_at=NOW).equals(before)


def test_an_action_with_a_known_key_happens_once(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    assert world.record(an_action(Verb.DELETE, key="plan-1"))
    assert not world.record(an_action(Verb.DELETE, key="plan-1"))
    assert len(world.actions()) == 1


def test_two_processes_with_one_key_record_it_once(tmp_path: Path) -> None:
    one, other = ActionLog(tmp_path), ActionLog(tmp_path)
    assert one.append(an_action(key="plan-1"))
    assert not other.append(an_action(key="plan-1"))


def test_actions_outlive_the_process(tmp_path: Path) -> None:
    a_world(tmp_path).record(an_action(by="lee", key="k"))
    assert a_world(tmp_path).actions() == (an_action(by="lee", key="k"),)


def test_refuses_what_does_not_exist_and_suggests_what_does(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        a_world(tmp_path).record(an_action(target="ml-notebook-ana"))
    assert ANNA in caught.value.hint


def test_refuses_to_scale_what_has_no_replicas(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be scaled"):
        a_world(tmp_path).record(an_action(Verb.SCALE, replicas=0))


@pytest.mark.parametrize("replicas", [None, -1])
def test_scaling_needs_a_number(replicas: int | None) -> None:
    with pytest.raises(UsageError, match="number"):
        an_action(Verb.SCALE, replicas=replicas)


def test_only_scaling_takes_a_number() -> None:
    with pytest.raises(UsageError, match="number"):
        an_action(Verb.STOP, replicas=0)


def test_refuses_a_time_without_zone() -> None:
    with pytest.raises(UsageError, match="aware"):
        an_action(at=datetime(2026, 11, 20, 6))  # noqa: DTZ001  # the fault under test


def test_a_line_torn_by_a_crash_is_dropped(tmp_path: Path) -> None:
    log = ActionLog(tmp_path)
    log.append(an_action(key="a"))
    with (tmp_path / "actions.jsonl").open("a") as file:
        file.write('{"at": "2026-11-2')
    assert len(ActionLog(tmp_path).actions()) == 1
    assert log.append(an_action(key="b"))
    assert [action.key for action in ActionLog(tmp_path).actions()] == ["a", "b"]


def test_names_the_line_that_is_no_action(tmp_path: Path) -> None:
    (tmp_path / "actions.jsonl").write_text('{"at": "2026-11-20T06:00:00+00:00"}\n')
    with pytest.raises(StorageError, match="line 1") as caught:
        ActionLog(tmp_path).actions()
    assert "reset" in caught.value.hint
