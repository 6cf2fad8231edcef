"""What the caches of a large cluster take: 300 namespaces, 33 Deployments each, 19,800 pods."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from kube_clusters import Hand
from kube_objects import a_node, a_pod, at, owned, owned_by

from collectors.kubernetes import spool
from collectors.kubernetes.access import LIST, WHOLE, Api
from collectors.kubernetes.feed import Feed
from collectors.kubernetes.frames import to_usage
from collectors.kubernetes.kept import Sharing
from collectors.kubernetes.kinds import ALL
from collectors.kubernetes.timeline import Timeline

Json = dict[str, Any]
PODS = 19_800
PER_NAMESPACE, REPLICAS = 33, 2
MOST_KIB_PER_1000 = 1500
"""What docs/connect-kubernetes.md says; raise it there too, or better not."""


class Pages(Api):
    """An API that makes every page when it is asked for, so that only the caches take memory."""

    def __init__(self) -> None:
        self.lists, self.watches, self.bytes_read = 0, 0, 0
        self.begun: dict[str, Iterator[Json]] = {}

    def get(self, path: str, query: Mapping[str, str] | None = None, accept: str = LIST) -> Json:
        asked = query or {}
        assert accept in {LIST, WHOLE}
        if "continue" not in asked:
            self.begun[path] = PLURALS.get(path.rpartition("/")[2], lambda: iter(()))()
        page = list(islice(self.begun[path], int(asked["limit"])))
        more = {"continue": asked.get("continue", "") + "more"} if len(page) == int(asked["limit"]) else {}
        return {"kind": "List", "items": page, "metadata": {"resourceVersion": "1000", **more}}


def deployments() -> Iterator[tuple[str, str]]:
    for number in range(PODS // REPLICAS):
        yield f"team-{number // PER_NAMESPACE:03}", f"service-{number % PER_NAMESPACE:02}-of-something"


def pods() -> Iterator[Json]:
    for number, (namespace, name) in enumerate(deployments()):
        for replica in range(REPLICAS):
            unique = f"{name}-7f9c6d5b8-{number:05x}{replica}"
            yield noisy(
                a_pod(
                    unique,
                    namespace=namespace,
                    node=f"ip-10-0-{number % 250}-{number % 7}.eu-central-1.compute.internal",
                    uid=f"0f3c5a52-0000-4000-8000-{number:08x}{replica:04x}",
                    labels=labels(namespace, name),
                    owners=owned_by("ReplicaSet", f"{name}-7f9c6d5b8", f"rs-{number}"),
                    cpu="250m",
                    memory="512Mi",
                )
            )


def labels(namespace: str, name: str) -> Json:
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/part-of": namespace,
        "team": namespace,
        "env": "prod",
        "pod-template-hash": "7f9c6d5b8",
    }


def noisy(pod: Json) -> Json:
    """Add what makes a real pod large and is not kept."""
    pod["metadata"]["annotations"] = {"kubernetes.io/psp": "x", "big": "y" * 1200}
    pod["metadata"]["managedFields"] = [{"manager": "kubelet", "fieldsV1": {"f:status": {"f:x": {}}}}]
    return pod


def workloads(kind: str) -> Iterator[Json]:
    for number, (namespace, name) in enumerate(deployments()):
        above = owned_by("Deployment", name, f"dep-{number}") if kind == "ReplicaSet" else None
        full = f"{name}-7f9c6d5b8" if above else name
        made = owned(kind, full, namespace, above)
        made["metadata"] |= {"uid": f"{'rs' if above else 'dep'}-{number}", "labels": labels(namespace, name)}
        yield made


def nodes() -> Iterator[Json]:
    for number in range(250):
        made = a_node(f"ip-10-0-{number}", labels={"kubernetes.io/hostname": f"n{number}"})
        made["metadata"]["uid"] = f"node-{number}"
        yield made


PLURALS = {
    "pods": pods,
    "nodes": nodes,
    "deployments": lambda: workloads("Deployment"),
    "replicasets": lambda: workloads("ReplicaSet"),
}


@pytest.fixture(scope="module")
def listed() -> tuple[Timeline, float]:
    """The caches after the first listing, and what they take in KiB per 1,000 pods."""
    sharing = Sharing()
    clock = Hand(at("10:00"))
    feeds = {kind.name: Feed(kind=kind, sharing=sharing, page_size=500) for kind in ALL}
    timeline, api = Timeline(feeds=feeds, clock=clock), Pages()
    gc.collect()
    tracemalloc.start()
    for feed in feeds.values():
        feed.refresh(api, timeline.changed, seconds=1)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return timeline, held / 1024 / (PODS / 1000)


def test_the_caches_of_a_large_cluster_stay_small(listed: tuple[Timeline, float], root: Path) -> None:
    timeline, kib = listed
    assert len(timeline.feeds["pod"].items) == PODS
    assert kib < MOST_KIB_PER_1000, f"{kib:.0f} KiB per 1,000 pods"
    page = (root / "docs" / "connect-kubernetes.md").read_text(encoding="utf-8")
    assert f"below {MOST_KIB_PER_1000:,} KiB" in page


def test_an_hour_of_a_large_cluster_is_whole(listed: tuple[Timeline, float], tmp_path: Path) -> None:
    timeline, _ = listed
    timeline.observe(at("10:00"))
    timeline.observe(at("11:00"))
    frames = to_usage("prod", at("10:00"), timeline.hours[at("10:00")])
    assert len(frames["pod_hours"]) == PODS
    assert frames["pod_hours"]["cpu_request_hours"].sum() == pytest.approx(PODS * 0.25)
    assert set(frames["pod_hours"]["workload_kind"]) == {"Deployment"}
    size = spool.save(tmp_path / "prod.state", timeline, "x")
    assert size / (PODS / 1000) < 400 * 1024
    again = Timeline(
        feeds={kind.name: Feed(kind=kind, sharing=Sharing()) for kind in ALL}, clock=Hand(at("11:00"))
    )
    assert spool.load(tmp_path / "prod.state", again, "x", Sharing())
    assert again.feeds["pod"].items == timeline.feeds["pod"].items
    assert again.hours == timeline.hours
    assert not spool.load(tmp_path / "prod.state", again, "another cluster", Sharing())
