"""What a pod requests and what a unit of a device is: the rules of Kubernetes and of the device plugins."""

from __future__ import annotations

from typing import Any

import pytest
from kube_objects import a_node, a_pod

from collectors.kubernetes.devices import capacity_of, devices_of, is_device, model_of
from collectors.kubernetes.facts import NodeFacts, PodFacts, facts_of
from collectors.kubernetes.frames import capacity_type
from collectors.kubernetes.kept import Sharing, kept_of
from collectors.kubernetes.kinds import BY_NAME
from collectors.kubernetes.quantities import quantity
from collectors.kubernetes.requests import request

Json = dict[str, Any]
GPU = "nvidia.com/gpu"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("250m", 0.25), ("2", 2), ("1.5", 1.5), (".5", 0.5), ("1k", 1000), ("100u", 0.0001), ("5n", 5e-9)),
        *(("1Gi", 2**30), ("1.5Mi", 1.5 * 2**20), ("2Ki", 2048), ("1E", 1e18), ("1Ei", 2**60)),
        *(("1e3", 1000), ("1E3", 1000), ("12e-1", 1.2), (3, 3), ("", 0), (None, 0), ("lots", 0), ("1 Gi", 0)),
    ],
)
def test_a_quantity_is_read_as_kubernetes_writes_it(text: object, number: float) -> None:
    assert quantity(text) == pytest.approx(number)


def container(name: str = "main", *, always: bool = False, **requests: str) -> Json:
    made: Json = {"name": name, "resources": {"requests": requests}}
    return made | ({"restartPolicy": "Always"} if always else {})


def cpu(spec: Json, status: Json | None = None) -> float:
    return request(spec, status or {})["cpu"]


def test_containers_add_up() -> None:
    assert cpu({"containers": [container(cpu="1"), container("side", cpu="500m")]}) == 1.5


def test_the_largest_init_container_counts_if_it_is_more() -> None:
    spec = {
        "containers": [container(cpu="1")],
        "initContainers": [container("a", cpu="3"), container("b", cpu="2")],
    }
    assert cpu(spec) == 3
    spec["initContainers"] = [container("a", cpu="500m")]
    assert cpu(spec) == 1


def test_sidecars_run_beside_containers_and_beside_later_init_containers() -> None:
    sidecar = container("proxy", always=True, cpu="1")
    assert cpu({"containers": [container(cpu="2")], "initContainers": [sidecar]}) == 3
    later = [sidecar, container("migrate", cpu="4")]
    assert cpu({"containers": [container(cpu="2")], "initContainers": later}) == 5
    earlier = [container("migrate", cpu="4"), sidecar]
    assert cpu({"containers": [container(cpu="2")], "initContainers": earlier}) == 4


def test_overhead_comes_on_top_and_requests_of_the_whole_pod_replace_the_sum() -> None:
    spec: Json = {"containers": [container(cpu="1", memory="1Gi")], "overhead": {"cpu": "250m"}}
    assert cpu(spec) == 1.25
    spec["resources"] = {"requests": {"cpu": "4"}}
    found = request(spec, {})
    assert (found["cpu"], found["memory"]) == (4.25, 2**30)


def test_while_a_resize_is_under_way_the_greatest_counts() -> None:
    spec = {"containers": [container(cpu="1")]}
    standing = {"name": "main", "resources": {"requests": {"cpu": "3"}}, "allocatedResources": {"cpu": "2"}}
    assert cpu(spec, {"containerStatuses": [standing]}) == 3
    grown = {"containers": [container(cpu="8")]}
    assert cpu(grown, {"containerStatuses": [standing]}) == 8
    refused = {
        "containerStatuses": [standing],
        "conditions": [{"type": "PodResizePending", "reason": "Infeasible"}],
    }
    assert cpu(grown, refused) == 3


def test_a_limit_of_a_device_is_its_request() -> None:
    spec = {"containers": [{"name": "main", "resources": {"limits": {GPU: "2", "cpu": "4"}}}]}
    assert request(spec, {}) == {GPU: 2}


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *(
            (GPU, True),
            ("nvidia.com/gpu.shared", True),
            ("nvidia.com/mig-3g.40gb", True),
            ("amd.com/gpu", True),
        ),
        *(
            ("aws.amazon.com/neuron", True),
            ("aws.amazon.com/neuroncore", True),
            ("nvidia.com/gpucores", True),
        ),
        *(("cpu", False), ("nvidia.com/gpumem", False), ("nvidia.com/mig-strategy", False), ("x/gpu", False)),
    ],
)
def test_devices_are_told_from_other_resources(name: str, is_one: bool) -> None:  # noqa: FBT001  # a table's column
    assert is_device(name) is is_one


def held(
    capacity: Json, asked: Json, labels: Json | None = None, annotations: Json | None = None
) -> tuple[float, float]:
    gpus, units = capacity_of(capacity, labels or {}, annotations or {})
    return gpus, devices_of(tuple(asked.items()), units)


