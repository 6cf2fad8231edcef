"""What is asked of NVML, NVIDIA's management library: a small Protocol, in NVML's own units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domain.errors import CostdError

Handle = Any
"""A device or MIG instance as NVML knows it; opaque to everybody else."""

Sample = Any
"""Counters of a device at an instant; opaque. Two of them give what was between."""


class NvmlError(Exception):
    """NVML does not give a figure.

    Attributes:
        reason: why, in words: `not supported`, `no permission`, `GPU is lost`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoGpuError(CostdError):
    """This machine has no GPU that can be read; the hint says what to do."""

    code = "no_gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory of a device in bytes; `reserved` is None where the driver counts it as used."""

    used: int
    free: int
    reserved: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """What a device did between two samples, each in percent; NaN or None where it is not known."""

    graphics: float | None
    tensor: float | None
    dram: float | None


class Nvml(Protocol):
    """The calls that are made; each gives NVML's own value and unit, or raises `NvmlError`."""

    def count(self) -> int:
        """Give how many devices there are."""
        ...

    def device(self, index: int) -> Handle:
        """Give a device by its number."""
        ...

    def instances(self, device: Handle) -> Sequence[Handle]:
        """Give the MIG instances of a device; none where MIG is off or unknown to it."""
        ...

    def instance_id(self, instance: Handle) -> int:
        """Give the number of the GPU instance that a MIG instance belongs to."""
        ...

    def uuid(self, device: Handle) -> str:
        """Give the UUID: `GPU-…` or `MIG-…`."""
        ...

    def name(self, device: Handle) -> str:
        """Give the name of the product: `NVIDIA H100 80GB HBM3`, with ` MIG 3g.40gb` for an instance."""
        ...

    def pci_bus_id(self, device: Handle) -> str:
        """Give where it is plugged in: `00000000:17:00.0`."""
        ...

    def minor(self, device: Handle) -> int:
        """Give the number of its file: 0 for /dev/nvidia0."""
        ...

    def utilization(self, device: Handle) -> int:
        """Give the percent of time in which any kernel ran."""
        ...

    def memory(self, device: Handle) -> Memory:
        """Give the memory."""
        ...

    def power(self, device: Handle) -> int:
        """Give the power in milliwatts."""
        ...

    def temperature(self, device: Handle) -> int:
        """Give the temperature in degrees Celsius."""
        ...

    def sm_clock(self, device: Handle) -> int:
        """Give the clock of the multiprocessors in MHz."""
        ...

    def processes(self, device: Handle) -> int:
        """Give how many processes compute on it."""
        ...

    def sample(self, device: Handle, instance: int | None) -> Sample:
        """Take a sample of the device's counters, or of one of its GPU instances."""
        ...

    def active(self, first: Sample, second: Sample) -> Active:
        """Give what was done between two samples."""
        ...

    def release(self, sample: Sample) -> None:
        """Let go of a sample."""
        ...

    def watch_xids(self, device: Handle) -> None:
        """Have critical errors of a device noted from now on."""
        ...

    def new_xids(self) -> Sequence[tuple[str, int]]:
        """Give the errors since the last call, oldest first: UUID of the device and XID."""
        ...

    def close(self) -> None:
        """Let go of the library."""
        ...
