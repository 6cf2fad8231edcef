"""The demo company's idle GPUs are found, and none of those that work is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from config.idle import packaged_rules
from daemon.clock import FixedClock
from daemon.demo.idle_gpus import FREE, HELD
from daemon.demo.world import World
from domain.finding import Finding, Verdict
from domain.usage import DEVICE_HOURS, POD_HOURS
from reaper.detectors.judge import judge
from reaper.detectors.observed import COST_HOURS, Observed
from reaper.replay import replay

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAYS = 4
RULES = {rule.kind: rule for rule in packaged_rules()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(seed=7, folder=tmp_path_factory.mktemp("world"), clock=FixedClock(at=NOW))


@pytest.fixture(scope="module")
def observed(world: World) -> Observed:
    start = NOW - DAYS * DAY
    days = [
        world.usage(cluster, start + number * DAY, start + (number + 1) * DAY)
        for cluster in world.clusters()
        for number in range(DAYS)
    ]
    return Observed(
        start=start,
        end=NOW,
        devices=pl.concat([day["device_hours"].select(DEVICE_HOURS.names()) for day in days]),
        pods=pl.concat([day["pod_hours"].select(POD_HOURS.names()) for day in days]),
        costs=COST_HOURS.to_frame(),
    )


def planted(world: World, kind: str) -> set[str]:
    """Name what is idle in the newest hour by the labels that were planted."""
    labels = world.labels((NOW - 60 * DAY).date(), NOW.date())
    return {
        name
        for label in labels
        if label.kind == kind and label.start <= NOW - timedelta(hours=2) and label.end >= NOW
        for name in label.resources
    }


def workload(one: Finding) -> str:
    owner = one.workload or one.resource
    return f"{owner.place}/{owner.namespace}/{owner.name}"


def test_every_planted_idle_gpu_is_found_and_no_working_one(world: World, observed: Observed) -> None:
    findings = judge(observed, RULES["gpu_idle"])
    idle = {workload(one) for one in findings if one.verdict is Verdict.IDLE_HELD}
    working = {workload(one) for one in findings if one.verdict is Verdict.WORKING}
    assert idle == planted(world, HELD)
    assert len(idle) >= 3
    assert len(working) >= 3
    assert idle & working == set()


def test_every_planted_free_gpu_is_found_and_no_claimed_one(world: World, observed: Observed) -> None:
    free = {one.resource.name for one in judge(observed, RULES["gpu_free"]) if one.verdict is Verdict.FREE}
    assert free == planted(world, FREE)
    assert free


def test_gpus_that_nobody_measures_are_unknown_and_in_neither(observed: Observed) -> None:
    findings = judge(observed, RULES["gpu_idle"])
    unknown = [one for one in findings if one.verdict is Verdict.UNKNOWN]
    assert unknown
    assert all(one.wasted is None and one.since is None for one in unknown)


def test_the_packaged_rule_reaps_nothing_wrongly_in_the_demo(observed: Observed) -> None:
    found = replay(observed, RULES["gpu_idle"], came_back=timedelta(hours=8))
    assert found.false == ()
    assert found.freed_hours > 0
    assert found.unknown > 0
