"""Whole hours, one stretch after the other: each is given whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from collectors.prometheus import questions as ask
from collectors.prometheus.answers import number_of
from collectors.prometheus.api import Api, Question, Span
from collectors.prometheus.devices import device_hours, holders
from collectors.prometheus.families import FAMILIES, GPU_FAMILIES
from collectors.prometheus.nodes import cards, node_hours, node_labels
from collectors.prometheus.pods import measure, pod_hours
from collectors.prometheus.settings import PrometheusSettings
from collectors.prometheus.things import objects, quota_hours, volume_hours
from collectors.prometheus.window import Window
from domain.errors import SourceError
from domain.ports import Progress
from domain.text import shortened
from domain.usage import HOUR, STEP, UsageBatch
from domain.window import midnight

_MOST_HOURS = 6
_MOST_POD_HOURS = 12_000
"""What is read at once, so that memory does not grow with the cluster: some 25 KB per pod and hour."""

_PODS = "count(kube_pod_info{$C})"

_SEARCHED = timedelta(days=7)
_PULSES = (
    "count(kube_node_info{$C})",
    "count(kube_pod_info{$C})",
    "count(DCGM_FI_DEV_FB_USED{$C})",
    "count(DCGM_FI_DEV_GPU_UTIL{$C})",
    "count(container_memory_working_set_bytes{$C})",
)
"""What tells that this cluster was scraped, small answers first."""


def first_hour(api: Api, start: datetime, end: datetime) -> datetime | None:
    """Give the first whole hour since `start` that has something of this cluster, None if none has.

    Where samples begin after `start`, the hour they begin in is not whole, and is left out.
    """
    for text in _PULSES:
        at = start
        while at < end:
            until = min(end, at + _SEARCHED)
            question = Question(name=text, text=f"max_over_time({text}[3599s:5m])", labels=())
            found = api.frame(question, Span(start=at + HOUR, end=until, step=HOUR))
            if found.height:
                first: datetime = found.select(pl.col("at").min()).item()
                return start if first - HOUR <= start else first
            at = until
    return None


def last_hour(api: Api, start: datetime, end: datetime) -> datetime:
    """Give the end of the last hour that anything is known of; `start` if none.

    Hours after that are not empty: nobody looked yet, or the server lags behind.
    """
    until = end
    while until > start:
        since = max(start, until - _SEARCHED)
        for text in _PULSES:
            question = Question(name=text, text=f"max_over_time({text}[3599s:5m])", labels=())
            found = api.frame(question, Span(start=since + HOUR, end=until, step=HOUR))
            if found.height:
                last: datetime = found.select(pl.col("at").max()).item()
                return last
        until = since
    return start


_TELLS_CLUSTERS = (
    "cluster",
    "cluster_name",
    "cluster_id",
    "k8s_cluster",
    "k8s_cluster_name",
    "kubernetes_cluster",
)
"""Labels by which servers of several clusters tell them apart; which one is a choice of who set it up."""


def refuse_several(api: Api, at: datetime) -> None:
    """Refuse series of several clusters where nothing says which are meant: names would run together.

    Raises:
        SourceError: there are several, or the server did not answer.
    """
    if api.matcher:
        return
    found = api.instant(f"count by ({', '.join(_TELLS_CLUSTERS)})(kube_node_info)", at)
    for label in _TELLS_CLUSTERS:
        names = sorted({text for one in found if (text := one["metric"].get(label))})
        if len(names) > 1:
            listed = ", ".join(shortened(name, 60) for name in names[:5])
            raise SourceError(
                f"{api.web.place} has nodes of several clusters ({label} is {listed}); nothing was read",
                hint=f"say which one this source is: `cluster_label: {label}` and `cluster_value: …`",
            )


def read_window(window: Window) -> dict[str, pl.DataFrame]:
    """Give every frame of a window; one that nothing is known of is left out."""
    labels = node_labels(window)
    capacity = window.by_hour(ask.CAPACITY)
    found = measure(window)
    names = {*labels, *capacity["node"].drop_nulls(), *found.info["node"].drop_nulls()}
    held = holders(window, names, found.info)
    gpus = cards(capacity.drop_nulls("node"), labels, held.select("node", "UUID", "modelName").unique())
    frames = {
        "node_hours": node_hours(window, capacity, labels, gpus),
        "pod_hours": pod_hours(window, found, gpus),
        "device_hours": device_hours(window, held, gpus, found.running, found.requests),
        "volume_hours": volume_hours(window, found.running),
        "quota_hours": quota_hours(window),
        "objects": objects(window, labels),
    }
    return {name: frame for name, frame in frames.items() if frame.height}


@dataclass(slots=True, kw_only=True)
class Reading:
    """Reads hours of a source, the oldest first.

    Attributes:
        settings: of the source.
        api: answers questions.
        start, end: the hours, `[start, end)`.
        progress: told of every hour.
    """

    settings: PrometheusSettings
    api: Api
    start: datetime
    end: datetime
    progress: Progress

    def batches(self) -> Iterator[UsageBatch]:
        """Give the hours in stretches within a UTC day; a stretch that fails ends it, those before stay."""
        hours = (self.end - self.start) // HOUR
        if not hours:
            return
        self.progress.start(f"hours of {self.settings.cluster}", hours, "hours")
        at, most = self.start, self._most_hours() if hours > 1 else 1
        while at < self.end:
            next_day = midnight(at.date()) + timedelta(days=1)
            until = min(self.end, next_day, at + most * HOUR)
            yield self._batch(at, until)
            self.progress.advance((until - at) // HOUR)
            at = until
        self.progress.finish()

    def _most_hours(self) -> int:
        """Give how many hours of this cluster are read at once, by how many pods it has or had."""
        found = [self.api.instant(_PODS, at) for at in (self.start + HOUR, self.end)]
        pods = max((int(number_of(one)) for series in found for one in series), default=0)
        return max(1, min(_MOST_HOURS, _MOST_POD_HOURS // max(1, pods)))

    def _batch(self, start: datetime, end: datetime) -> UsageBatch:
        window = window_of(self.settings, self.api, start, end)
        frames = read_window(window)
        return UsageBatch(
            source=self.settings.name,
            cluster=self.settings.cluster,
            start=start,
            end=end,
            frames=frames,
            cursor={"through": end.isoformat()},
            notes=notes_of(window, frames),
        )


def window_of(settings: PrometheusSettings, api: Api, start: datetime, end: datetime) -> Window:
    """Give some hours of the source's cluster."""
    return Window(api=api, cluster=settings.cluster, start=start, end=end, rate_window=settings.rate_window)


