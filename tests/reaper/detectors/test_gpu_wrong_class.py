"""Cards that are larger than their work."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from idle_worlds import a_rule, a_world, cost_hours, device_hours, pod_hours

from domain.finding import Confidence, Finding, Verdict
from reaper.detectors.catalogue import GPUS, gpu_of
from reaper.detectors.gpu_wrong_class import detect

DAY = range(24)
LIGHT: dict[str, Any] = {"activity": 0.10, "activity_max": 0.6, "memory_used_mib": 8.0 * 1024}


def found(devices: list[dict[str, Any]], costs: Any = (), **rule: Any) -> list[Finding]:
    world = a_world(devices, pod_hours(DAY), costs)
    return detect(world, a_rule("gpu_wrong_class", over="24h", **rule))


def test_light_work_on_a_large_card_would_fit_a_slice_or_a_smaller_card() -> None:
    (one,) = found(device_hours(DAY, **LIGHT), cost_hours(DAY, "10.00"))
    assert one.verdict is Verdict.WRONG_CLASS
    assert one.suggestion == (
        "Try statefulset ml/notebook on a MIG slice 1g.10gb of the same card or a card like T4."
    )
    # Six sevenths of what the GPU costs, which is 80 % of the pod.
    assert one.wasted is not None
    assert abs(one.wasted - Decimal(240) * Decimal("0.8") * 6 / 7) < Decimal("0.0001")


@pytest.mark.parametrize(
    "values",
    [
        {"activity": 0.9, "activity_max": 1.0},
        {"memory_used_mib": 79.0 * 1024},
        {"activity": 0.0, "activity_max": 0.0},
    ],
)
def test_work_that_needs_the_card_and_no_work_at_all_are_no_finding(values: dict[str, float]) -> None:
    assert found(device_hours(DAY, **{**LIGHT, **values})) == []


def test_a_smaller_card_alone_saves_what_its_price_says_which_is_not_known_here() -> None:
    (one,) = found(device_hours(DAY, **{**LIGHT, "model": "NVIDIA L40S"}), cost_hours(DAY))
    assert (one.wasted, one.cost_per_hour) == (None, None)
    assert any(e.value == "the other card's price is not known here" for e in one.evidence)


def test_a_model_that_nobody_knows_is_unknown() -> None:
    (one,) = found(device_hours(DAY, **{**LIGHT, "model": "Quantum 9000"}))
    assert (one.verdict, one.evidence[0].value) == (
        Verdict.UNKNOWN,
        "the model Quantum 9000 is not in the catalogue",
    )


def test_memory_that_is_not_measured_is_unknown() -> None:
    (one,) = found(device_hours(DAY, **{**LIGHT, "memory_used_mib": None}))
    assert one.verdict is Verdict.UNKNOWN


def test_shared_and_sliced_cards_are_somebody_elses_question() -> None:
    assert found(device_hours(DAY, **LIGHT, sharing="mig", profile="3g.40gb", share=0.5)) == []
    assert found(device_hours(DAY, **LIGHT, sharing="mps", share=0.5)) == []


def test_bursts_to_the_full_and_several_cards_at_once_speak_against_it() -> None:
    (burst,) = found(device_hours(DAY, **{**LIGHT, "activity_max": 1.0}))
    several = device_hours(DAY, **LIGHT) + device_hours(DAY, **LIGHT, device="GPU-b")
    (pair,) = found(several, cost_hours(DAY))
    assert (burst.confidence, pair.confidence) == (Confidence.LOW, Confidence.LOW)
    assert pair.wasted is None
    assert pair.suggestion.endswith("on a card like T4.")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Tesla T4", "T4"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA A100-SXM4-40GB", "A100-40"),
        ("NVIDIA A100 80GB PCIe", "A100-80"),
        ("NVIDIA-H100-80GB-HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100-PCIe"),
        ("NVIDIA H100 NVL", "H100-NVL"),
        ("NVIDIA H200", "H200"),
        ("Tesla V100-SXM2-16GB", "V100-16"),
    ],
)
def test_models_are_known_by_the_names_that_drivers_and_labels_give(model: str, name: str) -> None:
    gpu = gpu_of(model)
    assert gpu is not None
    assert gpu.name == name


def test_no_slice_is_larger_than_its_card() -> None:
    for gpu in GPUS:
        assert all(0 < part.share < 1 and part.memory_gib < gpu.memory_gib for part in gpu.parts), gpu.name
