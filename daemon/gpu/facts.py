"""Reads every GPU and MIG instance; a figure that NVML does not give is missing, with its reason, never 0."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from daemon.gpu.activity import Activity
from daemon.gpu.nvml import Handle, Nvml, NvmlError

_MIB = 1024 * 1024
_MIG = " MIG "
_NO_VALUE = 1e18
"""From here on a number is one of the huge ones that stand for `no value`."""

_NO_VALUE_32 = 0xFFFFFFFF

_UNWATCHED = "not watched: it needs a process that goes on running"

UTIL, FB_USED, FB_FREE, FB_RESERVED = (
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_FREE",
    "DCGM_FI_DEV_FB_RESERVED",
)
POWER, TEMPERATURE, SM_CLOCK, XID = (
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_DEV_GPU_TEMP",
    "DCGM_FI_DEV_SM_CLOCK",
    "DCGM_FI_DEV_XID_ERRORS",
)
GRAPHICS, TENSOR, DRAM = (
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_PROF_DRAM_ACTIVE",
)
PROCESSES = "costd_gpu_processes"

FIELDS: Mapping[str, str] = {
    UTIL: "GPU utilization (in %): the part of time in which any kernel ran.",
    FB_USED: "Framebuffer memory used (in MiB).",
    FB_FREE: "Framebuffer memory free (in MiB).",
    FB_RESERVED: "Framebuffer memory reserved by the driver (in MiB).",
    POWER: "Power draw (in W).",
    TEMPERATURE: "GPU temperature (in C).",
    SM_CLOCK: "SM clock frequency (in MHz).",
    XID: "Value of the last XID error since the exporter began; 0 for none.",
    GRAPHICS: "Ratio of time the graphics or compute engine was active since the last scrape (0 to 1).",
    TENSOR: "Ratio of cycles the tensor pipe was active since the last scrape (0 to 1).",
    DRAM: "Ratio of cycles the device memory moved data since the last scrape (0 to 1).",
    PROCESSES: "How many processes compute on the GPU.",
}
"""Every figure with its help text, by DCGM's names where DCGM has it."""

