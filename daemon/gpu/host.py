"""What of the machine this process can see."""

from __future__ import annotations

from pathlib import Path

_INITIAL_PROCESSES = "pid:[4026531836]"
"""The first namespace of processes has the same number on every Linux."""

_NAMESPACE = Path("/proc/self/ns/pid")


def sees_processes(namespace: Path = _NAMESPACE) -> bool:
    """Tell whether processes of the whole machine are visible: within a container NVML shows none."""
    try:
        return str(namespace.readlink()) == _INITIAL_PROCESSES
    except OSError:
        return False
