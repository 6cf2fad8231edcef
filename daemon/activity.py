"""How active each GPU was lately, hour by hour, for drawings beside what was found of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from domain.usage import HOUR

if TYPE_CHECKING:
    from domain.finding import Finding
    from domain.ports import UsageLedger
    from domain.resource import ResourceId

DAYS = 14
_DEVICE = ("cluster", "device", "instance")
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One GPU or MIG instance.

    Attributes:
        device: its UUID.
        name: model and profile, as people say them.
        average, highest: the part of each hour that it was active, 0 to 1; None where that was not measured.
    """

    device: str
    name: str
    average: tuple[float | None, ...]
    highest: tuple[float | None, ...]

    @property
    def measured(self) -> int:
        """Give how many hours were measured."""
        return sum(value is not None for value in self.highest)

    @property
    def most(self) -> float | None:
        """Give the highest activity of all; None where nothing was measured."""
        return max((value for value in self.highest if value is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The GPUs of every cluster in a stretch of whole hours.

    Attributes:
        start: the first hour.
        hours: how many hours.
        lines: each device with its hours.
        held: devices by what holds them now: `pod`, cluster and uid; `node`, cluster and name, for those
            that nobody holds; or the workload's kind, cluster, namespace and name.
    """

    start: datetime
    hours: int
    lines: Mapping[Key, Line] = field(default_factory=lambda: MappingProxyType({}))
    held: Mapping[Key, tuple[Key, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, finding: Finding) -> tuple[Line, ...]:
        """Give the devices that a finding is about."""
        keys = self.held.get(_subject(finding.resource), ())
        return tuple(self.lines[key] for key in keys)


def _subject(which: ResourceId) -> Key:
    if which.kind == "pod":
        return "pod", which.place, which.uid
    if which.kind == "node":
        return "node", which.place, which.name
    return which.kind, which.place, which.namespace, which.name


def activity_of(ledger: UsageLedger, end: datetime) -> Activity:
    """Give the activity of the last days before an instant.

    Args:
        ledger: where hours of usage are.
        end: the end of the last hour, which must be whole.
    """
    start, hours = end - timedelta(days=DAYS), DAYS * 24
    rows = (
        ledger.usage("device_hours", start=start, end=end)
        .select(*_DEVICE, "hour", "node", "model", "profile", "uid", "activity", "activity_max")
        .collect()
    )
    if rows.is_empty():
        return Activity(start=start, hours=hours)
    pods = ledger.usage("pod_hours", start=start, end=end)
    kinds = (
        pods.filter(pl.col("uid").is_in(rows.get_column("uid").drop_nulls().unique().to_list()))
        .select("cluster", "uid", "namespace", "workload_kind", "workload")
        .unique(["cluster", "uid"], keep="any")
        .collect()
    )
    return Activity(start=start, hours=hours, lines=_lines(rows, start, hours), held=_held(rows, kinds))


def _lines(rows: pl.DataFrame, start: datetime, hours: int) -> dict[Key, Line]:
    """Fold the rows of several holders and sources into one line per device: its figures are on each."""
    highest = pl.coalesce("activity_max", "activity")
    folded = (
        rows.sort("hour")
        .group_by(*_DEVICE, "hour", maintain_order=True)
        .agg(pl.col("activity").max(), highest.max().alias("highest"), pl.col("model", "profile").last())
        .with_columns(((pl.col("hour") - start).dt.total_hours()).alias("at"))
        .group_by(*_DEVICE, maintain_order=True)
        .agg("at", "activity", "highest", pl.col("model", "profile").last())
    )
    found = {}
    for row in folded.iter_rows(named=True):
        words = [word for word in (row["model"], row["profile"]) if word]
        found[_key(row)] = Line(
            device=row["device"] or "",
            name=" ".join(words),
            average=_spread(row["at"], row["activity"], hours),
            highest=_spread(row["at"], row["highest"], hours),
        )
    return found


def _spread(places: Sequence[int], values: Sequence[float | None], hours: int) -> tuple[float | None, ...]:
    spread: list[float | None] = [None] * hours
    for at, value in zip(places, values, strict=True):
        spread[at] = value
    return tuple(spread)


def _held(rows: pl.DataFrame, kinds: pl.DataFrame) -> dict[Key, tuple[Key, ...]]:
    """Give what holds each device in the newest hour that says so."""
    newest = (
        rows.with_columns(pl.col("hour").max().over("cluster", "node").alias("newest"))
        .filter(pl.col("hour") == pl.col("newest"))
        .join(kinds, on=["cluster", "uid"], how="left")
        .sort(*_DEVICE)
    )
    found: dict[Key, dict[Key, None]] = {}
    for row in newest.iter_rows(named=True):
        for holder in _holders(row):
            found.setdefault(holder, {})[_key(row)] = None
    return {holder: tuple(keys) for holder, keys in found.items()}


def _holders(row: Mapping[str, Any]) -> Iterable[Key]:
    if row["uid"] is None:
        yield "node", row["cluster"], row["node"] or ""
        return
    yield "pod", row["cluster"], row["uid"]
    if row["workload"] is not None and row["workload_kind"] is not None:
        yield row["workload_kind"].lower(), row["cluster"], row["namespace"] or "", row["workload"]


def _key(row: Mapping[str, Any]) -> Key:
    return row["cluster"], row["device"] or "", row["instance"] or ""


def whole_hour(at: datetime) -> datetime:
    """Give the end of the last whole hour."""
    return at - (at - datetime.min.replace(tzinfo=at.tzinfo)) % HOUR
