"""The real package `nvidia-ml-py`: its errors become words, its structures our values."""

from __future__ import annotations

import sys
from ctypes import c_ulonglong
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from daemon.gpu.library import Library, open_nvml
from daemon.gpu.nvml import Memory, NoGpuError, NvmlError


def fails(code: int) -> Any:
    def call(*_args: Any) -> Any:
        raise pynvml.NVMLError(code)

    return call


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlShutdown", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 1)
    return monkeypatch


@pytest.mark.parametrize(
    ("code", "says", "hint"),
    [
        (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, "no NVIDIA driver is installed", "container toolkit"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "not loaded", "modprobe nvidia"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "different versions", "restart the machine"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "may not talk", "/dev/nvidiactl"),
        (pynvml.NVML_ERROR_UNKNOWN, "Unknown Error", "nvidia-smi"),
    ],
)
def test_why_there_is_no_gpu_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, code: int, says: str, hint: str
) -> None:
    monkeypatch.setattr(pynvml, "nvmlInit", fails(code))
    with pytest.raises(NoGpuError, match=says) as told:
        open_nvml()
    assert hint in told.value.hint
    assert told.value.exit_status == 1


def test_a_machine_without_the_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NoGpuError, match="nvidia-ml-py") as told:
        open_nvml()
    assert "costd[gpu]" in told.value.hint


def test_a_driver_without_gpus_is_told(driver: pytest.MonkeyPatch) -> None:
    driver.setattr(pynvml, "nvmlDeviceGetCount", lambda: 0)
    with pytest.raises(NoGpuError, match="sees no GPU"):
        open_nvml()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (pynvml.NVML_ERROR_NOT_SUPPORTED, "not supported"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "insufficient permissions"),
        (pynvml.NVML_ERROR_GPU_IS_LOST, "GPU is lost"),
    ],
)
def test_errors_of_a_field_become_words(driver: pytest.MonkeyPatch, code: int, reason: str) -> None:
    driver.setattr(pynvml, "nvmlDeviceGetPowerUsage", fails(code))
    with pytest.raises(NvmlError) as told:
        open_nvml().power(object())
    assert told.value.reason == reason


def test_memory_of_an_old_driver_has_no_reserved_part(driver: pytest.MonkeyPatch) -> None:
    def memory(_handle: Any, version: int | None = None) -> Any:
        if version:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
        return SimpleNamespace(used=5, free=7)

    driver.setattr(pynvml, "nvmlDeviceGetMemoryInfo", memory)
    assert Library(pynvml).memory(object()) == Memory(used=5, free=7, reserved=None)


def test_places_without_a_mig_instance_are_passed_over(driver: pytest.MonkeyPatch) -> None:
    def place(_device: Any, index: int) -> str:
        if index != 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return "instance"

    driver.setattr(pynvml, "nvmlDeviceGetMigMode", lambda _device: [1, 1])
    driver.setattr(pynvml, "nvmlDeviceGetMaxMigDeviceCount", lambda _device: 7)
    driver.setattr(pynvml, "nvmlDeviceGetMigDeviceHandleByIndex", place)
    assert Library(pynvml).instances("gpu") == ["instance"]
    driver.setattr(pynvml, "nvmlDeviceGetMigMode", fails(pynvml.NVML_ERROR_NOT_SUPPORTED))
    assert Library(pynvml).instances("gpu") == ()


def test_counters_of_two_samples_become_percentages(driver: pytest.MonkeyPatch) -> None:
    def given(asked: Any) -> Any:
        assert [asked.metrics[place].metricId for place in range(asked.numMetrics)] == [1, 5, 10]
        asked.metrics[0].value, asked.metrics[1].value = 41.5, 3.25
        asked.metrics[2].nvmlReturn = pynvml.NVML_ERROR_NOT_SUPPORTED
        return asked

    driver.setattr(pynvml, "nvmlGpmMetricsGet", given)
    active = Library(pynvml).active(pynvml.c_nvmlGpmSample_t(), pynvml.c_nvmlGpmSample_t())
    assert (active.graphics, active.tensor, active.dram) == (41.5, 3.25, None)


def test_a_gpu_older_than_hopper_says_so(driver: pytest.MonkeyPatch) -> None:
    driver.setattr(pynvml, "nvmlGpmQueryDeviceSupport", lambda _d: SimpleNamespace(isSupportedDevice=0))
    with pytest.raises(NvmlError, match="Hopper"):
        Library(pynvml).sample(object(), None)


def test_a_sample_that_fails_is_let_go_of(driver: pytest.MonkeyPatch) -> None:
    freed: list[Any] = []
    driver.setattr(pynvml, "nvmlGpmQueryDeviceSupport", lambda _d: SimpleNamespace(isSupportedDevice=1))
    driver.setattr(pynvml, "nvmlGpmSampleAlloc", lambda: "sample")
    driver.setattr(pynvml, "nvmlGpmSampleGet", fails(pynvml.NVML_ERROR_GPU_IS_LOST))
    driver.setattr(pynvml, "nvmlGpmSampleFree", freed.append)
    with pytest.raises(NvmlError, match="lost"):
        Library(pynvml).sample(object(), None)
    assert freed == ["sample"]


def test_errors_since_the_last_look_are_taken_until_none_is_left(driver: pytest.MonkeyPatch) -> None:
    waiting = [SimpleNamespace(device="gpu", eventData=c_ulonglong(79).value)]

    def wait(_events: Any, _milliseconds: int) -> Any:
        if not waiting:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_TIMEOUT)
        return waiting.pop()

    driver.setattr(pynvml, "nvmlEventSetCreate", lambda: "events")
    driver.setattr(pynvml, "nvmlDeviceRegisterEvents", lambda *_args: None)
    driver.setattr(pynvml, "nvmlEventSetWait", wait)
    driver.setattr(pynvml, "nvmlEventSetFree", lambda _events: None)
    driver.setattr(pynvml, "nvmlDeviceGetUUID", lambda _device: b"GPU-a")
    found = Library(pynvml)
    assert found.new_xids() == []
    found.watch_xids("gpu")
    assert found.new_xids() == [("GPU-a", 79)]
    found.close()
