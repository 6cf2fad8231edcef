"""What NVML gives becomes DCGM's figures; what it does not give is missing, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
from fake_nvml import GIB, LOST, NOT_SUPPORTED, FakeGpu, FakeNvml, hopper_at_rest, mig_h100

from daemon.gpu.activity import Activity
from daemon.gpu.facts import (
    DRAM,
    FB_FREE,
    FB_RESERVED,
    FB_USED,
    FIELDS,
    GRAPHICS,
    LABELS,
    POWER,
    PROCESSES,
    SM_CLOCK,
    TEMPERATURE,
    TENSOR,
    UTIL,
    XID,
    Facts,
    Reader,
)
from daemon.gpu.nvml import Active, Memory, Nvml


def seconds(step: float = 5.0) -> Iterator[float]:
    return (number * step for number in count())


def reader(nvml: Nvml, *, sees_processes: bool = True, watch: bool = True, step: float = 5.0) -> Reader:
    times = seconds(step)
    activity = Activity(nvml, lambda: next(times))
    return Reader(nvml, host="gpu-7", activity=activity, sees_processes=sees_processes, watch=watch)


def second_reading(*gpus: FakeGpu) -> list[Facts]:
    read = reader(FakeNvml(*gpus))
    read.read()
    return read.read()


def test_a_gpu_has_dcgms_names_units_and_labels() -> None:
    (facts,) = second_reading(FakeGpu())
    assert facts.missing == {}
    assert facts.values == {
        UTIL: 37,
        FB_USED: 30 * 1024,
        FB_FREE: 49 * 1024,
        FB_RESERVED: 600,
        POWER: 312.456,
        TEMPERATURE: 54,
        SM_CLOCK: 1980,
        XID: 0,
        GRAPHICS: 0.415,
        TENSOR: 0.12,
        DRAM: 0.2,
        PROCESSES: 2,
    }
    assert facts.labels == {
        "gpu": "0",
        "UUID": "GPU-5c89eb0c-5d2f-4d43-8a5e-8c1d6a1f0e21",
        "pci_bus_id": "00000000:17:00.0",
        "device": "nvidia0",
        "modelName": "NVIDIA H100 80GB HBM3",
        "Hostname": "gpu-7",
        "hostname": "gpu-7",
        "GPU_I_PROFILE": "",
        "GPU_I_ID": "",
    }


@pytest.mark.parametrize("reason", [NOT_SUPPORTED, "insufficient permissions", LOST])
@pytest.mark.parametrize(
    ("call", "names"),
    [
        ("utilization", {UTIL}),
        ("memory", {FB_USED, FB_FREE, FB_RESERVED}),
        ("power", {POWER}),
        ("temperature", {TEMPERATURE}),
        ("sm_clock", {SM_CLOCK}),
        ("processes", {PROCESSES}),
        ("sample", {GRAPHICS, TENSOR, DRAM}),
    ],
)
def test_a_figure_that_is_refused_is_missing_and_all_others_are_there(
    call: str, names: set[str], reason: str
) -> None:
    (facts,) = second_reading(FakeGpu(fails={call: reason}))
    assert facts.missing == dict.fromkeys(names, reason)
    assert set(facts.values) == set(FIELDS) - names


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"power": 0xFFFFFFFF}, POWER),
        ({"utilization": 0xFFFFFFFF}, UTIL),
        ({"temperature": 0xFFFFFFFF}, TEMPERATURE),
        ({"sm_clock": -1}, SM_CLOCK),
        ({"memory": Memory(used=2**64 - 1, free=GIB, reserved=GIB)}, FB_USED),
        ({"memory": Memory(used=9223372036854775794, free=GIB, reserved=GIB)}, FB_USED),
        ({"active": Active(graphics=6_000.0, tensor=0.0, dram=0.0)}, GRAPHICS),
    ],
)
def test_a_number_that_stands_for_no_value_is_dropped(changed: dict[str, object], name: str) -> None:
    (facts,) = second_reading(FakeGpu(**changed))  # type: ignore[arg-type]  # one field each
    assert set(facts.missing) == {name}
    assert name not in facts.values


def test_an_old_driver_gives_no_reserved_memory() -> None:
    (facts,) = second_reading(FakeGpu(memory=Memory(used=GIB, free=GIB, reserved=None)))
    assert facts.values[FB_USED] == 1024
    assert FB_RESERVED in facts.missing


def test_a_gpu_at_rest_is_zero_and_its_counters_without_a_value_are_missing() -> None:
    (facts,) = second_reading(hopper_at_rest())
    assert facts.values[UTIL] == 0
    assert {GRAPHICS, TENSOR, DRAM} == set(facts.missing)


def test_a_gpu_that_fell_off_the_bus_does_not_hide_the_others() -> None:
    lost, well = second_reading(FakeGpu(fails={"*": LOST}), FakeGpu(uuid="GPU-b", minor=1))
    assert lost.values == {}
    assert lost.missing == dict.fromkeys(FIELDS, LOST)
    assert (lost.labels["gpu"], lost.labels["UUID"]) == ("0", "")
    assert set(lost.labels) == set(LABELS)
    assert (well.labels["gpu"], well.labels["device"], len(well.values)) == ("1", "nvidia1", len(FIELDS))


def test_mig_instances_stand_in_the_place_of_their_device() -> None:
    nvml = FakeNvml(mig_h100())
    read = reader(nvml)
    read.read()
    first, second = read.read()
    assert [facts.labels["GPU_I_ID"] for facts in (first, second)] == ["1", "9"]
    assert [facts.labels["GPU_I_PROFILE"] for facts in (first, second)] == ["3g.40gb", "1g.10gb"]
    assert {facts.labels["UUID"] for facts in (first, second)} == {FakeGpu().uuid}
    assert {facts.labels["modelName"] for facts in (first, second)} == {"NVIDIA H100 80GB HBM3"}
    assert (first.values[FB_USED], second.values[FB_USED]) == (20 * 1024, 1024)
    assert (first.values[PROCESSES], second.values[PROCESSES]) == (2, 1)
    assert first.values[POWER] == second.values[POWER] == 312.456
    assert first.missing == {UTIL: NOT_SUPPORTED}
    assert nvml.asked_instances == [1, 9, 1, 9]


def test_the_last_critical_error_stays_until_another_comes() -> None:
    nvml = FakeNvml(FakeGpu(), FakeGpu(uuid="GPU-b"))
    read = reader(nvml)
    assert nvml.watched == [FakeGpu().uuid, "GPU-b"]
    nvml.pending = [("GPU-b", 13), ("GPU-b", 79)]
    assert [facts.values[XID] for facts in read.read()] == [0, 79]
    assert [facts.values[XID] for facts in read.read()] == [0, 79]


def test_errors_that_cannot_be_watched_are_missing_and_not_none() -> None:
    nvml = FakeNvml(FakeGpu())
    nvml.unwatchable = NOT_SUPPORTED
    (facts,) = reader(nvml).read()
    assert facts.missing[XID] == NOT_SUPPORTED
    (facts,) = reader(FakeNvml(FakeGpu()), watch=False).read()
    assert "not watched" in facts.missing[XID]


def test_a_container_does_not_call_a_gpu_empty() -> None:
    (facts,) = reader(FakeNvml(FakeGpu(processes=0)), sees_processes=False).read()
    assert PROCESSES not in facts.values
    assert "container" in facts.missing[PROCESSES]


def test_activity_needs_two_readings_and_lets_go_of_every_sample() -> None:
    nvml = FakeNvml(FakeGpu())
    times = seconds()
    activity = Activity(nvml, lambda: next(times))
    read = Reader(nvml, host="h", activity=activity, sees_processes=True)
    (facts,) = read.read()
    assert facts.missing[GRAPHICS] == "no earlier reading to compare with"
    for _ in range(5):
        read.read()
        assert len(nvml.samples) == 1
    nvml.gpus[0].fails = {"sample": LOST}
    read.read()
    assert nvml.samples == []
    nvml.gpus[0].fails = {}
    read.read()
    activity.close()
    assert nvml.samples == []


def test_two_readers_at_once_get_the_same_activity() -> None:
    nvml = FakeNvml(FakeGpu())
    times = iter([0.0, 15.0, 15.2])
    activity = Activity(nvml, lambda: next(times))
    read = Reader(nvml, host="h", activity=activity, sees_processes=True)
    read.read()
    (first,) = read.read()
    nvml.gpus[0].active = Active(graphics=0.0, tensor=0.0, dram=0.0)
    (second,) = read.read()
    assert first.values[GRAPHICS] == second.values[GRAPHICS] == 0.415
