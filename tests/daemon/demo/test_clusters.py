"""What ran on the demo company's clusters: it fits the nodes, the nodes are billed, and actions show."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

from daemon.clock import FixedClock
from daemon.demo.actions import Action, Verb
from daemon.demo.cluster_objects import BARE_NAMESPACES
from daemon.demo.kubernetes import pools
from daemon.demo.world import World
from domain.errors import UsageError
from domain.usage import FRAMES

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
DAY = timedelta(days=1)
BUSY_DAY = datetime(2026, 11, 12, tzinfo=UTC)
CLUSTERS = ("prod-eu", "ml-train")


def a_world(folder: Path, now: datetime = NOW) -> World:
    return World(seed=7, folder=folder, clock=FixedClock(at=now))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return a_world(tmp_path_factory.mktemp("world"))


def days(world: World, cluster: str, frame: str, first: datetime, count: int) -> pl.DataFrame:
    found = (world.usage(cluster, first + n * DAY, first + (n + 1) * DAY)[frame] for n in range(count))
    return pl.concat(found)


def test_gives_every_frame_of_the_two_clusters(world: World) -> None:
    assert world.clusters() == CLUSTERS
    for cluster in CLUSTERS:
        found = world.usage(cluster, BUSY_DAY, BUSY_DAY + DAY)
        assert {name: frame.schema for name, frame in found.items()} == dict(FRAMES)
        for name, frame in found.items():
            assert not frame.is_empty(), name
            assert set(frame["cluster"]) == {cluster}
            if "hour" in frame.columns:
                assert frame["hour"].min() == BUSY_DAY
                assert frame["hour"].max() == BUSY_DAY + timedelta(hours=23)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_keys_are_unique(cluster: str, world: World) -> None:
    found = world.usage(cluster, BUSY_DAY, BUSY_DAY + DAY)
    for name, key in {
        "node_hours": ("hour", "node"),
        "pod_hours": ("hour", "node", "uid"),
        "device_hours": ("hour", "device", "instance", "uid", "seconds"),
        "volume_hours": ("hour", "volume"),
        "quota_hours": ("hour", "namespace", "resource"),
        "objects": ("kind", "uid"),
    }.items():
        assert found[name].select(key).is_unique().all(), name


def test_gives_the_same_bytes_in_another_process(world: World, tmp_path: Path, root: Path) -> None:
    script = (
        "import sys; from datetime import UTC, datetime, timedelta\n"
        "from hashlib import sha256; from pathlib import Path\n"
        "from daemon.clock import FixedClock; from daemon.demo.world import World\n"
        "now = datetime(2027, 3, 1, tzinfo=UTC)\n"
        "world = World(seed=7, folder=Path(sys.argv[1]), clock=FixedClock(at=now))\n"
        "day = datetime(2026, 11, 12, tzinfo=UTC)\n"
        "for cluster in world.clusters():\n"
        "    found = world.usage(cluster, day, day + timedelta(days=1))\n"
        "    text = ''.join(frame.write_json() for frame in found.values())\n"
        "    print(sha256(text.encode()).hexdigest())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, text=True, cwd=root
    )
    mine = (world.usage(cluster, BUSY_DAY, BUSY_DAY + DAY) for cluster in CLUSTERS)
    texts = ("".join(frame.write_json() for frame in found.values()) for found in mine)
    assert done.stdout.split() == [sha256(text.encode()).hexdigest() for text in texts]


def test_an_hour_asked_alone_is_that_hour_of_its_day(world: World) -> None:
    hour = BUSY_DAY + timedelta(hours=9)
    for cluster in CLUSTERS:
        alone = world.usage(cluster, hour, hour + timedelta(hours=1))
        whole = world.usage(cluster, BUSY_DAY, BUSY_DAY + DAY)
        for name in set(FRAMES) - {"objects"}:
            expected = whole[name].filter(pl.col("hour") == hour)
            assert alone[name].sort(pl.all()).equals(expected.sort(pl.all())), name


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_pods_fit_their_nodes_and_run_nowhere_else(cluster: str, world: World) -> None:
    nodes = days(world, cluster, "node_hours", BUSY_DAY - 3 * DAY, 7)
    pods = days(world, cluster, "pod_hours", BUSY_DAY - 3 * DAY, 7)
    assert (pods["alive_seconds"] <= 3600).all()
    asked = pods.group_by("hour", "node").agg(
        pl.sum("cpu_request_hours", "memory_request_hours", "gpu_request_hours")
    )
    joined = asked.join(nodes, on=["hour", "node"], how="left")
    assert joined["cpu_cores"].null_count() == 0
    assert (joined["cpu_request_hours"] <= joined["cpu_cores"] + 1e-9).all()
    assert (joined["memory_request_hours"] <= joined["memory_gib"] + 1e-9).all()
    assert (joined["gpu_request_hours"] <= joined["gpus"] + 1e-9).all()
    assert len(joined) == len(nodes)  # no node without a pod: agents run on every one
    agents = pods.filter(pl.col("workload") == "kube-proxy").join(nodes, on=["hour", "node"], how="semi")
    assert len(agents) == len(nodes)


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_is_used_and_requested_folds_as_usage_does(cluster: str, world: World) -> None:
    pods = days(world, cluster, "pod_hours", BUSY_DAY, 1)
    for name in ("cpu", "memory"):
        request, used, most = (pods[f"{name}_{part}hours"] for part in ("request_", "used_", ""))
        assert (most >= request - 1e-9).all()
        assert (most >= used - 1e-9).all()
        assert (most <= request + used).all()


def test_some_request_too_much_and_some_use_more_than_they_asked_for(world: World) -> None:
    pods = days(world, "prod-eu", "pod_hours", BUSY_DAY, 1)
    total = pods.group_by("namespace", "workload").agg(pl.sum("^(cpu|memory)_(request|used)_hours$"))
    ratio = {
        (row["namespace"], row["workload"]): row["cpu_used_hours"] / row["cpu_request_hours"]
        for row in total.iter_rows(named=True)
    }
    assert ratio["search", "search-api"] < 0.2
    assert ratio["dev", "search-api"] < 0.01
    assert ratio["data-ingest", "ingest-gateway"] > 1
    assert 0.3 < ratio["shop", "shop-web"] < 0.7


def test_nights_are_quieter_than_evenings(world: World) -> None:
    pods = days(world, "prod-eu", "pod_hours", BUSY_DAY, 1).filter(pl.col("workload") == "shop-web")
    used = dict(pods.group_by(pl.col("hour").dt.hour()).agg(pl.sum("cpu_used_hours")).iter_rows())
    assert used[3] * 3 < used[19]


def test_names_return_with_other_uids(world: World) -> None:
    pods = days(world, "prod-eu", "pod_hours", datetime(2026, 10, 20, tzinfo=UTC), 20)
    own = pods.filter(pl.col("workload_kind") == "StatefulSet").select("pod", "uid").unique()
    assert own.group_by("pod").len()["len"].max() > 1
    rolled = pods.filter(pl.col("workload") == "checkout", pl.col("alive_seconds") < 3300)
    assert rolled.group_by("hour", "node").len()["len"].max() > 1  # the old one and the new one


def test_a_uid_is_one_pod_on_one_node_without_a_break(world: World) -> None:
    pods = days(world, "prod-eu", "pod_hours", BUSY_DAY - 3 * DAY, 7)
    lives = pods.group_by("uid").agg(
        pl.n_unique("node", "pod"),
        pl.len().alias("hours"),
        ((pl.max("hour") - pl.min("hour")).dt.total_hours() + 1).alias("length"),
    )
    assert set(lives["node"]) == set(lives["pod"]) == {1}
    assert (lives["hours"] == lives["length"]).all()


@pytest.mark.parametrize(("cluster", "provider"), [("prod-eu", "aws"), ("ml-train", "gcp")])
def test_every_node_hour_is_billed_under_its_provider_id(cluster: str, provider: str, world: World) -> None:
    """AWS by the id of the machine; Google's bill has the project, the zone and the machine's name."""
    nodes = days(world, cluster, "node_hours", BUSY_DAY - 2 * DAY, 5)
    prefix = {"aws": "aws:///", "gcp": "gce://"}[provider]
    where = pl.col("ResourceId").str.extract("/zones/([^/]+)/instances/")
    key = {
        "aws": ("AvailabilityZone", "ResourceId"),
        "gcp": ("SubAccountId", where, "ResourceName"),
    }[provider]
    bill = world.bill(provider, "2026-11", seen_at=BUSY_DAY + 40 * DAY)
    machines = bill.filter(pl.col("SkuMeter").str.contains("BoxUsage|Core running"))
    billed = machines.group_by(
        pl.concat_str(*key, separator="/").alias("key"), pl.col("ChargePeriodStart").dt.date().alias("day")
    ).agg(pl.sum("PricingQuantity").cast(pl.Float64).alias("billed"))
    hours = nodes.group_by(
        pl.col("provider_id").str.strip_prefix(prefix).alias("key"),
        pl.col("hour").dt.date().alias("day"),
        pl.col("cpu_cores").alias("cores"),
    ).len("hours")
    joined = hours.join(billed, on=["key", "day"], how="left")
    assert joined["billed"].null_count() == 0
    unit = 1 if provider == "aws" else joined["cores"]  # Google sells machines by the core
    assert (joined["billed"] == joined["hours"] * unit).all()


def test_volumes_are_billed_and_one_is_mounted_by_nobody(world: World) -> None:
    ids = [
        path
        for cluster in CLUSTERS
        for path in days(world, cluster, "volume_hours", BUSY_DAY, 1)["volume_id"].unique()
    ]
    bills = pl.concat(world.bill(provider, "2026-11", seen_at=NOW) for provider in ("aws", "gcp"))
    billed = set(bills["ResourceId"].drop_nulls())
    assert all(path in billed or f"//compute.googleapis.com/{path}" in billed for path in ids)
    held = days(world, "prod-eu", "volume_hours", BUSY_DAY, 1)
    holders = dict(held.group_by("volume").agg(pl.col("uid").drop_nulls().n_unique()).iter_rows())
    assert holders == {"prometheus-data-0": 1, "prometheus-data-1": 1, "search-index-2025": 0}


def test_a_namespace_may_say_whose_it_is_where_its_pods_do_not(world: World) -> None:
    seen = world.usage("prod-eu", BUSY_DAY, BUSY_DAY + DAY)["objects"]
    labels = {
        (row["kind"], row["namespace"], row["name"]): dict(row["labels"])
        for row in seen.iter_rows(named=True)
    }
    for name in (one.partition("/")[2] for one in BARE_NAMESPACES):
        assert "team" in labels["namespace", None, name]
        pods = [found for (kind, space, _), found in labels.items() if (kind, space) == ("pod", name)]
        assert pods
        assert not any("team" in found for found in pods)
    assert any(found.get("team") == "web" for (kind, *_), found in labels.items() if kind == "pod")


def test_quotas_are_kept(world: World) -> None:
    for cluster in CLUSTERS:
        found = days(world, cluster, "quota_hours", BUSY_DAY, 1)
        assert (found["used"] <= found["hard"] + 1e-9).all()
        assert found.filter(pl.col("resource") == "gpu")["used"].max() > 0


def test_scaling_to_zero_frees_the_gpu_and_takes_the_node_away(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    noon = BUSY_DAY + timedelta(hours=12)
    before = world.usage("prod-eu", BUSY_DAY, BUSY_DAY + DAY)
    for name in ("prod-eu/ml-dev/vllm-experiment", "prod-eu/notebooks/notebook-greta"):
        assert world.record(Action(at=noon, verb=Verb.SCALE, target=name, replicas=0))
    after = world.usage("prod-eu", BUSY_DAY, BUSY_DAY + DAY)
    early, late = pl.col("hour") < noon, pl.col("hour") >= noon
    for frame in set(FRAMES) - {"objects"}:
        morning = (found[frame].filter(early).sort(pl.all()) for found in (before, after))
        assert next(morning).equals(next(morning)), frame
    stopped = after["pod_hours"].filter(late, pl.col("workload").is_in(["vllm-experiment", "notebook-greta"]))
    assert stopped.is_empty()
    fewer = before["node_hours"].filter(late).group_by("hour").len().sort("hour")["len"]
    assert (after["node_hours"].filter(late).group_by("hour").len().sort("hour")["len"] == fewer - 1).all()
    shared = after["device_hours"].filter(late, pl.col("sharing") == "time-slicing", pl.col("uid").is_null())
    assert shared["seconds"].to_list() == [3600.0] * 12


def test_a_guest_can_be_stopped(tmp_path: Path) -> None:
    world = a_world(tmp_path)
    assert world.record(Action(at=BUSY_DAY, verb=Verb.STOP, target="prod-eu/notebooks/notebook-ines"))
    pods = world.usage("prod-eu", BUSY_DAY, BUSY_DAY + DAY)["pod_hours"]
    assert pods.filter(pl.col("workload") == "notebook-ines").is_empty()
    assert not pods.filter(pl.col("workload") == "notebook-greta").is_empty()


def test_refuses_what_is_not_a_day_of_a_cluster(world: World) -> None:
    with pytest.raises(UsageError, match="no cluster 'prod-us'"):
        world.usage("prod-us", BUSY_DAY, BUSY_DAY + DAY)
    with pytest.raises(UsageError, match="not hours of one day"):
        world.usage("prod-eu", BUSY_DAY, BUSY_DAY + 2 * DAY)


def test_most_of_what_is_wanted_runs(world: World) -> None:
    """Waiting for room is for the busiest hours of the year."""
    nodes = days(world, "prod-eu", "node_hours", datetime(2026, 11, 27, tzinfo=UTC), 1)
    (general,) = [pool for pool in pools() if pool.name == "general"]
    most = nodes.filter(pl.col("instance_type") == "m6i.2xlarge").group_by("hour").len()["len"].max()
    assert most == general.most
    pods = days(world, "prod-eu", "pod_hours", BUSY_DAY, 1)
    assert pods.filter(pl.col("workload") == "coredns")["alive_seconds"].sum() > 0.99 * 4 * 24 * 3600
