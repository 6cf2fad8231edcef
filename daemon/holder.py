"""Who holds a lease: a name that tells whether its process still lives.

A process that was killed leaves its lease behind. On the same host nobody needs to wait
for it to run out: `host:pid:start` says which process it was, and that it is gone.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

_START_FIELD = 19
"""Field 22 of /proc/PID/stat (start time in clock ticks), counted behind the command's bracket."""


def this_process() -> str:
    """Name this process: `host:pid:start`."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def is_gone(holder: str) -> bool:
    """Tell whether a holder was a process of this host that no longer lives; unknown is alive."""
    host, _, process = holder.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not process.isdigit():
        return False
    pid, started = int(process), holder.rpartition(":")[2]
    return not _lives(pid) or _started(pid) not in {"", started}


def told(holder: str) -> str:
    """Say who holds a lease, in words."""
    host, _, process = holder.rpartition(":")[0].rpartition(":")
    return f"process {process} on {host}" if host and process.isdigit() else holder


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _started(pid: int) -> str:
    """Give when a process started, in the kernel's ticks; "" where /proc is not to be had."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[_START_FIELD]
