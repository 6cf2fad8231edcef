"""GPU-hours by team and model in a UTC month, against what was promised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import polars as pl

from daemon.idle import frame_of
from daemon.idle_owners import teams_of
from domain.usage import HOUR

if TYPE_CHECKING:
    from datetime import datetime

    from attribution.star import Star
    from config.idle import GpuQuota
    from daemon.rooms import Rooms
    from domain.window import Window

UNNAMED = "unknown model"
_PLACES = Decimal("0.01")
_POD = ["cluster", "uid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUse:
    """What a team held of a model of GPU.

    Attributes:
        team: None is unallocated.
        model: as drivers name it; a slice of a card counts as its share of the card.
        hours: GPU-hours held, to the hundredth.
        measured: those of them that a GPU metric told of; the others were only asked for.
        quota: what the team may use, if a quota is for this model.
        quota_hours: what the quota has been used of, all models that it is for together.
    """

    team: str | None
    model: str
    hours: Decimal
    measured: Decimal
    quota: GpuQuota | None = None
    quota_hours: Decimal | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether more than the quota was used; a quota of 0 allows nothing."""
        return self.quota is not None and self.quota_hours is not None and self.quota_hours > self.quota.hours


def gpu_hours(rooms: Rooms, star: Star, window: Window) -> tuple[GpuUse, ...]:
    """Give what teams held in a window, the most first within a team."""
    devices = frame_of(rooms, "device_hours", window)
    uids = devices.get_column("uid").drop_nulls().unique().implode()
    mine = (pl.col("gpu_request_hours") > 0) | pl.col("uid").is_in(uids)
    pods = frame_of(rooms, "pod_hours", window, where=mine)
    nodes = frame_of(rooms, "node_hours", window, where=pl.col("gpus") > 0)
    rows = held(devices, pods, nodes)
    objects = frame_of(rooms, "objects")
    teams = teams_of(pods, objects, star, rooms.rules)
    return against(_by_team(rows, teams), rooms.settings.quotas.gpu_hours)


def held(devices: pl.DataFrame, pods: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Give `cluster`, `uid`, `model`, `hours` and `measured`; where no metric tells, what was asked for."""
    told = (
        devices.filter(pl.col("uid").is_not_null())
        .with_columns((pl.col("share") * pl.col("seconds").fill_null(3600.0) / 3600).alias("hours"))
        .group_by(*_POD, "hour", "model")
        .agg(pl.col("hours").sum())
        .with_columns(pl.col("hours").alias("measured"))
    )
    models = nodes.select("cluster", "hour", "node", pl.col("gpu_model").alias("model")).unique(
        ["cluster", "hour", "node"], keep="first"
    )
    asked = (
        pods.filter(pl.col("gpu_request_hours") > 0)
        .unique([*_POD, "hour"], keep="first")
        .join(told, on=[*_POD, "hour"], how="anti")
        .join(models, on=["cluster", "hour", "node"], how="left")
        .select(
            *_POD, "hour", "model", pl.col("gpu_request_hours").alias("hours"), pl.lit(0.0).alias("measured")
        )
    )
    both = pl.concat([told, asked])
    return both.group_by(*_POD, "model").agg(pl.col("hours").sum(), pl.col("measured").sum())


def _by_team(rows: pl.DataFrame, teams: dict[tuple[str, str], str | None]) -> list[GpuUse]:
    sums: dict[tuple[str | None, str], tuple[float, float]] = {}
    for cluster, uid, model, hours, measured in rows.sort(*_POD, "model").iter_rows():
        key = (teams.get((cluster, uid)), model or UNNAMED)
        before = sums.get(key, (0.0, 0.0))
        sums[key] = (before[0] + hours, before[1] + measured)
    uses = [
        GpuUse(team=team, model=model, hours=_exact(hours), measured=_exact(measured))
        for (team, model), (hours, measured) in sums.items()
    ]
    return sorted(uses, key=lambda use: (use.team is None, use.team or "", -use.hours, use.model))


def _exact(hours: float) -> Decimal:
    return Decimal(str(hours)).quantize(_PLACES)


def against(uses: Sequence[GpuUse], quotas: Iterable[GpuQuota]) -> tuple[GpuUse, ...]:
    """Put quotas beside what was used; of several that are for a model the first counts."""
    from dataclasses import replace

    found = list(uses)
    taken: set[int] = set()
    for quota in quotas:
        mine = [at for at, use in enumerate(found) if at not in taken and _is_for(quota, use)]
        used = sum((found[at].hours for at in mine), Decimal(0))
        taken.update(mine)
        for at in mine:
            found[at] = replace(found[at], quota=quota, quota_hours=used)
        if not mine:
            unused = GpuUse(team=quota.team, model=quota.model, hours=Decimal(0), measured=Decimal(0))
            found.append(replace(unused, quota=quota, quota_hours=Decimal(0)))
            taken.add(len(found) - 1)
    return tuple(found)


def _is_for(quota: GpuQuota, use: GpuUse) -> bool:
    return (use.team or "").lower() == quota.team.lower() and fnmatchcase(
        use.model.lower(), quota.model.lower()
    )


def through(rooms: Rooms, window: Window) -> datetime | None:
    """Give the end of the newest hour that is known in a window; None for none."""
    newest = (
        rooms.ledger.usage("pod_hours", start=window.start, end=window.end)
        .select(pl.col("hour").max())
        .collect()
        .item()
    )
    return None if newest is None else newest + HOUR
