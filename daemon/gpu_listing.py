"""GPU-hours by team and model as rows to print, against what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from daemon.dimensions import UNALLOCATED
from daemon.output import Field, Listing
from domain.show import instant_text

if TYPE_CHECKING:
    from daemon.gpu_hours import GpuUse
    from domain.window import Window


def gpu_listing(uses: Sequence[GpuUse], window: Window) -> Listing:
    """Give GPU-hours to print."""
    over = sorted({f"{use.team} ({use.quota.model})" for use in uses if use.is_over and use.quota})
    notes = [f"Over quota: {', '.join(over)}."] if over else []
    if any(use.measured < use.hours for use in uses):
        notes.append("Hours without GPU metrics count as they were asked for; `measured` tells them apart.")
    return Listing(
        fields=(
            Field(name="team", missing=UNALLOCATED),
            Field(name="model"),
            Field(name="gpu_hours", title="GPU-HOURS", number=True),
            Field(name="measured", number=True),
            Field(name="quota", number=True, missing=""),
            Field(name="quota_model", machine_only=True),
            Field(name="quota_used", title="USED OF IT", number=True, missing=""),
            Field(name="over", machine_only=True),
        ),
        rows=[
            {
                "team": use.team,
                "model": use.model,
                "gpu_hours": use.hours,
                "measured": use.measured,
                "quota": use.quota.hours if use.quota else None,
                "quota_model": use.quota.model if use.quota else None,
                "quota_used": use.quota_hours,
                "over": use.is_over,
            }
            for use in uses
        ],
        document={
            "schema": "costd.gpu-hours/1",
            "window": {"from": window.start, "to": window.end},
            "rows": [],
        },
        above=(f"GPU-hours from {instant_text(window.start)} to {instant_text(window.end)}",) if uses else (),
        notes=tuple(notes),
        following=("costd idle", "costd report --by cluster,team"),
        empty="No pod held a GPU, or no usage is stored: docs/idle.md tells what is needed.",
    )