def notes_of(window: Window, frames: dict[str, pl.DataFrame]) -> tuple[str, ...]:
    """Say what is missing in some hours, and what that costs."""
    missing = dict.fromkeys(window.missing)
    notes = [FAMILIES[one].note for one in missing if one in FAMILIES and not FAMILIES[one].optional]
    if "device_hours" in frames:
        notes += [GPU_FAMILIES[m].note for m in missing if m in GPU_FAMILIES and not GPU_FAMILIES[m].optional]
    elif _has_gpus(frames):
        notes.append(
            "nodes have GPUs, but no metric of DCGM_FI_ was found (dcgm-exporter gives them): whether "
            "they work is unknown"
        )
    gap = _gap(window)
    return (*dict.fromkeys(notes), *window.notes, *gap)


def _has_gpus(frames: dict[str, pl.DataFrame]) -> bool:
    nodes = frames.get("node_hours")
    return nodes is not None and bool(nodes.filter(pl.col("gpus") > 0).height)


def _gap(window: Window) -> tuple[str, ...]:
    """Say how much of the time nobody looked: things are counted for the time they were seen."""
    if "kube_node_info" in window.missing:
        return ()
    steps = (window.end - window.start) // STEP
    lost = (steps - window.by_step(ask.PULSE)["at"].n_unique()) * STEP // timedelta(minutes=1)
    hours = f"{window.start:%Y-%m-%d %H:%M} to {window.end:%H:%M}"
    note = f"{hours}: {lost} minutes without samples; things count for the time they were seen"
    return (note,) if lost else ()
