"""NVML itself, by the package `nvidia-ml-py`: calls go through, errors become words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from daemon.gpu.nvml import Active, Handle, Memory, NoGpuError, Nvml, NvmlError, Sample

_INSTALL = "install it beside costd: pip install 'costd[gpu]'"
_CONTAINER = (
    "in a container the NVIDIA container toolkit must be on the host and the container be started "
    "with its GPUs (`--gpus all`, or `runtimeClassName: nvidia`)"
)


def open_nvml() -> Nvml:
    """Load the package and the driver's library.

    Raises:
        NoGpuError: there is no package, no driver or no device; says which, and what to do.
    """
    try:
        import pynvml
    except ImportError:
        raise NoGpuError("the package `nvidia-ml-py` is not installed", hint=_INSTALL) from None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise _no_driver(pynvml, error) from None
    found = Library(pynvml)
    try:
        count = found.count()
    except NvmlError as error:
        found.close()
        raise NoGpuError(f"NVML does not say how many GPUs there are: {error}") from None
    if count == 0:
        found.close()
        raise NoGpuError(
            "the NVIDIA driver runs, and sees no GPU", hint=f"`nvidia-smi -L` lists them; {_CONTAINER}"
        )
    return found


def _no_driver(pynvml: Any, error: Any) -> NoGpuError:
    """Say why the library did not begin, and what to do."""
    if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return NoGpuError(
            "this machine has no libnvidia-ml.so.1: no NVIDIA driver is installed, or it is not visible here",
            hint=f"install the driver; {_CONTAINER}",
        )
    if error.value == pynvml.NVML_ERROR_DRIVER_NOT_LOADED:
        return NoGpuError(
            "the NVIDIA driver is installed and not loaded",
            hint="`sudo modprobe nvidia`, then `dmesg` says why not; without a GPU none is loaded",
        )
    if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        return NoGpuError(
            "the NVIDIA library and the loaded driver are of different versions",
            hint="the driver was updated while it ran: restart the machine",
        )
    if error.value == pynvml.NVML_ERROR_NO_PERMISSION:
        return NoGpuError(
            "this user may not talk to the NVIDIA driver", hint="look at the rights of /dev/nvidiactl"
        )
    return NoGpuError(f"NVML does not begin: {error}", hint="`nvidia-smi` should work before this does")


class Library:
    """NVML of this machine; made by `open_nvml`."""

    def __init__(self, pynvml: Any) -> None:
        self._nvml = pynvml
        self._events: Any = None

    def count(self) -> int:
        """Give how many devices there are."""
        return int(self._ask(self._nvml.nvmlDeviceGetCount))

    def device(self, index: int) -> Handle:
        """Give a device by its number."""
        return self._ask(self._nvml.nvmlDeviceGetHandleByIndex, index)

    def instances(self, device: Handle) -> Sequence[Handle]:
        """Give the MIG instances of a device; none where MIG is off or unknown to it."""
        nvml = self._nvml
        try:
            on, _ = self._ask(nvml.nvmlDeviceGetMigMode, device)
            most = self._ask(nvml.nvmlDeviceGetMaxMigDeviceCount, device) if on else 0
        except NvmlError:
            return ()
        found = []
        for index in range(most):
            with suppress(NvmlError):  # places without an instance
                found.append(self._ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, device, index))
        return found

    def instance_id(self, instance: Handle) -> int:
        """Give the number of the GPU instance that a MIG instance belongs to."""
        return int(self._ask(self._nvml.nvmlDeviceGetGpuInstanceId, instance))

    def uuid(self, device: Handle) -> str:
        """Give the UUID."""
        return _text(self._ask(self._nvml.nvmlDeviceGetUUID, device))

    def name(self, device: Handle) -> str:
        """Give the name of the product."""
        return _text(self._ask(self._nvml.nvmlDeviceGetName, device))

    def pci_bus_id(self, device: Handle) -> str:
        """Give where it is plugged in."""
        return _text(self._ask(self._nvml.nvmlDeviceGetPciInfo, device).busId)

    def minor(self, device: Handle) -> int:
        """Give the number of its file."""
        return int(self._ask(self._nvml.nvmlDeviceGetMinorNumber, device))

    def utilization(self, device: Handle) -> int:
        """Give the percent of time in which any kernel ran."""
        return int(self._ask(self._nvml.nvmlDeviceGetUtilizationRates, device).gpu)

    def memory(self, device: Handle) -> Memory:
        """Give the memory; a driver before 510 counts what is reserved as used."""
        ask = self._nvml.nvmlDeviceGetMemoryInfo
        try:
            found = self._ask(ask, device, self._nvml.nvmlMemory_v2)
        except NvmlError:
            found = self._ask(ask, device)
            return Memory(used=int(found.used), free=int(found.free), reserved=None)
        return Memory(used=int(found.used), free=int(found.free), reserved=int(found.reserved))

    def power(self, device: Handle) -> int:
        """Give the power in milliwatts."""
        return int(self._ask(self._nvml.nvmlDeviceGetPowerUsage, device))

    def temperature(self, device: Handle) -> int:
        """Give the temperature in degrees Celsius."""
        nvml = self._nvml
        return int(self._ask(nvml.nvmlDeviceGetTemperature, device, nvml.NVML_TEMPERATURE_GPU))

    def sm_clock(self, device: Handle) -> int:
        """Give the clock of the multiprocessors in MHz."""
        return int(self._ask(self._nvml.nvmlDeviceGetClockInfo, device, self._nvml.NVML_CLOCK_SM))

    def processes(self, device: Handle) -> int:
        """Give how many processes compute on it."""
        return len(self._ask(self._nvml.nvmlDeviceGetComputeRunningProcesses, device))

    def sample(self, device: Handle, instance: int | None) -> Sample:
        """Take a sample of the device's counters, or of one of its GPU instances."""
        nvml = self._nvml
        if not self._ask(nvml.nvmlGpmQueryDeviceSupport, device).isSupportedDevice:
            raise NvmlError("not supported: it needs a GPU of the Hopper generation or newer")
        made = self._ask(nvml.nvmlGpmSampleAlloc)
        try:
            if instance is None:
                self._ask(nvml.nvmlGpmSampleGet, device, made)
            else:
                self._ask(nvml.nvmlGpmMigSampleGet, device, instance, made)
        except NvmlError:
            self.release(made)
            raise
        return made

    def active(self, first: Sample, second: Sample) -> Active:
        """Give what was done between two samples."""
        nvml = self._nvml
        wanted = (
            nvml.NVML_GPM_METRIC_GRAPHICS_UTIL,
            nvml.NVML_GPM_METRIC_ANY_TENSOR_UTIL,
            nvml.NVML_GPM_METRIC_DRAM_BW_UTIL,
        )
        asked = nvml.c_nvmlGpmMetricsGet_t()
        asked.version, asked.numMetrics = nvml.NVML_GPM_METRICS_GET_VERSION, len(wanted)
        asked.sample1, asked.sample2 = first, second
        for place, metric in enumerate(wanted):
            asked.metrics[place].metricId = metric
        self._ask(nvml.nvmlGpmMetricsGet, asked)
        given = [asked.metrics[place] for place in range(len(wanted))]
        graphics, tensor, dram = (
            float(one.value) if one.nvmlReturn == nvml.NVML_SUCCESS else None for one in given
        )
        return Active(graphics=graphics, tensor=tensor, dram=dram)

    def release(self, sample: Sample) -> None:
        """Let go of a sample."""
        with suppress(NvmlError):
            self._ask(self._nvml.nvmlGpmSampleFree, sample)

    def watch_xids(self, device: Handle) -> None:
        """Have critical errors of a device noted from now on."""
        nvml = self._nvml
        if self._events is None:
            self._events = self._ask(nvml.nvmlEventSetCreate)
        self._ask(nvml.nvmlDeviceRegisterEvents, device, nvml.nvmlEventTypeXidCriticalError, self._events)

    def new_xids(self) -> Sequence[tuple[str, int]]:
        """Give the errors since the last call, oldest first."""
        found: list[tuple[str, int]] = []
        if self._events is None:
            return found
        while True:
            try:
                event = self._ask(self._nvml.nvmlEventSetWait, self._events, 0)
            except NvmlError:  # none left
                return found
            with suppress(NvmlError):
                found.append((self.uuid(event.device), int(event.eventData)))

    def close(self) -> None:
        """Let go of the library."""
        with suppress(NvmlError):
            if self._events is not None:
                self._ask(self._nvml.nvmlEventSetFree, self._events)
        self._events = None
        with suppress(NvmlError):
            self._ask(self._nvml.nvmlShutdown)

    def _ask(self, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return call(*args)
        except (self._nvml.NVMLError, self._nvml.NVMLLibraryMismatchError) as error:
            raise NvmlError(_reason(str(error))) from None


def _reason(text: str) -> str:
    """Give NVML's `Not Supported` as words within a sentence of ours."""
    return re.sub(r"\b[A-Z](?=[a-z])", lambda found: found[0].lower(), text.strip().rstrip("."))


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