LABELS = (
    "gpu",
    "UUID",
    "pci_bus_id",
    "device",
    "modelName",
    "Hostname",
    "hostname",
    "GPU_I_PROFILE",
    "GPU_I_ID",
)
"""DCGM's labels; `hostname` was `Hostname` until May 2026, and readers know the one or the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a GPU, or of one MIG instance.

    Attributes:
        labels: values by `LABELS`; "" for what is not known, or does not apply.
        values: figures by name of `FIELDS`.
        missing: why a figure is not there, by its name.
    """

    labels: Mapping[str, str]
    values: dict[str, float] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Reader:
    """Reads the GPUs of a machine, as often as somebody asks.

    Args:
        nvml: how the driver is asked.
        host: name of the machine, for the labels.
        activity: what was active between two readings.
        sees_processes: processes of the whole machine are visible; within a container they are not.
        watch: note critical errors from now on.
    """

    def __init__(
        self, nvml: Nvml, *, host: str, activity: Activity, sees_processes: bool, watch: bool = True
    ) -> None:
        self._nvml = nvml
        self._host = host
        self._activity = activity
        self._sees_processes = sees_processes
        self._xids: dict[str, int] = {}
        self._unwatched = dict.fromkeys(range(nvml.count()), _UNWATCHED) if not watch else self._watch()

    def read(self) -> list[Facts]:
        """Give what is known now, device by device, MIG instances in the place of their device."""
        for uuid, xid in self._nvml.new_xids():
            self._xids[uuid] = xid
        return [facts for index in range(self._nvml.count()) for facts in self._device(index)]

    def _watch(self) -> dict[int, str]:
        """Begin to note critical errors; give why that is not possible, by device."""
        refused = {}
        for index in range(self._nvml.count()):
            try:
                self._nvml.watch_xids(self._nvml.device(index))
            except NvmlError as error:
                refused[index] = error.reason
        return refused

    def _device(self, index: int) -> Iterator[Facts]:
        nvml = self._nvml
        try:
            device = nvml.device(index)
        except NvmlError as error:
            labels = dict.fromkeys(LABELS, "") | {"gpu": str(index)} | self._hosts()
            yield Facts(labels=labels, missing=dict.fromkeys(FIELDS, error.reason))
            return
        labels = self._labels(index, device)
        instances = [one for one in map(self._instance, nvml.instances(device)) if one is not None]
        if not instances:
            yield self._figures(labels, device, [device], None)
        for place, parts in groupby(sorted(instances, key=lambda one: one[0]), key=lambda one: one[0]):
            handles = [handle for _, handle in parts]
            mine = {**labels, "GPU_I_PROFILE": self._profile(handles[0]), "GPU_I_ID": str(place)}
            yield self._figures(mine, device, handles, place)

    def _instance(self, handle: Handle) -> tuple[int, Handle] | None:
        try:
            return self._nvml.instance_id(handle), handle
        except NvmlError:
            return None

    def _profile(self, handle: Handle) -> str:
        """Give the profile of a GPU instance, `3g.40gb`, also where compute instances divide it further."""
        name = _known(lambda: self._nvml.name(handle)).rpartition(_MIG)[2]
        return re.sub(r"^\d+c\.", "", name)

    def _labels(self, index: int, device: Handle) -> dict[str, str]:
        nvml = self._nvml
        minor = _known(lambda: str(nvml.minor(device)))
        return {
            "gpu": str(index),
            "UUID": _known(lambda: nvml.uuid(device)),
            "pci_bus_id": _known(lambda: nvml.pci_bus_id(device)),
            "device": f"nvidia{minor}" if minor else "",
            "modelName": _known(lambda: nvml.name(device)),
            **self._hosts(),
            "GPU_I_PROFILE": "",
            "GPU_I_ID": "",
        }

    def _hosts(self) -> dict[str, str]:
        return {"Hostname": self._host, "hostname": self._host}

    def _figures(
        self, labels: Mapping[str, str], device: Handle, handles: Sequence[Handle], place: int | None
    ) -> Facts:
        """Read the figures of a device, or of the handles that make up one of its GPU instances."""
        nvml, facts, mine = self._nvml, Facts(labels=labels), handles[0]
        _take(facts, (UTIL,), lambda: [_percent(nvml.utilization(mine))])
        _take(facts, (FB_USED, FB_FREE, FB_RESERVED), lambda: _memory(nvml, mine))
        # A MIG instance has no power, heat or clock of its own: DCGM gives it those of its device.
        _take(facts, (POWER,), lambda: [_counted(nvml.power(device)) / 1000])
        _take(facts, (TEMPERATURE,), lambda: [_counted(nvml.temperature(device))])
        _take(facts, (SM_CLOCK,), lambda: [_counted(nvml.sm_clock(device))])
        _take(facts, (XID,), lambda: [self._xid(labels)])
        _take(
            facts,
            (GRAPHICS, TENSOR, DRAM),
            lambda: self._activity.of((labels["UUID"], place), device, place),
        )
        _take(facts, (PROCESSES,), lambda: [self._processes(handles)])
        return facts

    def _xid(self, labels: Mapping[str, str]) -> float:
        unwatched = self._unwatched.get(int(labels["gpu"]))
        if unwatched is not None:
            raise NvmlError(unwatched)
        return self._xids.get(labels["UUID"], 0)

    def _processes(self, handles: Sequence[Handle]) -> float:
        if not self._sees_processes:
            raise NvmlError("a container does not see the processes of others")
        return sum(self._nvml.processes(handle) for handle in handles)


def _known(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except NvmlError:
        return ""


def _take(facts: Facts, names: Sequence[str], ask: Callable[[], Sequence[float | None]]) -> None:
    """Ask for figures that come together, and note each, or why it is missing."""
    try:
        values = ask()
    except NvmlError as error:
        facts.missing.update(dict.fromkeys(names, error.reason))
        return
    for name, value in zip(names, values, strict=True):
        if value is None or math.isnan(value):
            facts.missing[name] = "no value"
        else:
            facts.values[name] = value


def _counted(value: int) -> int:
    """Give a number of 32 bits, unless it is the one that stands for `no value`."""
    if value < 0 or value >= _NO_VALUE_32:
        raise NvmlError("no value")
    return value


def _percent(value: int) -> int:
    if not 0 <= value <= 100:
        raise NvmlError("no value")
    return value


def _memory(nvml: Nvml, handle: Handle) -> list[float | None]:
    found = nvml.memory(handle)
    amounts = (found.used, found.free, found.reserved)
    return [None if amount is None or amount >= _NO_VALUE else amount // _MIB for amount in amounts]
