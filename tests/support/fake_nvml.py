"""Machines with GPUs as NVML describes them: its units, its errors per field, its values for `no value`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from daemon.gpu.nvml import Active, Memory, NvmlError

GIB = 1024**3
LOST = "GPU is lost"
NOT_SUPPORTED = "not supported"


@dataclass(kw_only=True)
class FakeGpu:
    """A device or a MIG instance; `fails` gives the reason per call, `*` for every call."""

    uuid: str = "GPU-5c89eb0c-5d2f-4d43-8a5e-8c1d6a1f0e21"
    name: str = "NVIDIA H100 80GB HBM3"
    pci_bus_id: str = "00000000:17:00.0"
    minor: int = 0
    utilization: int = 37
    memory: Memory = field(default_factory=lambda: Memory(used=30 * GIB, free=49 * GIB, reserved=600 * 2**20))
    power: int = 312_456
    temperature: int = 54
    sm_clock: int = 1980
    processes: int = 2
    instance_id: int | None = None
    instances: list[FakeGpu] = field(default_factory=list)
    active: Active = field(default_factory=lambda: Active(graphics=41.5, tensor=12.0, dram=20.0))
    fails: dict[str, str] = field(default_factory=dict)


class FakeNvml:
    """Implements `daemon.gpu.nvml.Nvml` over `FakeGpu`s; `samples` are those not let go of."""

    def __init__(self, *gpus: FakeGpu) -> None:
        self.gpus = list(gpus)
        self.samples: list[Any] = []
        self.pending: list[tuple[str, int]] = []
        self.watched: list[str] = []
        self.unwatchable = ""
        self.asked_instances: list[int | None] = []
        self.closed = False

    def _of(self, gpu: FakeGpu, call: str) -> Any:
        reason = gpu.fails.get(call) or gpu.fails.get("*")
        if reason:
            raise NvmlError(reason)
        return getattr(gpu, call, None)

    def count(self) -> int:
        return len(self.gpus)

    def device(self, index: int) -> FakeGpu:
        self._of(self.gpus[index], "device")
        return self.gpus[index]

    def instances(self, device: FakeGpu) -> Sequence[FakeGpu]:
        return device.instances

    def instance_id(self, instance: FakeGpu) -> int:
        return int(self._of(instance, "instance_id"))

    def uuid(self, device: FakeGpu) -> str:
        return str(self._of(device, "uuid"))

    def name(self, device: FakeGpu) -> str:
        return str(self._of(device, "name"))

    def pci_bus_id(self, device: FakeGpu) -> str:
        return str(self._of(device, "pci_bus_id"))

    def minor(self, device: FakeGpu) -> int:
        return int(self._of(device, "minor"))

    def utilization(self, device: FakeGpu) -> int:
        return int(self._of(device, "utilization"))

    def memory(self, device: FakeGpu) -> Memory:
        found: Memory = self._of(device, "memory")
        return found

    def power(self, device: FakeGpu) -> int:
        return int(self._of(device, "power"))

    def temperature(self, device: FakeGpu) -> int:
        return int(self._of(device, "temperature"))

    def sm_clock(self, device: FakeGpu) -> int:
        return int(self._of(device, "sm_clock"))

    def processes(self, device: FakeGpu) -> int:
        return int(self._of(device, "processes"))

    def sample(self, device: FakeGpu, instance: int | None) -> Any:
        self._of(device, "sample")
        self.asked_instances.append(instance)
        made = [device, instance]
        self.samples.append(made)
        return made

    def active(self, first: Any, second: Any) -> Active:
        assert first is not second, "two samples are needed"
        found: Active = self._of(second[0], "active")
        return found

    def release(self, sample: Any) -> None:
        self.samples = [one for one in self.samples if one is not sample]

    def watch_xids(self, device: FakeGpu) -> None:
        if self.unwatchable:
            raise NvmlError(self.unwatchable)
        self.watched.append(device.uuid)

    def new_xids(self) -> Sequence[tuple[str, int]]:
        found, self.pending = self.pending, []
        return found

    def close(self) -> None:
        self.closed = True


def mig_h100() -> FakeGpu:
    """Give an H100 with two GPU instances, of which one has two compute instances."""

    def part(place: int, profile: str, uuid: str, memory: Memory) -> FakeGpu:
        return FakeGpu(
            uuid=uuid,
            name=f"NVIDIA H100 80GB HBM3 MIG {profile}",
            instance_id=place,
            memory=memory,
            processes=1,
            fails={"utilization": NOT_SUPPORTED, "power": NOT_SUPPORTED},
        )

    small = Memory(used=1 * GIB, free=8 * GIB, reserved=0)
    large = Memory(used=20 * GIB, free=19 * GIB, reserved=0)
    return FakeGpu(
        fails={"utilization": NOT_SUPPORTED},
        instances=[
            part(9, "1g.10gb", "MIG-c", small),
            part(1, "1c.3g.40gb", "MIG-a", large),
            part(1, "2c.3g.40gb", "MIG-b", large),
        ],
    )


def hopper_at_rest() -> FakeGpu:
    """Give a GPU whose counters have nothing to say: NVML gives NaN."""
    return FakeGpu(utilization=0, active=Active(graphics=nan, tensor=nan, dram=nan))
