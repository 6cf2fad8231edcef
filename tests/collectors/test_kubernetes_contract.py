"""How a Kubernetes API behaves, said once: the peer of these tests and a real control plane both do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from kube_planes import Plane, fake_plane, real_plane
from kubernetes.client.exceptions import ApiException

from collectors.kubernetes.access import LIST, ONE, WHOLE, RefusedError

Json = dict[str, Any]
POD_SPEC = {
    "containers": [{"name": "main", "image": "x"}],
    "terminationGracePeriodSeconds": 1,
    "schedulerName": "nobody",  # a real scheduler would write into the status
}


@pytest.fixture(params=["fake", "real"])
def plane(request: pytest.FixtureRequest) -> Iterator[Plane]:
    if request.param == "fake":
        with fake_plane() as made:
            yield made
    else:
        yield request.getfixturevalue("real")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with real_plane(tmp_path_factory.mktemp("plane")) as made:
        yield made


def named(plane: Plane) -> str:
    """A namespace of this test alone."""
    plane.prefix = f"costd-{time.monotonic_ns():x}"
    return plane.namespace("a", team="shop")


def pod(namespace: str, name: str, **labels: str) -> Json:
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"metadata": meta, "spec": POD_SPEC}


def deployment(namespace: str, name: str = "web", replicas: int = 2) -> Json:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": spec}


def events(plane: Plane, path: str, *, seconds: int = 1, accept: str = WHOLE, **query: str) -> list[Json]:
    asked = {"watch": "1", "timeoutSeconds": str(seconds), **query}
    return [orjson.loads(line) for line in plane.reader().lines(path, asked, accept)]


def refused(plane: Plane, *args: Any, **kwargs: Any) -> int:
    with pytest.raises(ApiException) as caught:
        plane.call(*args, **kwargs)
    status: int = caught.value.status
    return status


def test_pages_of_a_list_are_of_one_version_and_complete(plane: Plane) -> None:
    space = named(plane)
    for number in range(5):
        plane.make("pods", pod(space, f"p{number}"))
    path = plane.path("pods", space)
    first = plane.call("GET", path, limit="2")
    plane.make("pods", pod(space, "p9"))
    second = plane.call("GET", path, limit="3", **{"continue": first["metadata"]["continue"]})
    names = [item["metadata"]["name"] for item in first["items"] + second["items"]]
    assert names == ["p0", "p1", "p2", "p3", "p4"]
    assert first["metadata"]["remainingItemCount"] == 3
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert not second["metadata"].get("continue")


def test_a_list_can_be_of_metadata_alone(plane: Plane) -> None:
    space = named(plane)
    plane.make("pods", pod(space, "p", app="web"))
    found = plane.reader().get(plane.path("pods", space), accept=LIST)
    assert found["kind"] == "PartialObjectMetadataList"
    (item,) = found["items"]
    assert item["metadata"]["labels"] == {"app": "web"}
    assert "spec" not in item


def test_a_watch_goes_on_from_a_version(plane: Plane) -> None:
    space = named(plane)
    plane.make("pods", pod(space, "before"))
    path = plane.path("pods", space)
    version = plane.call("GET", path)["metadata"]["resourceVersion"]
    plane.make("pods", pod(space, "after"))
    plane.set_status("pods", space, "after", {"phase": "Running"})
    plane.call("DELETE", plane.path("pods", space, "after"), {"gracePeriodSeconds": 0})
    found = events(plane, path, resourceVersion=version)
    assert [one["type"] for one in found] == ["ADDED", "MODIFIED", "DELETED"]
    assert {one["object"]["metadata"]["name"] for one in found} == {"after"}
    versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in found]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)


def test_a_watch_sends_what_happens_while_it_is_open(plane: Plane) -> None:
    space = named(plane)
    path = plane.path("pods", space)
    version = plane.call("GET", path)["metadata"]["resourceVersion"]
    timer = threading.Timer(0.3, plane.make, ("pods", pod(space, "late")))
    timer.start()
    found = events(plane, path, seconds=2, resourceVersion=version)
    timer.join()
    assert [one["object"]["metadata"]["name"] for one in found] == ["late"]


def test_a_watch_of_metadata_sends_no_spec(plane: Plane) -> None:
    space = named(plane)
    path = plane.path("pods", space)
    version = plane.call("GET", path)["metadata"]["resourceVersion"]
    plane.make("pods", pod(space, "p"))
    (one,) = events(plane, path, accept=ONE, resourceVersion=version)
    assert one["object"]["kind"] == "PartialObjectMetadata"
    assert "spec" not in one["object"]


def test_a_bookmark_moves_the_version_on_before_a_watch_ends(plane: Plane) -> None:
    space = named(plane)
    path = plane.path("services", space)
    version = plane.call("GET", path)["metadata"]["resourceVersion"]
    made = plane.make("pods", pod(space, "p"))  # another kind: the watch itself has nothing to say
    found = events(plane, path, seconds=4, resourceVersion=version, allowWatchBookmarks="true")
    assert {one["type"] for one in found} == {"BOOKMARK"}
    last = found[-1]["object"]["metadata"]["resourceVersion"]
    assert int(last) >= int(version)
    if plane.peer is not None:
        assert int(last) >= int(made["metadata"]["resourceVersion"])


def test_selectors_choose_and_tell_who_leaves(plane: Plane) -> None:
    space = named(plane)
    plane.make("pods", pod(space, "a", tier="web"))
    plane.make("pods", pod(space, "b", tier="batch"))
    path = plane.path("pods", space)

    def chosen(**query: str) -> list[str]:
        return [item["metadata"]["name"] for item in plane.call("GET", path, **query)["items"]]

    assert chosen(labelSelector="tier=web") == ["a"]
    assert chosen(labelSelector="tier!=web") == ["b"]
    assert chosen(labelSelector="tier in (web, batch)") == ["a", "b"]
    assert chosen(labelSelector="!tier") == []
    assert chosen(fieldSelector="metadata.name=b") == ["b"]
    assert refused(plane, "GET", path, fieldSelector="spec.colour=red") == 400
    version = plane.call("GET", path)["metadata"]["resourceVersion"]
    merge = "application/merge-patch+json"
    plane.call("PATCH", f"{path}/a", {"metadata": {"labels": {"tier": "batch"}}}, content=merge)
    (gone,) = events(plane, path, labelSelector="tier=web", resourceVersion=version)
    assert gone["type"] == "DELETED"


def test_a_version_before_compaction_is_gone(plane: Plane) -> None:
    space = named(plane)
    version = plane.call("GET", plane.path("pods", space))["metadata"]["resourceVersion"]
    plane.fake.store.compact()
    (one,) = events(plane, plane.path("pods", space), resourceVersion=version)
    assert (one["type"], one["object"]["code"]) == ("ERROR", 410)


def test_a_page_token_does_not_outlive_compaction(plane: Plane) -> None:
    space = named(plane)
    for number in range(3):
        plane.make("pods", pod(space, f"p{number}"))
    path = plane.path("pods", space)
    token = plane.call("GET", path, limit="1")["metadata"]["continue"]
    plane.fake.store.compact()
    assert refused(plane, "GET", path, limit="1", **{"continue": token}) == 410


def test_an_overloaded_server_says_when_to_come_again(plane: Plane) -> None:
    plane.fake.refuse_next, plane.fake.retry_after = 2, "7"
    waited: list[float] = []
    reader = plane.reader()
    reader.sleep = waited.append
    assert reader.get(plane.path("nodes"))["kind"] == "NodeList"
    assert waited == [7.0, 7.0]


def test_an_unknown_object_is_not_found_by_name(plane: Plane) -> None:
    space = named(plane)
    with pytest.raises(RefusedError) as caught:
        plane.reader().get(plane.path("pods", space, "nobody"))
    assert caught.value.status == 404
    assert caught.value.said["details"]["name"] == "nobody"


def test_who_may_not_is_refused(plane: Plane) -> None:
    plane.fake.forbidden.add(("list", "pods"))
    assert refused(plane, "GET", plane.path("pods")) == 403


def test_a_webhook_denies_by_a_status_of_400_without_a_reason(plane: Plane) -> None:
    space = named(plane)
    plane.make("deployments", deployment(space))
    plane.fake.denied_by = "policy.example.com"
    path, merge = plane.path("deployments", space, "web"), "application/merge-patch+json"
    for query in ({}, {"dryRun": "All"}):
        with pytest.raises(ApiException) as caught:
            plane.call("PATCH", path, {"spec": {"replicas": 0}}, content=merge, **query)
        said = orjson.loads(caught.value.body)
        assert (caught.value.status, said["code"], "reason" in said) == (400, 400, False)
        assert said["message"].startswith('admission webhook "policy.example.com" denied the request')
    assert plane.call("GET", path)["spec"]["replicas"] == 2


def test_a_scale_of_nothing_leaves_replicas_out(plane: Plane) -> None:
    space = named(plane)
    plane.make("deployments", deployment(space))
    path = plane.path("deployments", space, "web") + "/scale"
    assert plane.call("GET", path)["spec"] == {"replicas": 2}
    merge = "application/merge-patch+json"
    scaled = plane.call("PATCH", path, {"spec": {"replicas": 0}}, content=merge)
    assert "replicas" not in (scaled.get("spec") or {})
    whole = plane.call("GET", plane.path("deployments", space, "web"))
    assert whole["spec"]["replicas"] == 0


def test_a_stale_version_does_not_scale(plane: Plane) -> None:
    space = named(plane)
    plane.make("deployments", deployment(space))
    path = plane.path("deployments", space, "web") + "/scale"
    made = plane.settled(path)
    merge = "application/merge-patch+json"
    body = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"replicas": 1}}
    plane.call("PATCH", path, body, content=merge)
    assert refused(plane, "PATCH", path, body | {"spec": {"replicas": 0}}, content=merge) == 409


def test_a_json_patch_whose_test_fails_changes_nothing(plane: Plane) -> None:
    space = named(plane)
    plane.make("deployments", deployment(space))
    path = plane.path("deployments", space, "web")
    steps = [
        {"op": "test", "path": "/spec/replicas", "value": 7},
        {"op": "replace", "path": "/spec/replicas", "value": 0},
    ]
    patch = "application/json-patch+json"
    assert refused(plane, "PATCH", path, steps, content=patch) == 422
    assert plane.call("GET", path)["spec"]["replicas"] == 2
    steps[0]["value"] = 2
    assert plane.call("PATCH", path, steps, content=patch)["spec"]["replicas"] == 0


def test_a_strategic_patch_merges_containers_by_name(plane: Plane) -> None:
    space = named(plane)
    plane.make("deployments", deployment(space))
    path = plane.path("deployments", space, "web")
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "y"}]}}}}
    content = "application/strategic-merge-patch+json"
    found = plane.call("PATCH", path, patch, content=content)
    (container,) = found["spec"]["template"]["spec"]["containers"]
    assert (container["name"], container["image"]) == ("main", "y")


def test_preconditions_guard_a_delete(plane: Plane) -> None:
    space = named(plane)
    made = plane.make("deployments", deployment(space))
    path = plane.path("deployments", space, "web")
    assert refused(plane, "DELETE", path, {"preconditions": {"uid": "another"}}) == 409
    assert refused(plane, "DELETE", path, {"preconditions": {"resourceVersion": "1"}}) == 409
    plane.call("DELETE", path, {"preconditions": {"uid": made["metadata"]["uid"]}})
    assert refused(plane, "GET", path) == 404


def test_a_dry_run_deletes_nothing(plane: Plane) -> None:
    space = named(plane)
    plane.make("deployments", deployment(space))
    path = plane.path("deployments", space, "web")
    plane.call("DELETE", path, {"dryRun": ["All"]}, dryRun="All")
    assert plane.call("GET", path)["metadata"]["name"] == "web"


def test_a_namespace_terminates_before_it_is_gone(plane: Plane) -> None:
    space = named(plane)
    plane.call("DELETE", plane.path("namespaces", "", space), {})
    found = plane.call("GET", plane.path("namespaces", "", space))
    assert found["status"]["phase"] == "Terminating"
    assert (
        refused(
            plane, "POST", plane.path("pods", space), {"apiVersion": "v1", "kind": "Pod"} | pod(space, "p")
        )
        == 403
    )
    deadline = time.monotonic() + 10
    while plane.peer is not None and time.monotonic() < deadline:
        if not plane.call("GET", plane.path("namespaces"), fieldSelector=f"metadata.name={space}")["items"]:
            return
        time.sleep(0.05)
    assert plane.peer is None  # without a controller manager nobody finalises it


def test_an_eviction_is_refused_once_the_budget_is_used(plane: Plane) -> None:
    space = named(plane)
    for name in ("a", "b"):
        plane.make("pods", pod(space, name, app="web"))
        plane.set_status(
            "pods", space, name, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        )
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    made = plane.make(
        "poddisruptionbudgets", {"metadata": {"name": "web", "namespace": space}, "spec": budget}
    )
    allowed = {"disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2}
    allowed |= {"observedGeneration": made["metadata"].get("generation", 1)}
    plane.set_status("poddisruptionbudgets", space, "web", allowed)

    def evict(name: str) -> Json:
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": space}}
        return plane.call("POST", plane.path("pods", space, name) + "/eviction", body)

    assert evict("a")["status"] == "Success"
    with pytest.raises(ApiException) as caught:
        evict("b")
    assert caught.value.status == 429
    assert plane.call("GET", plane.path("pods", space, "b"))["metadata"]["name"] == "b"


def test_a_lease_is_taken_by_one(plane: Plane) -> None:
    space = named(plane)
    made = plane.make(
        "leases", {"metadata": {"name": "l", "namespace": space}, "spec": {"holderIdentity": "a"}}
    )
    path = plane.path("leases", space, "l")
    plane.call("PUT", path, made | {"spec": {"holderIdentity": "b"}})
    assert refused(plane, "PUT", path, made | {"spec": {"holderIdentity": "c"}}) == 409
    assert plane.call("GET", path)["spec"]["holderIdentity"] == "b"


def test_a_write_that_changes_nothing_makes_no_version(plane: Plane) -> None:
    space = named(plane)
    plane.make("deployments", deployment(space))
    path = plane.path("deployments", space, "web")
    made = plane.settled(path)
    merge = "application/merge-patch+json"
    found = plane.call("PATCH", path, {"spec": {"replicas": 2}}, content=merge)
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
