"""What doctor looks at on this machine: clock, time zones, disks, and the form of the heartbeat's address."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from daemon.doctor.check import Finding
from domain.probe import Health, Probe
from domain.text import printable

SKEW_WARN = timedelta(seconds=30)
SKEW_FAIL = timedelta(minutes=5)
"""From then on providers begin to refuse requests: signatures are bound to the time."""

LITTLE_BYTES = 2 * 2**30
NO_BYTES = 256 * 2**20
"""Less than this, and one delivery may not fit."""

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NTP = "switch on NTP, e.g. `timedatectl set-ntp true`"


def zone_probe(zones: Callable[[], set[str]] = available_timezones) -> Probe:
    """Say whether this machine knows time zones."""
    count = len(zones())
    if count:
        return Probe(subject=f"time zone database: {count:,} zones", health=Health.OK)
    return Probe(
        subject="time zone database",
        health=Health.FAIL,
        breaks="there is none: no digest can be scheduled at a local time",
        fix="install the system's package tzdata, or `pip install tzdata`",
    )


def clock_probe(findings: Iterable[Finding], now: datetime) -> Probe:
    """Compare this machine's clock with what servers told while they were asked."""
    told = [
        (skew(finding.probe.server_time, finding.began, finding.ended), finding.area)
        for finding in findings
        if finding.probe.server_time is not None
    ]
    subject = f"this machine's clock says {now:%Y-%m-%d %H:%M:%S} UTC"
    if not told:
        return Probe(subject=f"{subject}; nothing that was asked told its own time", health=Health.OK)
    worst, area = max(told, key=lambda one: abs(one[0]))
    if abs(worst) <= SKEW_WARN:
        return Probe(subject=f"{subject}, as {area} says", health=Health.OK)
    seconds = round(abs(worst).total_seconds())
    ahead = "ahead of" if worst > timedelta(0) else "behind"
    return Probe(
        subject=subject,
        health=Health.FAIL if abs(worst) >= SKEW_FAIL else Health.WARN,
        breaks=f"it is {seconds:,} s {ahead} {area}: digests come at wrong times, requests get refused",
        fix=_NTP,
    )


def skew(server_time: datetime, began: datetime, ended: datetime) -> timedelta:
    """Give how far our clock is surely ahead of (or, below zero, behind) a server that was asked meanwhile.

    The header has whole seconds, so the server may have been up to one second later than it says.
    """
    if server_time + timedelta(seconds=1) < began:
        return began - server_time - timedelta(seconds=1)
    if server_time > ended:
        return ended - server_time
    return timedelta(0)


def disk_probes(
    folders: Sequence[tuple[str, Path]], usage: Callable[[Path], int] | None = None
) -> Iterator[Probe]:
    """Say how much room is left where each named folder is, or will be; each disk once."""
    free_bytes = usage or (lambda path: shutil.disk_usage(path).free)
    seen: set[int] = set()
    for name, folder in folders:
        place = existing(folder)
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        free = free_bytes(place)
        subject = f"disk of {name} ({printable(str(folder))}): {size_text(free)} free"
        if free >= LITTLE_BYTES:
            yield Probe(subject=subject, health=Health.OK)
            continue
        yield Probe(
            subject=subject,
            health=Health.WARN if free >= NO_BYTES else Health.FAIL,
            breaks="a large delivery may not fit; what is stored stays whole",
            fix=f"free space below {printable(str(place))}, or set `{name}` to a larger disk",
        )


def heartbeat_probe(name: str, url: str) -> Probe:
    """Look at the form of the heartbeat's address; calling it would say that all is well."""
    subject = f"heartbeat {name}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or parts.scheme not in {"http", "https"} or not url.isascii() or " " in url:
        return Probe(
            subject=subject,
            health=Health.FAIL,
            breaks="its address is no http or https URL: nobody notices when costd stops",
            fix="set `heartbeat.url` to the address that your dead man's switch shows",
        )
    if parts.scheme == "http" and host not in _LOOPBACK:
        return Probe(
            subject=subject,
            health=Health.WARN,
            breaks="its address is sent in the clear, and whoever sees it can fake the call",
            fix="write it with https://",
        )
    return Probe(
        subject=f"{subject} has the form of an address; it is only called while costd runs", health=Health.OK
    )


def existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def may_write(folder: Path) -> bool:
    """Say whether files can be made in a folder, or in what exists above it; nothing is written."""
    place = existing(folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


def size_text(count: int) -> str:
    """Write a number of bytes as people read it."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,} bytes"
