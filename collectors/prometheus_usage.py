"""What runs on a cluster and its GPUs, from Prometheus, Thanos, Mimir or VictoriaMetrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import polars as pl

from collectors.interface import Probe
from collectors.prometheus.api import Api
from collectors.prometheus.probing import probes_of
from collectors.prometheus.reading import (
    Reading,
    first_hour,
    last_hour,
    read_window,
    refuse_several,
    window_of,
)
from collectors.prometheus.settings import PrometheusSettings
from collectors.prometheus.web import Web
from domain.delivery import Coverage, Cursor, Freshness
from domain.errors import SourceError
from domain.ports import Clock, Progress
from domain.resource import ResourceId
from domain.usage import HOUR, UsageBatch, UsageFetch

__all__ = ["PrometheusSettings", "PrometheusUsageCollector"]


_LOOK = timedelta(seconds=8)
"""How long a look may wait for one answer; who looks waits for all of them."""

_LONG = timedelta(days=1)
"""Beyond this the server may have forgotten hours that were not read yet."""


class PrometheusUsageCollector:
    """Gives whole hours of usage, and what was measured lately of one thing."""

    Settings = PrometheusSettings
    HANDED = ("clock",)

    def __init__(self, settings: PrometheusSettings, *, clock: Clock) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._newest: tuple[datetime, dict[str, pl.DataFrame]] | None = None

    def probe(self) -> list[Probe]:
        """Look at the server, its clock, how far back it knows, and which metrics there are."""
        with self._api(most=_LOOK) as api:
            return probes_of(self._settings, api, self._clock.now())

    def fetch_usage(self, cursor: Cursor, *, progress: Progress) -> UsageFetch:
        """Give the whole hours since the cursor that ended long enough ago, oldest first.

        Raises:
            SourceError: the server does not answer, or has nothing of this cluster.
        """
        end = self._end()
        through = _through(cursor)
        since = _whole(self._clock.now() - self._settings.since)
        start = since if through is None else through
        notes: tuple[str, ...] = ()
        with self._api() as api:
            if start < end:
                refuse_several(api, end)
            if through is None or end - through > _LONG:
                first = first_hour(api, start, end)
                if through is None and first is None:
                    raise self._nothing()
                if through is not None and first is not None and first > start:
                    notes = (
                        f"{start:%Y-%m-%d %H:%M} to {first:%Y-%m-%d %H:%M}: the server forgot these hours",
                    )
                start = first or start
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
        return UsageFetch(batches=self._batches(start, reached, progress), coverage=coverage, notes=notes)

    def recent(self, which: ResourceId) -> pl.DataFrame | None:
        """Give the newest hour of a pod, workload, namespace, node or GPU; None where nothing measures it.

        Raises:
            SourceError: the server did not answer.
        """
        if which.place != self._settings.cluster:
            return None
        frames = self._newest_hour()
        name = "device_hours" if which.kind in ("gpu", "device") else "pod_hours"
        frame = frames.get(name)
        found = None if frame is None else frame.filter(_is(which))
        return found if found is not None and found.height else None

    def _batches(self, start: datetime, end: datetime, progress: Progress) -> Iterator[UsageBatch]:
        with self._api() as api:
            yield from Reading(
                settings=self._settings, api=api, start=start, end=end, progress=progress
            ).batches()

    def _newest_hour(self) -> dict[str, pl.DataFrame]:
        """Give the frames of the newest hour, which does not change once it is there."""
        with self._api() as api:
            end = last_hour(api, self._end() - 6 * HOUR, self._end())
            if self._newest is None or self._newest[0] != end:
                self._newest = end, read_window(window_of(self._settings, api, end - HOUR, end))
        return self._newest[1]

    def _end(self) -> datetime:
        return _whole(self._clock.now() - self._settings.lag)

    @contextmanager
    def _api(self, *, most: timedelta | None = None) -> Iterator[Api]:
        """Give the server's API; `most` is the longest that an answer is waited for, if less than set."""
        timeout = min(self._settings.timeout, most or self._settings.timeout)
        web = Web(self._settings.model_copy(update={"timeout": timeout}))
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
