"""A Kubernetes cluster: what exists, and hour by hour which pods requested how much of which node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from collectors.interface import Probe
from collectors.kubernetes.access import RefusedError
from collectors.kubernetes.cluster import Cluster, cluster_of
from collectors.kubernetes.found import resource_of, resource_read
from collectors.kubernetes.frames import to_usage
from collectors.kubernetes.kinds import BY_NAME, Kind
from collectors.kubernetes.probing import probes_of
from collectors.kubernetes.settings import KubernetesSettings
from collectors.kubernetes.sums import HourSum
from domain.delivery import Coverage, Cursor, Freshness
from domain.errors import SourceError
from domain.ports import Clock, Progress
from domain.resource import Found, Gone, Resource, ResourceId, Unknown
from domain.usage import HOUR, UsageBatch, UsageFetch

__all__ = ["KubernetesInventoryCollector", "KubernetesSettings", "to_usage"]

_WHOLE_HOUR = 3595.0
_OLDEST = timedelta(days=7)
"""Hours that nobody took for so long are dropped, so that the spool stays bounded."""


class KubernetesInventoryCollector:
    """One cluster."""

    Settings = KubernetesSettings
    HANDED = ("clock",)

    def __init__(self, settings: KubernetesSettings, *, clock: Clock, cluster: Cluster | None = None) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._given = cluster

    def probe(self) -> list[Probe]:
        """Look whether the API answers, whether each kind may be read, and whether nodes can be priced."""
        return probes_of(self._settings)

    def fetch_usage(self, cursor: Cursor, *, progress: Progress) -> UsageFetch:
        """Add up what was seen since the last time, and give the hours that are over.

        Raises:
            SourceError: nodes or pods could not be read.
        """
        cluster = self._cluster()
        progress.start(f"Cluster {self._settings.place}", None, "objects")
        cluster.catch_up()
        now = self._clock.now()
        timeline = cluster.timeline
        timeline.observe(now)
        through = _through(cursor)
        if through is None and not timeline.told:
            timeline.tell_all(now)
        for hour in [at for at in timeline.hours if at + HOUR <= (through or now - _OLDEST)]:
            del timeline.hours[hour]
        cluster.keep()
        cluster.go_on()
        progress.advance(sum(len(feed.items) for feed in timeline.feeds.values()))
        progress.finish()
        due = sorted(at for at in timeline.hours if at + HOUR <= now)
        return UsageFetch(
            batches=self._batches(cluster, due),
            coverage=Coverage(
                source=self.name,
                freshness=Freshness.FRESH,
                delivered_through=due[-1] + HOUR if due else through,
            ),
            notes=tuple(cluster.notes.values()),
        )

    def _batches(self, cluster: Cluster, due: list[datetime]) -> Iterator[UsageBatch]:
        for at in due:
            with cluster.timeline.lock:
                hour = cluster.timeline.hours[at]
                frames = to_usage(self._settings.place, at, hour)
            yield UsageBatch(
                source=self.name,
                cluster=self._settings.place,
                start=at,
                end=at + HOUR,
                frames=frames,
                cursor={"through": (at + HOUR).isoformat()},
                notes=tuple(_notes(at, hour)),
            )

    def get(self, which: ResourceId) -> Found:
        """Read one object anew from the API."""
        kind = BY_NAME.get(which.kind)
        if kind is None or which.place != self._settings.place or (kind.namespaced and not which.namespace):
            return Unknown(id=which, reason=f"source {self.name} does not read {which}")
        try:
            resource = self._read(kind, self._cluster().api.get(kind.path_of(which.namespace, which.name)))
        except RefusedError as refused:
            details = refused.said.get("details")
            said = details.get("name") if isinstance(details, dict) else None
            if refused.status == HTTPStatus.NOT_FOUND and said == which.name:
                return Gone(id=which, seen_at=self._clock.now())
            return Unknown(id=which, reason=str(refused))
        except SourceError as error:
            return Unknown(id=which, reason=str(error))
        if which.uid and resource.id.uid != which.uid:  # another object now has its name
            return Gone(id=which, seen_at=self._clock.now())
        return resource

    def _read(self, kind: Kind, found: dict[str, Any]) -> Resource:
        try:
            return resource_read(self._settings.place, kind, found, self._clock.now())
        except (KeyError, TypeError, AttributeError):
            raise SourceError(f"the API server's answer is no {kind.shown}") from None

    def list(self, kind: str) -> Iterable[Found]:
        """Give every object of a kind as last seen; one `Unknown` alone where that may not be all."""
        nothing = ResourceId(place=self._settings.place, kind=kind, namespace="", name="")
        known = BY_NAME.get(kind)
        if known is None:
            return [Unknown(id=nothing, reason=f"source {self.name} does not read this kind")]
        try:
            cluster = self._cluster()
            if cluster.timeline.until is None:
                cluster.catch_up()
        except SourceError as error:
            return [Unknown(id=nothing, reason=str(error))]
        feed = cluster.timeline.feeds[kind]
        with feed.lock:
            reason = feed.error or feed.doubt or cluster.notes.get(kind, "")
            if not reason and not feed.items:
                reason = "the listing is empty, which may be a fault; nothing is taken to be gone"
            if reason:
                return [Unknown(id=nothing, reason=reason)]
            seen = cluster.timeline.until or self._clock.now()
            return [resource_of(self._settings.place, known, kept, seen) for kept in feed.items.values()]

    def _cluster(self) -> Cluster:
        return self._given or cluster_of(self._settings, self._clock)


def _through(cursor: Cursor) -> datetime | None:
    text = cursor.get("through")
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _notes(at: datetime, hour: HourSum) -> Iterator[str]:
    if hour.seconds < _WHOLE_HOUR:
        minutes = round(hour.seconds / 60)
        yield f"{at:%Y-%m-%d %H:%M}: {minutes} of 60 minutes observed; the rest is not counted"
    yield from (f"{at:%Y-%m-%d %H:%M}: {note}" for note in hour.notes)
