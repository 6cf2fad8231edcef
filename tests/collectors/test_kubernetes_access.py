"""Logging in to a cluster, what `costd doctor` says of it, and one process's watches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kube_clusters import Hand, Silence
from kube_objects import a_namespace, a_node, at
from kubernetes_api.server import Peer, serving

from collectors.interface import Health
from collectors.kubernetes import cluster as clusters
from collectors.kubernetes.kinds import ALL, BY_NAME
from collectors.kubernetes.login import connect
from collectors.kubernetes_inventory import KubernetesInventoryCollector, KubernetesSettings
from domain.errors import SourceError


@pytest.fixture
def peer() -> Iterator[Peer]:
    with serving() as made:
        made.put("namespaces", a_namespace("shop"))
        made.put("nodes", a_node())
        yield made
    clusters.close_all()


def settings(folder: Path, *urls: str, context: str = "", name: str = "prod") -> KubernetesSettings:
    """A kubeconfig with contexts c0, c1, … of these servers; the first is the current one."""
    numbered = [(f"c{number}", url) for number, url in enumerate(urls)]
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c0",
        "clusters": [{"name": key, "cluster": {"server": url}} for key, url in numbered],
        "users": [{"name": "me", "user": {"token": "CANARY"}}],
        "contexts": [{"name": key, "context": {"cluster": key, "user": "me"}} for key, _ in numbered],
    }
    file = folder / "kubeconfig.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return KubernetesSettings(name=name, kubeconfig=file, context=context, spool=folder / "spool")


def collector(made: KubernetesSettings) -> KubernetesInventoryCollector:
    return KubernetesInventoryCollector(made, clock=Hand(at("10:00")))


def test_the_current_context_is_used_unless_one_is_named(tmp_path: Path, peer: Peer) -> None:
    first = connect(settings(tmp_path, peer.url, "http://127.0.0.1:1"))
    second = connect(settings(tmp_path, "http://127.0.0.1:1", peer.url, context="c1"))
    assert first.get("/version") == second.get("/version")
    with pytest.raises(SourceError, match="no login for the cluster of source prod") as caught:
        connect(settings(tmp_path, peer.url, context="nobody"))
    assert "kubectl config get-contexts" in caught.value.hint


def test_a_pod_without_its_account_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(SourceError, match="no login"):
        connect(KubernetesSettings(name="prod", spool=tmp_path))


def test_the_name_of_the_cluster_is_that_of_the_source_unless_said() -> None:
    assert KubernetesSettings(name="prod").place == "prod"
    assert KubernetesSettings(name="prod", cluster="prod-eu").place == "prod-eu"


def test_a_well_cluster_is_said_to_be_well(tmp_path: Path, peer: Peer) -> None:
    found = collector(settings(tmp_path, peer.url)).probe()
    assert {probe.health for probe in found} == {Health.OK}
    told = " ".join(probe.subject for probe in found)
    assert "v1.36.0" in told
    assert f"{len(ALL)} kinds may be got, listed and watched" in told
    assert "1 node looked at, all with a provider id" in told
    reviews = [asked for asked in peer.asked if asked.path.endswith("/selfsubjectaccessreviews")]
    assert len(reviews) == 3 * len(ALL)
    assert not [asked for asked in peer.asked if asked.method not in {"GET", "POST"}]


def test_every_missing_permission_is_named_with_what_breaks(tmp_path: Path, peer: Peer) -> None:
    peer.forbidden |= {
        ("watch", "pods"),
        ("list", "services"),
        ("watch", "services"),
        ("get", "resourceclaims"),
    }
    found = {probe.subject: probe for probe in collector(settings(tmp_path, peer.url)).probe()}
    pods = found["pods: not allowed to watch"]
    assert (pods.health, "rbac.yaml" in pods.fix) == (Health.FAIL, True)
    assert found["services: not allowed to list, watch"].health is Health.WARN
    assert "GPUs" in found["resourceclaims: not allowed to get"].breaks


def test_nodes_that_no_bill_can_name_are_counted(tmp_path: Path, peer: Peer) -> None:
    peer.put("nodes", a_node("bare", provider_id=""))
    (found,) = [
        probe for probe in collector(settings(tmp_path, peer.url)).probe() if probe.health is Health.WARN
    ]
    assert found.subject == "1 of 2 nodes looked at without a provider id"
    peer.forbidden.add(("list", "nodes"))
    (failed, *_) = [
        probe for probe in collector(settings(tmp_path, peer.url)).probe() if probe.subject == "nodes"
    ]
    assert failed.health is Health.FAIL


def test_no_token_is_in_what_is_said(tmp_path: Path) -> None:
    found = collector(settings(tmp_path, "http://127.0.0.1:1")).probe()
    assert [probe.health for probe in found] == [Health.FAIL]
    assert "CANARY" not in repr(found)


def test_collectors_of_one_process_share_a_clusters_watches(tmp_path: Path, peer: Peer) -> None:
    made = settings(tmp_path, peer.url)
    collector(made).fetch_usage({}, progress=Silence())
    listed = len(peer.lists)
    again = collector(made)
    first = clusters.cluster_of(made, Hand(at("10:00")))
    assert again._cluster() is first
    assert len(list(again.list("node"))) == 1
    assert len(peer.lists) == listed
    other = settings(tmp_path, peer.url, peer.url, context="c1")
    assert clusters.cluster_of(other, Hand(at("10:00"))) is not first  # configured anew


def test_a_spool_that_cannot_be_written_is_said(tmp_path: Path, peer: Peer) -> None:
    made = settings(tmp_path, peer.url).model_copy(update={"spool": tmp_path / "kubeconfig.json"})
    with pytest.raises(SourceError, match="cannot be kept") as caught:
        collector(made).fetch_usage({}, progress=Silence())
    assert "spool" in caught.value.hint


def test_paths_are_safe_whatever_an_object_is_called() -> None:
    assert BY_NAME["pod"].path_of("shop", "../../x") == "/api/v1/namespaces/shop/pods/..%2F..%2Fx"
    assert BY_NAME["deployment"].path_of("a", "b") == "/apis/apps/v1/namespaces/a/deployments/b"
    assert BY_NAME["node"].path_of("", "n") == "/api/v1/nodes/n"
