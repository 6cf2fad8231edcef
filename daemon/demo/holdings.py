"""What the clusters hold besides machines: volumes that pods mounted, and quotas of namespaces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from daemon.demo.entities import Entity
from daemon.demo.fleet import standing
from daemon.demo.ids import resource_id, zone
from daemon.demo.naming import short
from daemon.demo.placing import HOUR
from daemon.demo.prices import rows
from daemon.demo.stretch import Stretch
from domain.usage import QUOTA_HOURS, VOLUME_HOURS


def volume_id(volume: Entity) -> str | None:
    """Give the id by which a volume's driver knows it."""
    if volume.provider == "aws":
        return resource_id(volume, "ebs.gp3", "ebs")
    return f"projects/{volume.home.id}/zones/{zone(volume)}/disks/{volume.name}"


def volume_hours(stretch: Stretch) -> pl.DataFrame:
    """Give which pod held which volume; one that is mounted for a part of the hour has the longest holder."""
    return pl.DataFrame(list(_volumes(stretch)), schema=VOLUME_HOURS, orient="row")


def _volumes(stretch: Stretch) -> Iterator[tuple[object, ...]]:
    known = {entity.name: entity for entity in standing(stretch.scene.seed)}
    instants = stretch.instants.to_list()
    for row in rows("claims"):
        if row["cluster"] != stretch.cluster:
            continue
        volume, gib = known[row["volume"]], float(row["gib"])
        running = _existing(stretch, volume)
        holders = [
            index
            for index, pod in enumerate(stretch.pods)
            if (pod.workload.namespace, short(pod.workload), str(pod.number))
            == (row["namespace"], row["workload"], row["index"])
        ]
        for hour, instant in enumerate(instants):
            if not running[hour]:
                continue
            held = max(holders, key=lambda index: stretch.seconds[index, hour], default=None)
            uid = stretch.uids[held] if held is not None and stretch.seconds[held, hour] else None
            used = gib * int(row["used"]) / 1000 if uid else None  # only a mounted one is measured
            place = (volume.name, volume_id(volume), row["claim"], row["namespace"])
            yield (stretch.cluster, instant, *place, uid, gib, used)


def _existing(stretch: Stretch, volume: Entity) -> list[bool]:
    there = stretch.scene.controls.existing(volume, stretch.scene.span)
    if there is None:
        return [True] * len(stretch.hours)
    return [bool(part) for part in there[stretch.window]]


def quota_hours(stretch: Stretch) -> pl.DataFrame:
    """Give what namespaces may request and what they do."""
    return pl.DataFrame(list(_quotas(stretch)), schema=QUOTA_HOURS, orient="row")


def _quotas(stretch: Stretch) -> Iterator[tuple[object, ...]]:
    instants = stretch.instants.to_list()
    figures = (
        ("cpu", "cpu", stretch.each(lambda w: w.cpu_m / 1000)),
        ("memory", "memory_gib", stretch.each(lambda w: w.memory_mi / 1024)),
        # A quota counts whole requests, even of a slice or a turn.
        ("gpu", "gpu", stretch.each(lambda w: float(w.gpus or bool(w.gpu_mib)))),
    )
    for row in rows("quotas"):
        if row["cluster"] != stretch.cluster:
            continue
        inside = [n for n, pod in enumerate(stretch.pods) if pod.workload.namespace == row["namespace"]]
        seconds = stretch.seconds[inside]
        for resource, column, request in figures:
            # Rounded, so that an hour asked alone is the same to the last digit.
            used = np.round(request[inside] @ seconds / HOUR, 9)
            for hour, instant in enumerate(instants):
                hard = float(row[column])
                yield (stretch.cluster, instant, row["namespace"], resource, hard, float(used[hour]))
