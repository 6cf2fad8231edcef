"""What one unit of a GPU resource is of a device, whatever splits it."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from collectors.prometheus.gpu_units import Card, devices_requested

AT = datetime(2026, 11, 20, tzinfo=UTC)
A100 = "NVIDIA A100-SXM4-80GB"


def requested(card: Card, **resources: float) -> float:
    rows = [
        {"uid": "u", "container": "c", "node": "n", "resource": r, "at": AT, "value": v}
        for r, v in resources.items()
    ]
    found: float = devices_requested(pl.DataFrame(rows), {"n": card})["value"].item()
    return found


def test_whole_devices_count_whole() -> None:
    card = Card(capacity={"nvidia_com_gpu": 8}, labels={}, uuids=8)
    assert requested(card, nvidia_com_gpu=2) == 2
    assert card.devices == 8


def test_replicas_of_time_slicing_are_parts_whether_renamed_or_not() -> None:
    sliced = {"label_nvidia_com_gpu_replicas": "4", "label_nvidia_com_gpu_sharing_strategy": "time-slicing"}
    for resource in ("nvidia_com_gpu", "nvidia_com_gpu_shared"):
        by_label = Card(capacity={resource: 8}, labels=sliced)
        by_devices = Card(capacity={resource: 8}, labels={}, uuids=2)
        for card in (by_label, by_devices):
            assert requested(card, **{resource: 1}) == 0.25
            assert card.devices == 2
    assert by_label.strategy == "time-slicing"
    assert Card(capacity={}, labels={"label_nvidia_com_gpu_sharing_strategy": "mps"}).strategy == "mps"


def test_mig_profiles_are_their_part_of_a_card() -> None:
    card = Card(capacity={"nvidia_com_mig_1g_10gb": 4, "nvidia_com_mig_3g_40gb": 1}, labels={}, model=A100)
    assert requested(card, nvidia_com_mig_3g_40gb=1) == 0.5
    assert requested(card, nvidia_com_mig_1g_10gb=2) == pytest.approx(2 / 7)
    assert requested(card, nvidia_com_mig_1g_10gb_me=1) == pytest.approx(1 / 7)
    assert card.devices == 2  # 4/7 and 1/2 do not fit on one


def test_a_node_cut_alike_calls_its_instances_gpus() -> None:
    labels = {"label_nvidia_com_gpu_product": "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"}
    card = Card(capacity={"nvidia_com_gpu": 7}, labels=labels, uuids=1, model=A100)
    assert requested(card, nvidia_com_gpu=1) == pytest.approx(1 / 7)
    assert card.devices == 1


def test_hami_fractions_are_what_was_asked_of_each_device() -> None:
    card = Card(capacity={"nvidia_com_gpu": 10}, labels={}, uuids=1)
    four = [
        requested(card, nvidia_com_gpu=1, nvidia_com_gpucores=25, nvidia_com_gpumem=20000) for _ in range(4)
    ]
    assert sum(four) == 1.0
    assert requested(card, nvidia_com_gpu=2, nvidia_com_gpucores=50) == 1.0


def test_devices_of_others_are_counted_once() -> None:
    neuron = {
        "aws_amazon_com_neuron": 2.0,
        "aws_amazon_com_neuroncore": 4.0,
        "aws_amazon_com_neurondevice": 2.0,
    }
    card = Card(capacity=neuron, labels={})
    assert card.devices == 2
    assert requested(card, aws_amazon_com_neuroncore=1) == 0.5
    assert Card(capacity={"amd_com_gpu": 8}, labels={}).devices == 8


def test_of_a_node_that_nothing_is_known_of_a_gpu_is_a_gpu() -> None:
    rows = [{"uid": "u", "container": "c", "node": "n", "resource": "nvidia_com_gpu", "at": AT, "value": 1.0}]
    assert devices_requested(pl.DataFrame(rows), {})["value"].to_list() == [1.0]
