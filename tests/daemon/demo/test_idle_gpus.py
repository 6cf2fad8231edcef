"""GPUs that do nothing are labelled, and those that are labelled do nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from daemon.clock import FixedClock
from daemon.demo.devices import CARDS, UNMEASURED
from daemon.demo.events import events_of_month
from daemon.demo.hours import instant_of
from daemon.demo.idle_gpus import FREE, HELD, idle_gpus
from daemon.demo.labels import Label
from daemon.demo.world import World
from domain.window import next_month

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
CLUSTERS = ("prod-eu", "ml-train")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(seed=7, folder=tmp_path_factory.mktemp("world"), clock=FixedClock(at=NOW))


@pytest.fixture(scope="module")
def devices(world: World) -> pl.DataFrame:
    return measured(world, FIRST, 14)


def measured(world: World, first: datetime, count: int) -> pl.DataFrame:
    """Give the GPUs' hours with the names of the workloads that held them."""
    found = []
    for cluster in CLUSTERS:
        for number in range(count):
            frames = world.usage(cluster, first + number * DAY, first + (number + 1) * DAY)
            works = frames["pod_hours"].select("uid", "workload").unique()
            found.append(frames["device_hours"].join(works, on="uid", how="left"))
    name = pl.concat_str("cluster", "namespace", "workload", separator="/")
    return pl.concat(found).with_columns(name.alias("holder"), idle=pl.col("activity_max") == 0)


def covered(labels: list[Label], kind: str) -> set[tuple[str, datetime]]:
    """Give every labelled thing and hour."""
    found = set()
    for label in labels:
        if label.kind == kind:
            hours = int((label.end - label.start) / timedelta(hours=1))
            found |= {
                (name, label.start + timedelta(hours=n)) for name in label.resources for n in range(hours)
            }
    return found


def test_held_gpus_are_idle_exactly_while_they_are_labelled(devices: pl.DataFrame, world: World) -> None:
    truth = covered(world.labels(FIRST.date(), FIRST.date() + 30 * DAY), HELD)
    held = devices.filter(pl.col("uid").is_not_null())
    for idle, holder, hour in held.select("idle", "holder", "hour").iter_rows():
        assert idle == ((holder, hour) in truth), (holder, hour)
    assert {name for name, _ in truth} <= set(held["holder"])
    assert set(held.filter(~pl.col("idle"))["holder"]) >= {
        "prod-eu/ml-serving/reranker",
        "prod-eu/ml-serving/llama-chat",
        "prod-eu/notebooks/notebook-hugo",
        "prod-eu/notebooks/notebook-greta",  # until it was left
        "ml-train/training/train-nightly",
    }


def test_free_gpus_are_labelled(devices: pl.DataFrame, world: World) -> None:
    truth = covered(world.labels(FIRST.date(), FIRST.date() + 30 * DAY), FREE)
    whole = devices.filter(pl.col("uid").is_null(), pl.col("seconds") == 3600)
    assert {(node, hour) for node, hour in whole.select("node", "hour").iter_rows()} <= truth
    assert set(whole["node"]) == {name for name, _ in truth}
    assert (whole["memory_used_mib"] < 10).all()


def test_a_stuck_job_holds_gpus_that_are_idle_only_while_its_incident_lasts(world: World) -> None:
    month = date(2026, 10, 1)
    while True:
        found = [e for e in events_of_month(7, f"{month:%Y-%m}") if e.template.name == "stuck-training-job"]
        if found:
            break
        month = next_month(month)
    (event,) = found
    start, end = instant_of(event.start), instant_of(event.end)
    first = datetime.combine(start.date(), datetime.min.time(), tzinfo=UTC) - DAY
    seen = measured(world, first, (end.date() - start.date()).days + 3)
    stuck = seen.filter(pl.col("holder") == "ml-train/training/train-nightly", "idle")
    assert len(stuck) > 24
    assert start <= stuck["hour"].min()
    assert stuck["hour"].max() < end


