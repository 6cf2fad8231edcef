"""What runs on a cluster and its GPUs, from Prometheus, Thanos, Mimir or VictoriaMetrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import polars as pl

from collectors.interface import Probe
from collectors.prometheus.api import Api
from collectors.prometheus.probing import probes_of
from collectors.prometheus.reading import Reading, first_hour, last_hour, read_window, window_of
from collectors.prometheus.settings import PrometheusSettings
from collectors.prometheus.web import Web
from domain.delivery import Coverage, Cursor, Freshness
from domain.errors import SourceError
from domain.ports import Clock, Progress
from domain.resource import ResourceId
from domain.usage import HOUR, UsageBatch, UsageFetch

__all__ = ["PrometheusSettings", "PrometheusUsageCollector"]


class PrometheusUsageCollector:
    """Gives whole hours of usage, and what was measured lately of one thing."""

    Settings = PrometheusSettings
    HANDED = ("clock",)

    def __init__(self, settings: PrometheusSettings, *, clock: Clock) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock

    def probe(self) -> list[Probe]:
        """Look at the server, its clock, how far back it knows, and which metrics there are."""
        with self._api() as api:
            return probes_of(self._settings, api, self._clock.now())

    def fetch_usage(self, cursor: Cursor, *, progress: Progress) -> UsageFetch:
        """Give the whole hours since the cursor that ended long enough ago, oldest first.

        Raises:
            SourceError: the server does not answer, or has nothing of this cluster.
        """
        end = self._end()
        start = _through(cursor)
        with self._api() as api:
            if start is None:
                since = _whole(self._clock.now() - self._settings.since)
                start = first_hour(api, since, end)
                if start is None:
                    raise self._nothing()
            reached = last_hour(api, start, end) if start < end else start
        late = reached < end and end - reached > HOUR
        coverage = Coverage(
            source=self.name,
            freshness=Freshness.STALE if late else Freshness.FRESH,
            delivered_through=max(start, reached),
            reason=f"nothing of {self._settings.cluster} was scraped since {reached:%Y-%m-%d %H:%M} UTC"
            if late
            else "",
        )
        return UsageFetch(batches=self._batches(start, reached, progress), coverage=coverage)

    def recent(self, which: ResourceId) -> pl.DataFrame | None:
        """Give the newest hour of a pod, workload, namespace, node or GPU; None where nothing measures it.

        Raises:
            SourceError: the server did not answer.
        """
        if which.place != self._settings.cluster:
            return None
        with self._api() as api:
            end = last_hour(api, self._end() - 6 * HOUR, self._end())
            frames = read_window(window_of(self._settings, api, end - HOUR, end))
        name = "device_hours" if which.kind in ("gpu", "device") else "pod_hours"
        frame = frames.get(name)
        found = None if frame is None else frame.filter(_is(which))
        return found if found is not None and found.height else None

    def _batches(self, start: datetime, end: datetime, progress: Progress) -> Iterator[UsageBatch]:
        with self._api() as api:
            yield from Reading(
                settings=self._settings, api=api, start=start, end=end, progress=progress
            ).batches()

    def _end(self) -> datetime:
        return _whole(self._clock.now() - self._settings.lag)

    @contextmanager
    def _api(self) -> Iterator[Api]:
        web = Web(self._settings)
        try:
            yield Api(web=web, matcher=self._settings.matcher)
        finally:
            web.close()

    def _nothing(self) -> SourceError:
        matcher = self._settings.matcher
        where = f" with {matcher}" if matcher else ""
        return SourceError(
            f"{self._settings.url} has no metrics of a cluster{where}: neither kube-state-metrics nor "
            "cAdvisor nor DCGM",
            hint="correct `cluster_label` and `cluster_value`; `costd doctor` lists what is there"
            if matcher
            else "let it scrape kube-state-metrics and the kubelets; docs/connect-prometheus.md says how",
        )


def _is(which: ResourceId) -> pl.Expr:
    if which.kind in ("gpu", "device"):
        return pl.col("device").is_in([which.name, which.uid])
    if which.kind == "node":
        return pl.col("node") == which.name
    if which.kind == "namespace":
        return pl.col("namespace") == (which.name or which.namespace)
    inside = pl.col("namespace") == which.namespace
    if which.kind == "pod":
        return (pl.col("uid") == which.uid) if which.uid else inside & (pl.col("pod") == which.name)
    return (
        inside
        & (pl.col("workload_kind").str.to_lowercase() == which.kind)
        & (pl.col("workload") == which.name)
    )


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _through(cursor: Cursor) -> datetime | None:
    said = cursor.get("through")
    return datetime.fromisoformat(said) if isinstance(said, str) else None
