"""The collector of a cluster: lists once, watches from there, and counts only what it saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kube_clusters import Watched, row, rows, watching
from kube_objects import a_node, a_pod, at, owned, owned_by, stamp

from collectors.interface import UsageCollector
from domain.errors import SourceError
from domain.resource import Gone, Resource, ResourceId, Unknown

GPU = "nvidia.com/gpu"


@pytest.fixture
def prod(tmp_path: Path) -> Iterator[Watched]:
    with watching(tmp_path) as made:
        yield made


def pod_id(name: str = "web-1", uid: str = "") -> ResourceId:
    return ResourceId(place="prod", kind="pod", namespace="shop", name=name, uid=uid)


def test_it_is_a_collector_of_usage(prod: Watched) -> None:
    assert isinstance(prod.collector, UsageCollector)


def test_a_whole_hour_has_requests_over_time_and_no_usage(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="500m", memory="2Gi"))
    assert prod.collect("10:00") == []
    batch = prod.hour("11:01")
    found = row(batch, "pod_hours")
    assert (found["alive_seconds"], found["cpu_request_hours"], found["memory_request_hours"]) == (
        3600,
        0.5,
        2,
    )
    assert (found["cpu_hours"], found["cpu_used_hours"], found["egress_gib"]) == (0.5, None, None)
    assert (batch.start, batch.end, batch.notes) == (at("10:00"), at("11:00"), ())
    node = row(batch, "node_hours")
    assert (node["alive_seconds"], node["cpu_cores"], node["memory_gib"]) == (3600, 8, 32)
    assert node["provider_id"] == "aws:///eu-central-1a/i-0abc"


def test_a_steady_round_lists_nothing_and_sends_next_to_nothing(prod: Watched) -> None:
    for number in range(50):
        prod.peer.put("pods", a_pod(f"web-{number}", cpu="1"))
    prod.collect("10:00")
    listed, sent = len(prod.peer.lists), prod.peer.bytes_sent
    prod.collect("10:05")
    assert len(prod.peer.lists) == listed
    assert prod.peer.bytes_sent - sent < 2**20


def test_a_restart_goes_on_from_the_last_version_without_a_list(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="1"))
    prod.collect("10:00")
    prod.collect("10:30")
    listed = [asked for asked in prod.peer.lists if asked.status == 200]
    prod.restart()
    batch = prod.hour("11:01")
    assert [asked for asked in prod.peer.lists if asked.status == 200] == listed
    assert row(batch, "pod_hours")["alive_seconds"] == 3600
    assert batch.notes == ()


def test_an_in_place_resize_keeps_both_values_over_time(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="1", memory="1Gi"))
    prod.collect("10:00")
    prod.peer.put("pods", a_pod(uid="u1", cpu="3", memory="1Gi", written="10:15"))
    prod.collect("10:30")
    found = row(prod.hour("11:00"), "pod_hours")
    assert found["cpu_request_hours"] == pytest.approx(0.25 * 1 + 0.75 * 3)
    assert found["memory_request_hours"] == pytest.approx(1)


def test_a_pod_name_with_another_uid_is_another_pod(prod: Watched) -> None:
    prod.peer.put("pods", a_pod("db-0", uid="old", cpu="1"))
    prod.collect("10:00")
    prod.peer.drop("pods", "db-0", "shop")
    prod.peer.put("pods", a_pod("db-0", uid="new", cpu="2", started="10:30"))
    prod.peer.store.compact()  # not even the end of the old one is told
    batch = prod.collect("10:10")
    prod.collect("10:40")
    (batch,) = prod.collect("11:00")
    found = {one["uid"]: one for one in rows(batch, "pod_hours")}
    assert found["new"]["alive_seconds"] == 1800
    assert "old" not in found or found["old"]["alive_seconds"] <= 600


def test_a_pod_that_lived_between_two_looks_is_counted_by_its_own_times(prod: Watched) -> None:
    prod.collect("10:00")
    job = owned_by("Job", "import", "job-import")
    prod.peer.put("jobs", owned("Job", "import", owners=owned_by("CronJob", "nightly", "c1")))
    prod.peer.put("pods", a_pod("import-x", uid="j", cpu="2", started="10:05", owners=job))
    ended = a_pod("import-x", uid="j", cpu="2", started="10:05", ended="10:20", phase="Succeeded", owners=job)
    prod.peer.put("pods", ended)
    prod.peer.drop("pods", "import-x", "shop")
    found = row(prod.hour("11:00"), "pod_hours")
    assert (found["alive_seconds"], found["cpu_request_hours"]) == (900, 0.5)
    assert (found["workload_kind"], found["workload"]) == ("CronJob", "nightly")


def test_a_finished_pod_costs_nothing_more(prod: Watched) -> None:
    prod.peer.put("pods", a_pod("done", uid="d", cpu="4", ended="09:00", phase="Succeeded"))
    prod.peer.put("pods", a_pod("pulling", uid="p", cpu="4", phase="Pending"))
    prod.collect("10:00")
    assert rows(prod.hour("11:00"), "pod_hours") == []


def test_the_workload_is_the_top_of_the_owner_chain(prod: Watched) -> None:
    prod.peer.put("deployments", owned("Deployment", "web"))
    above = owned_by("Deployment", "web", "deployment-web")
    prod.peer.put("replicasets", owned("ReplicaSet", "web-7f", owners=above))
    prod.peer.put("pods", a_pod("a", uid="a", owners=owned_by("ReplicaSet", "web-7f", "replicaset-web-7f")))
    gone = owned_by("ReplicaSet", "api-9c", "gone")
    prod.peer.put("pods", a_pod("b", uid="b", owners=gone, labels={"pod-template-hash": "9c"}))
    prod.peer.put("pods", a_pod("c", uid="c", owners=owned_by("RayCluster", "train", "r")))
    prod.peer.put("pods", a_pod("d", uid="d"))
    prod.collect("10:00")
    batch = prod.hour("11:00")
    found = {one["uid"]: (one["workload_kind"], one["workload"]) for one in rows(batch, "pod_hours")}
    assert found == {
        "a": ("Deployment", "web"),
        "b": ("Deployment", "api"),
        "c": ("RayCluster", "train"),
        "d": ("Pod", "d"),
    }


def test_an_hour_seen_in_part_says_so_and_counts_no_more(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="1"))
    prod.collect("10:40")
    batch = prod.hour("11:00")
    assert row(batch, "pod_hours")["alive_seconds"] == 1200
    assert row(batch, "node_hours")["alive_seconds"] == 1200
    assert batch.notes == ("2026-11-20 10:00: 20 of 60 minutes observed; the rest is not counted",)


def test_a_long_gap_without_history_is_not_counted(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="1"))
    prod.collect("10:00")
    prod.collect("10:10")
    prod.peer.store.compact()
    prod.collect("10:50")
    batch = prod.hour("11:00")
    assert row(batch, "pod_hours")["alive_seconds"] == 1200
    assert any("nobody watched from 10:10 to 10:50" in note for note in batch.notes)


def test_a_short_gap_is_bridged_by_what_stands_on_both_sides(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="1"))
    prod.collect("10:00")
    prod.collect("10:30")
    prod.peer.store.compact()
    prod.collect("10:35")
    batch = prod.hour("11:00")
    assert row(batch, "pod_hours")["alive_seconds"] == 3600
    assert any("events were missed" in note for note in batch.notes)


def test_hours_are_given_again_until_they_are_stored(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="1"))
    prod.collect("10:00")
    first = list(prod.look("11:00").batches)
    again = list(prod.look("12:01").batches)
    assert [batch.start for batch in first] == [at("10:00")]
    assert [batch.start for batch in again] == [at("10:00"), at("11:00")]
    prod.cursor = dict(again[0].cursor)
    assert [batch.start for batch in prod.look("12:02").batches] == [at("11:00")]


def test_a_failed_round_loses_nothing_once_the_api_is_back(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="u1", cpu="1"))
    prod.collect("10:00")
    prod.peer.broken.add("pods")
    with pytest.raises(SourceError, match="pods"):
        prod.collect("10:20")
    assert [type(one) for one in prod.collector.list("pod")] == [Unknown]
    prod.peer.broken.clear()
    assert row(prod.hour("11:00"), "pod_hours")["alive_seconds"] == 3600
    assert [type(one) for one in prod.collector.list("pod")] == [Resource]


def test_a_kind_that_may_not_be_read_is_noted_and_not_asked_for_every_round(prod: Watched) -> None:
    prod.peer.forbidden.add(("list", "services"))
    notes = prod.look("10:00").notes
    assert any("services could not be read" in note for note in notes)
    asked = len([one for one in prod.peer.lists if one.path.endswith("/services")])
    prod.look("10:05")
    assert len([one for one in prod.peer.lists if one.path.endswith("/services")]) == asked
    prod.peer.forbidden.clear()
    assert prod.look("11:01").notes == ()


@pytest.mark.parametrize("left", [0, 3])
def test_a_listing_that_suddenly_shrank_is_not_believed_at_once(prod: Watched, left: int) -> None:
    for number in range(30):
        prod.peer.put("pods", a_pod(f"web-{number}", uid=f"u{number}", cpu="1"))
    prod.collect("10:00")
    prod.collect("10:04")
    for number in range(left, 30):
        prod.peer.drop("pods", f"web-{number}", "shop")
    prod.peer.store.compact()
    with pytest.raises(SourceError, match="suddenly"):
        prod.collect("10:05")
    (unknown,) = prod.collector.list("pod")
    assert isinstance(unknown, Unknown)
    assert "suddenly" in unknown.reason
    prod.collect("10:10")
    assert len(rows(prod.hour("11:00"), "pod_hours")) == 30
    assert len(rows(prod.hour("12:00"), "pod_hours")) == left


def test_nothing_listed_is_never_nothing_there(prod: Watched) -> None:
    prod.collect("10:00")
    (unknown,) = prod.collector.list("pod")
    assert isinstance(unknown, Unknown)
    (node,) = prod.collector.list("node")
    assert isinstance(node, Resource)
    (other,) = prod.collector.list("secret")
    assert isinstance(other, Unknown)


def test_an_object_is_read_anew_from_the_api(prod: Watched) -> None:
    prod.peer.put("deployments", owned("Deployment", "web") | {"spec": {"replicas": 3}})
    which = ResourceId(place="prod", kind="deployment", namespace="shop", name="web")
    found = prod.collector.get(which)
    assert isinstance(found, Resource)
    assert (found.state["replicas"], found.state["ready"], found.id.uid) == (3, 0, "deployment-web")
    prod.peer.put("deployments", owned("Deployment", "web") | {"spec": {}})
    changed = prod.collector.get(which)
    assert isinstance(changed, Resource)
    assert changed.state["replicas"] == 0


def test_only_who_would_know_says_gone(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="new"))
    assert isinstance(prod.collector.get(pod_id()), Resource)
    assert isinstance(prod.collector.get(pod_id("nobody")), Gone)
    assert isinstance(prod.collector.get(pod_id(uid="old")), Gone)
    elsewhere = ResourceId(place="other", kind="pod", namespace="shop", name="web-1")
    assert isinstance(prod.collector.get(elsewhere), Unknown)
    prod.peer.forbidden.add(("get", "pods"))
    assert isinstance(prod.collector.get(pod_id("nobody")), Unknown)
    claim = ResourceId(place="prod", kind="resourceclaim", namespace="shop", name="gpu")
    assert isinstance(prod.collector.get(claim), Unknown)  # a path that the server does not have


def test_an_overloaded_server_is_waited_for(prod: Watched) -> None:
    prod.peer.refuse_next = 3
    prod.collect("10:00")
    assert prod.cluster.timeline.feeds["node"].items


def test_namespaces_that_are_left_out_are_not_kept(tmp_path: Path) -> None:
    with watching(tmp_path, leave_out_namespaces=("sandbox",)) as prod:
        prod.peer.put("pods", a_pod(uid="a", cpu="1"))
        prod.peer.put("pods", a_pod("x", namespace="sandbox", uid="b", cpu="1"))
        prod.collect("10:00")
        prod.peer.put("pods", a_pod("y", namespace="sandbox", uid="c", cpu="1"))
        assert [one["uid"] for one in rows(prod.hour("11:00"), "pod_hours")] == ["a"]


def test_objects_come_with_their_labels_once_and_then_when_they_change(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="a", labels={"app": "web"}))
    service = {"metadata": {"name": "web", "namespace": "shop", "uid": "s"}}
    service["status"] = {"loadBalancer": {"ingress": [{"hostname": "lb-1.elb.amazonaws.com"}]}}  # type: ignore[assignment]  # JSON
    prod.peer.put("services", service)
    prod.collect("10:00")
    first = prod.hour("11:00")
    assert row(first, "objects", uid="a")["labels"] == {"app": "web"}
    assert row(first, "objects", uid="s")["address"] == "lb-1.elb.amazonaws.com"
    assert row(first, "objects", kind="namespace")["labels"] == {"team": "shop"}
    prod.peer.put("pods", a_pod(uid="a", labels={"app": "web", "team": "x"}))
    second = prod.hour("12:00")
    assert [one["uid"] for one in rows(second, "objects")] == ["a"]
    assert row(second, "objects")["labels"] == {"app": "web", "team": "x"}


def test_volumes_name_the_pods_that_hold_them(prod: Watched) -> None:
    spec = {"capacity": {"storage": "20Gi"}, "claimRef": {"namespace": "shop", "name": "data"}}
    disk = {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-0abc"}}
    prod.peer.put("persistentvolumes", {"metadata": {"name": "pv-1"}, "spec": spec | disk})
    prod.peer.put(
        "persistentvolumes", {"metadata": {"name": "pv-2"}, "spec": {"capacity": {"storage": "1Gi"}}}
    )
    prod.peer.put("pods", a_pod("db-0", uid="db", claims=("data",)))
    prod.collect("10:00")
    batch = prod.hour("11:00")
    held = row(batch, "volume_hours", volume="pv-1")
    assert (held["volume_id"], held["uid"], held["claim"], held["size_gib"]) == ("vol-0abc", "db", "data", 20)
    assert row(batch, "volume_hours", volume="pv-2")["uid"] is None


def test_the_tightest_of_several_quotas_counts(prod: Watched) -> None:
    def quota(name: str, cpu: str) -> dict[str, object]:
        hard = {"requests.cpu": cpu, "limits.cpu": "99", f"requests.{GPU}": "4", "memory": "1Gi"}
        used = {"requests.cpu": "500m", f"requests.{GPU}": "1", "memory": "512Mi"}
        return {"metadata": {"name": name, "namespace": "shop"}, "status": {"hard": hard, "used": used}}

    prod.peer.put("resourcequotas", quota("wide", "40"))
    prod.peer.put("resourcequotas", quota("tight", "10"))
    prod.collect("10:00")
    found = {one["resource"]: (one["hard"], one["used"]) for one in rows(prod.hour("11:00"), "quota_hours")}
    assert found == {"cpu": (10, 0.5), "gpu": (4, 1), "memory": (1, 0.5)}


def test_shared_gpus_are_counted_as_parts_of_devices(prod: Watched) -> None:
    labels = {
        "nvidia.com/gpu.count": "2",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.product": "NVIDIA-L4-SHARED",
    }
    prod.peer.put("nodes", a_node("gpu-1", labels=labels, **{GPU: "8"}))
    prod.peer.put("pods", a_pod("a", uid="a", node="gpu-1", **{GPU: "1"}))
    prod.collect("10:00")
    batch = prod.hour("11:00")
    node = row(batch, "node_hours", node="gpu-1")
    assert (node["gpus"], node["gpu_model"]) == (2, "NVIDIA-L4")
    assert row(batch, "pod_hours")["gpu_request_hours"] == 0.25


def test_a_node_counts_from_when_it_was_made_until_it_went(prod: Watched) -> None:
    prod.collect("10:00")
    prod.peer.put("nodes", a_node("late", created="10:30"))
    prod.collect("10:35")
    prod.collect("10:40")
    prod.peer.drop("nodes", "node-1")
    prod.collect("10:45")
    found = {one["node"]: one["alive_seconds"] for one in rows(prod.hour("11:00"), "node_hours")}
    assert found == {"late": 1800, "node-1": 2700}


def test_a_damaged_spool_is_left_and_everything_listed_again(prod: Watched) -> None:
    prod.collect("10:00")
    prod.cluster.file.write_bytes(b"not what was written")
    prod.restart()
    prod.collect("10:30")
    assert prod.hour("11:00").notes == (
        "2026-11-20 10:00: 30 of 60 minutes observed; the rest is not counted",
    )


def test_a_daemon_keeps_its_watches_open_and_needs_no_round_for_them(prod: Watched) -> None:
    prod.restart(follows=True)
    prod.collect("10:00")
    prod.collect("10:05")
    assert prod.cluster.is_followed
    prod.peer.put("pods", a_pod(uid="live", cpu="1", started="10:06"))
    pods = prod.cluster.timeline.feeds["pod"]
    deadline = time.monotonic() + 10
    while not pods.items and time.monotonic() < deadline:
        time.sleep(0.02)
    watches, lists = prod.cluster.api.watches, prod.cluster.api.lists
    batch = prod.hour("11:00")
    assert row(batch, "pod_hours")["alive_seconds"] == 54 * 60
    assert (prod.cluster.api.watches, prod.cluster.api.lists) == (watches, lists)
    prod.cluster.close()


def test_a_daemon_watches_what_it_may_read_since_an_hour_after_it_was_refused(prod: Watched) -> None:
    prod.restart(follows=True)
    prod.peer.forbidden |= {("list", "services"), ("watch", "services")}
    prod.collect("10:00")
    prod.collect("10:05")
    assert "services could not be read" in " ".join(prod.look("10:10").notes)
    prod.peer.forbidden.clear()
    prod.collect("11:20")
    services = prod.cluster.timeline.feeds["service"]
    deadline = time.monotonic() + 10
    while not services.version and time.monotonic() < deadline:
        time.sleep(0.02)
    assert services.version
    prod.cluster.close()


def test_a_clock_that_is_set_back_counts_nothing_twice(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="a", cpu="1", started="09:00"))
    prod.collect("10:00")
    prod.collect("10:30")
    prod.collect("10:24")
    batch = prod.hour("11:00")
    assert row(batch, "pod_hours")["alive_seconds"] == 3600
    assert row(batch, "node_hours")["alive_seconds"] == 3600


def test_a_cluster_that_cannot_be_reached_says_what_to_do(prod: Watched) -> None:
    prod.cluster.api.client.configuration.host = "http://127.0.0.1:1"
    with pytest.raises(SourceError, match="could not be reached") as caught:
        prod.collect("10:00")
    assert "kubectl get nodes" in caught.value.hint


def test_times_are_those_of_the_api(prod: Watched) -> None:
    prod.peer.put("pods", a_pod(uid="a", started="09:00"))
    prod.collect("10:00")
    (pod,) = prod.collector.list("pod")
    assert isinstance(pod, Resource)
    assert (pod.created_at, pod.seen_at, stamp("09:00")) == (at("09:00"), at("10:00"), "2026-11-20T09:00:00Z")
