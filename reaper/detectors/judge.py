"""Judges what was observed by a rule: each kind has its detector."""

from __future__ import annotations

from typing import assert_never

from config.idle import Abandoned, CpuMemorySlack, GpuFree, GpuIdle, GpuWrongClass, Rule
from domain.finding import Finding
from reaper.detectors import abandoned, cpu_memory_slack, gpu_free, gpu_idle, gpu_wrong_class
from reaper.detectors.observed import Observed


def judge(observed: Observed, rule: Rule) -> list[Finding]:
    """Give what a rule finds; what it does not look at is no finding."""
    match rule:
        case GpuIdle():
            return gpu_idle.detect(observed, rule)
        case GpuFree():
            return gpu_free.detect(observed, rule)
        case GpuWrongClass():
            return gpu_wrong_class.detect(observed, rule)
        case CpuMemorySlack():
            return cpu_memory_slack.detect(observed, rule)
        case Abandoned():
            return abandoned.detect(observed, rule)
        case _:
            assert_never(rule)