@pytest.mark.parametrize(
    ("capacity", "labels", "asked", "expected"),
    [
        ({GPU: "8"}, {}, {GPU: 3.0}, (8, 3)),
        ({GPU: "8"}, {f"{GPU}.count": "2", f"{GPU}.replicas": "4"}, {GPU: 1.0}, (2, 0.25)),
        ({f"{GPU}.shared": "8"}, {f"{GPU}.replicas": "4"}, {f"{GPU}.shared": 2.0}, (2, 0.5)),
        ({"nvidia.com/mig-3g.40gb": "2"}, {}, {"nvidia.com/mig-3g.40gb": 1.0}, (6 / 7, 3 / 7)),
        ({"nvidia.com/mig-1g.10gb": "7"}, {f"{GPU}.count": "1"}, {"nvidia.com/mig-1g.10gb": 2.0}, (1, 2 / 7)),
        ({GPU: "7"}, {f"{GPU}.product": "NVIDIA-A100-MIG-1g.5gb"}, {GPU: 1.0}, (1, 1 / 7)),
        (
            {"nvidia.com/mig-1g.6gb": "4"},
            {f"{GPU}.product": "NVIDIA-A30"},
            {"nvidia.com/mig-1g.6gb": 1.0},
            (1, 0.25),
        ),
        ({GPU: "1"}, {}, {GPU: 1.0, "nvidia.com/gpucores": 30.0}, (1, 0.3)),
        ({"amd.com/gpu": "4"}, {}, {"amd.com/gpu": 1.0}, (4, 1)),
        (
            {"aws.amazon.com/neuron": "1", "aws.amazon.com/neuroncore": "2"},
            {},
            {"aws.amazon.com/neuroncore": 1.0},
            (1, 0.5),
        ),
        ({"cpu": "8"}, {}, {}, (0, 0)),
    ],
)
def test_a_unit_is_the_part_of_a_device_that_it_is(
    capacity: Json, labels: Json, asked: Json, expected: tuple[float, float]
) -> None:
    assert held(capacity, asked, labels) == pytest.approx(expected)


def test_devices_that_hami_cuts_are_counted_by_what_it_registered() -> None:
    registered = {
        "hami.io/node-nvidia-register": "GPU-1,10,81920,100,A100,0,true:GPU-2,10,81920,100,A100,0,true:"
    }
    asked = {GPU: 1.0, "nvidia.com/gpucores": 25.0}
    assert held({GPU: "20"}, asked, annotations=registered) == (2, 0.25)


def test_a_model_is_named_without_how_it_is_shared() -> None:
    assert model_of({f"{GPU}.product": "NVIDIA-H100-80GB-HBM3-MIG-1g.10gb"}) == "NVIDIA-H100-80GB-HBM3"
    assert model_of({f"{GPU}.product": "Tesla-T4-SHARED"}) == "Tesla-T4"
    assert model_of({"cloud.google.com/gke-accelerator": "nvidia-l4"}) == "nvidia-l4"
    assert model_of({}) == ""


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ({"karpenter.sh/capacity-type": "spot"}, "spot"),
        ({"eks.amazonaws.com/capacityType": "SPOT"}, "spot"),
        ({"cloud.google.com/gke-spot": "true"}, "spot"),
        ({"kubernetes.azure.com/scalesetpriority": "spot"}, "spot"),
        ({"karpenter.sh/capacity-type": "on-demand"}, "on-demand"),
        ({"eks.amazonaws.com/capacityType": "ON_DEMAND"}, "on-demand"),
        ({}, "on-demand"),
    ],
)
def test_spot_is_told_by_the_labels_of_every_provider(labels: dict[str, str], kind: str) -> None:
    assert capacity_type(labels) == kind


def test_a_device_claim_has_its_devices_and_holders() -> None:
    results = [{"driver": "gpu.nvidia.com"}, {"driver": "gpu.nvidia.com"}, {"driver": "net.example"}]
    status = {"allocation": {"devices": {"results": results}}, "reservedFor": [{"name": "a"}, {"name": "b"}]}
    found = facts_of("resourceclaim", {"status": status})
    assert found is not None
    assert (getattr(found, "devices", None), getattr(found, "holders", None)) == (2, 2)


def test_what_is_long_or_a_copy_of_the_object_is_not_kept() -> None:
    pod = a_pod(uid="u")
    copy = "kubectl.kubernetes.io/last-applied-configuration"
    pod["metadata"]["annotations"] = {copy: "{}", "a": "x" * 600, "b": "short", "c": "y" * 500}
    pod["metadata"]["annotations"] |= {f"d{number}": "z" * 500 for number in range(9)}
    kept = kept_of(BY_NAME["pod"], pod, Sharing())
    assert kept.annotations[0] == ("b", "short")
    assert sum(len(key) + len(value) for key, value in kept.annotations) <= 2048
    assert not {copy, "a"} & dict(kept.annotations).keys()


def test_objects_alike_share_their_labels() -> None:
    sharing = Sharing()
    first, second = (kept_of(BY_NAME["pod"], a_pod(uid=uid, labels={"app": "web"}), sharing) for uid in "ab")
    assert first.labels is second.labels


@pytest.mark.parametrize("kind", ["node", "pod"])
def test_an_object_that_says_nothing_is_kept_all_the_same(kind: str) -> None:
    kept = kept_of(BY_NAME[kind], {"metadata": {"name": "x", "uid": "u"}}, Sharing())
    assert isinstance(kept.facts, NodeFacts | PodFacts)
    assert kept.labels == ()


def test_a_node_has_its_capacity_in_cores_and_gib() -> None:
    found = facts_of("node", a_node(cpu="3920m", memory="16Gi"))
    assert isinstance(found, NodeFacts)
    assert (found.cpu, found.memory, found.gpus) == (3.92, 16, 0)
