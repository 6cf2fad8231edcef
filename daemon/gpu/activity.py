"""How active a GPU was between two readings, from the counters of Hopper and newer."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from daemon.gpu.nvml import Handle, Nvml, NvmlError, Sample

_SHORTEST_SECONDS = 1.0
"""Below that the counters say little, and two readers would shorten each other's time."""

_ROUNDING = 1.01
"""NVML's own rounding may pass 100 percent by a little; more than that is no ratio."""

Ratios = tuple[float | None, float | None, float | None]


@dataclass(slots=True, kw_only=True)
class _Last:
    sample: Sample
    at: float
    ratios: Ratios | None


class Activity:
    """Keeps the last sample of each device; the next one tells what was between.

    Args:
        nvml: how the driver is asked.
        seconds: gives a monotonic time in seconds.
    """

    def __init__(self, nvml: Nvml, seconds: Callable[[], float]) -> None:
        self._nvml = nvml
        self._seconds = seconds
        self._last: dict[Hashable, _Last] = {}

    def of(self, key: Hashable, device: Handle, instance: int | None) -> Ratios:
        """Give the ratios (graphics, tensor, memory) since the last reading of what `key` names.

        Raises:
            NvmlError: the GPU does not count these, or there was no reading before.
        """
        now, last = self._seconds(), self._last.get(key)
        if last is not None and now - last.at < _SHORTEST_SECONDS and last.ratios is not None:
            return last.ratios
        try:
            sample = self._nvml.sample(device, instance)
        except NvmlError:
            self._forget(key)
            raise
        if last is None:
            self._last[key] = _Last(sample=sample, at=now, ratios=None)
            raise NvmlError("no earlier reading to compare with")
        try:
            active = self._nvml.active(last.sample, sample)
        finally:
            self._nvml.release(last.sample)
            self._last[key] = last = _Last(sample=sample, at=now, ratios=None)
        last.ratios = (_ratio(active.graphics), _ratio(active.tensor), _ratio(active.dram))
        return last.ratios

    def close(self) -> None:
        """Let go of every sample."""
        for key in list(self._last):
            self._forget(key)

    def _forget(self, key: Hashable) -> None:
        last = self._last.pop(key, None)
        if last is not None:
            self._nvml.release(last.sample)


def _ratio(percent: float | None) -> float | None:
    """Give a percentage as a ratio; None where it is none."""
    if percent is None or math.isnan(percent):
        return None
    ratio = percent / 100
    return min(ratio, 1.0) if 0 <= ratio <= _ROUNDING else None
