"""What ran where, as splitting reads it: the frames of all sources of a cluster as one, day by day."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl

from attribution.kubernetes.merge import merged
from domain.usage import HOUR

if TYPE_CHECKING:
    from daemon.rooms import Rooms

LISTING = "kubernetes"
"""The type of source that lists what there is; the others measure."""

_LABELLED = ("pod", "namespace", "service")
_ALIVE = ("source", "cluster", "hour", "node", "provider_id", "alive_seconds")


class Usage:
    """The hours of usage that the ledger has."""

    def __init__(self, rooms: Rooms) -> None:
        self._ledger = rooms.ledger
        self._measuring = {source.name: source.type != LISTING for source in rooms.settings.sources}

    def fingerprint(self, start: datetime, end: datetime) -> str:
        """Give a text that changes when what was used, or what things are labelled, does; "" without any."""
        hours = self._ledger.usage_fingerprint(start=start, end=end)
        return f"{hours}/{self._labels(end)}" if hours else ""

    def nodes(self, start: datetime, end: datetime) -> pl.DataFrame:
        """Give when which nodes were there: `cluster`, `hour`, `node`, `provider_id`, `alive_seconds`."""
        rows = self._ledger.usage("node_hours", start=start, end=end).select(_ALIVE).collect()
        known = pl.col("provider_id").drop_nulls().first()
        seconds = pl.col("alive_seconds").drop_nulls().first()
        return rows.group_by("cluster", "hour", "node", maintain_order=True).agg(known, seconds)

    def volumes(self, start: datetime, end: datetime) -> pl.DataFrame:
        """Give when which volumes were there: `cluster`, `hour`, `volume`, `volume_id`."""
        rows = self._ledger.usage("volume_hours", start=start, end=end)
        return rows.select("cluster", "hour", "volume", "volume_id").unique().collect()

    def frame(self, name: str, start: datetime, end: datetime, clusters: Collection[str]) -> pl.DataFrame:
        """Give a frame of `domain.usage.FRAMES`, one row per key, whatever sources told of it."""
        rows = self._ledger.usage(name, clusters=sorted(clusters), start=start, end=end).collect()
        return merged(name, rows, self._measuring)

    @cached_property
    def sources(self) -> list[str]:
        """Name the sources that told of nodes."""
        return sorted({source for source, _, _ in self._reach})

    def source_of(self, cluster: str) -> str:
        """Name the source whose usage a cluster's estimates are stored under: of several the first."""
        return min(source for source, told, _ in self._reach if told == cluster)

    def through(self, cluster: str) -> datetime | None:
        """Give the end of the last hour that is known of a cluster."""
        last = (hour for _, told, hour in self._reach if told == cluster)
        newest = max(last, default=None)
        return None if newest is None else newest + HOUR

    @cached_property
    def _reach(self) -> list[tuple[str, str, datetime]]:
        rows = self._ledger.usage("node_hours").group_by("source", "cluster").agg(pl.col("hour").max())
        return list(rows.collect(engine="streaming").iter_rows())

    @cached_property
    def objects(self) -> pl.DataFrame:
        """Give what things are called and labelled."""
        return merged("objects", self._ledger.usage("objects").collect(), self._measuring)

    def _labels(self, end: datetime) -> str:
        old = pl.col("created_at").is_null() | (pl.col("created_at") < end)
        kept = self.objects.filter(pl.col("kind").is_in(_LABELLED), old)
        rows = kept.select("cluster", "kind", "namespace", "name", "uid", "address", "labels").iter_rows()
        texts = sorted(json.dumps([*row[:-1], dict(row[-1] or {})], sort_keys=True) for row in rows)
        return sha256("\n".join(texts).encode()).hexdigest()