def test_what_is_shared_is_measured_as_a_whole_and_adds_up_to_one_device(devices: pl.DataFrame) -> None:
    parts = devices.with_columns(part=pl.col("share") * pl.col("seconds"))
    whole = parts.group_by("device", "hour").agg(pl.sum("part"))
    assert (whole["part"] - 3600).abs().max() < 1e-6
    sliced = devices.filter(pl.col("sharing") == "mig")
    assert set(sliced["profile"]) == {"4g.20gb", "2g.10gb", "1g.5gb"}
    turns = devices.filter(pl.col("sharing") == "time-slicing").group_by("device", "hour")
    assert (turns.agg(pl.n_unique("activity", "memory_used_mib"))["activity"] == 1).all()


def test_one_node_is_not_measured_and_its_pods_hold_its_gpu_all_the_same(
    devices: pl.DataFrame, world: World
) -> None:
    ((cluster, pool, slot),) = UNMEASURED
    node = f"{cluster}-{pool}-{slot}-2026-11"
    assert devices.filter(pl.col("node") == node).is_empty()
    found = world.usage(cluster, FIRST + DAY, FIRST + 2 * DAY)
    assert found["node_hours"].filter(pl.col("node") == node)["gpus"].to_list()[0] == 1
    assert found["pod_hours"].filter(pl.col("node") == node)["gpu_request_hours"].sum() > 0


def test_model_servers_say_how_much_they_are_asked_and_notebooks_do_not(devices: pl.DataFrame) -> None:
    asked = dict(devices.group_by("holder").agg(pl.max("requests")).iter_rows())
    assert asked["prod-eu/ml-serving/reranker"] > 1
    assert asked["prod-eu/ml-dev/vllm-experiment"] == 0
    assert asked["prod-eu/notebooks/notebook-hugo"] is None
    assert asked["ml-train/training/train-nightly"] is None


def test_memory_and_power_stay_within_the_card(devices: pl.DataFrame) -> None:
    limits = {card.model: card.watts for card in CARDS.values()}
    assert (devices["memory_used_mib"] <= devices["memory_total_mib"]).all()
    power = devices.with_columns(limit=pl.col("model").replace_strict(limits))
    assert (power["power_watts"] <= power["limit"]).all()
    idle = power.filter("idle")
    assert (idle["power_watts"] < 0.6 * idle["limit"]).all()


def test_labels_do_not_depend_on_the_window_they_are_asked_in() -> None:
    year = idle_gpus(7, date(2026, 1, 1), date(2027, 1, 1))
    assert len({one.id for one in year}) == len(year)
    assert {one.kind for one in year} == {HELD, FREE}
    part = idle_gpus(7, date(2026, 5, 3), date(2026, 8, 2))
    assert part == [one for one in year if date(2026, 5, 3) <= one.start.date() < date(2026, 8, 2)]


def test_the_money_of_an_idle_gpu_is_what_its_machine_costs(world: World) -> None:
    (free,) = [
        one for one in idle_gpus(7, date(2026, 10, 1), date(2026, 10, 2)) if one.kind == FREE and one.money
    ]
    bill = world.bill("aws", "2026-10", seen_at=NOW).filter(
        pl.col("ResourceName").is_in(free.resources), pl.col("SkuMeter").str.contains("BoxUsage")
    )
    assert (
        bill.filter(pl.col("ChargePeriodStart") < free.start + 30 * DAY)["EffectiveCost"].sum() == free.money
    )


def test_the_page_of_the_demo_names_every_idle_gpu(root: Path) -> None:
    page = (root / "docs/demo.md").read_text(encoding="utf-8")
    for label in idle_gpus(7, date(2026, 11, 1), date(2026, 12, 1)):
        for name in label.resources:
            assert f"`{name.removesuffix('-2026-11')}`" in page, name
