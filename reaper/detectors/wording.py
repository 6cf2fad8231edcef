"""How detectors say what they measured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from domain.finding import Evidence
from domain.resource import ResourceId
from domain.show import count_text
from reaper.detectors.money import Cost

_GIB = 1024
NOT_MEASURED = "not measured"


def share_text(value: float | None) -> str:
    """Write a share of one: `3.2 %`."""
    return NOT_MEASURED if value is None else f"{value * 100:.{0 if value >= 0.1 else 1}f} %"


def hours_text(hours: float) -> str:
    """Write a length: `5 h`, `0.5 h`, `3 d 4 h`."""
    if hours < 48:
        return f"{hours:.1f} h".replace(".0 h", " h")
    days, rest = divmod(round(hours), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def length_text(length: timedelta) -> str:
    """Write a rule's time as text."""
    return hours_text(length.total_seconds() / 3600)


def memory_evidence(row: Mapping[str, Any]) -> Evidence:
    """Say how much GPU memory was held; held memory tells idle-held from a claim never used."""
    used, total = row.get("memory_used_mib"), row.get("memory_total_mib")
    if used is None:
        return Evidence(metric="GPU memory held, most", value=NOT_MEASURED, speaks_for=None)
    text = f"{used / _GIB:.1f} GiB"
    if total:
        text += f" of {total / _GIB:.0f} GiB"
    return Evidence(metric="GPU memory held, most", value=text, speaks_for=True)


def unmeasured(hours: int) -> tuple[Evidence, ...]:
    """Say how many hours could not be told, if any."""
    if not hours:
        return ()
    said = f"{count_text(hours, 'hour')}, not counted as idle"
    return (Evidence(metric="hours that could not be told", value=said, speaks_for=None),)


def named(which: ResourceId) -> str:
    """Write a thing for a sentence: `deployment shop/web`."""
    place = f"{which.namespace}/{which.name}" if which.namespace else which.name
    return f"{which.kind} {place}"


def money_evidence(cost: Cost | None) -> tuple[Evidence, ...]:
    """Say what is not known of a cost, if anything."""
    if cost is None:
        return (Evidence(metric="cost", value="no cost is known of it", speaks_for=None),)
    if cost.hours < cost.of:
        return (Evidence(metric="cost is known of", value=cost.evidence, speaks_for=None),)
    return ()
