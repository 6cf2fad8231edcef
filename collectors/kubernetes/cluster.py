"""One cluster as it is being watched: its caches, the hours made of them, and where both are kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from threading import Event, Lock, Thread

from collectors.kubernetes import spool
from collectors.kubernetes.access import Api, RefusedError
from collectors.kubernetes.feed import Feed
from collectors.kubernetes.kept import Sharing
from collectors.kubernetes.kinds import ALL, CLAIMS, Kind
from collectors.kubernetes.login import connect
from collectors.kubernetes.settings import KubernetesSettings
from collectors.kubernetes.timeline import Timeline
from domain.errors import SourceError
from domain.ports import Clock

SETTLE_SECONDS = 3
"""How long a watch that only catches up is open: what waits comes at once, a bookmark 2 s before its end."""

FOLLOW_SECONDS = 280
"""How long one watch of many stays open; the API server ends them itself after 5 to 10 minutes."""

_LONGEST_PAUSE = 60.0
_REFUSED = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN})
_ASKED_AGAIN = timedelta(hours=1)
"""After this a kind that may be done without is asked for again, where it was refused or is not there."""


@dataclass(slots=True)
class Cluster:
    """The caches of one cluster.

    Attributes:
        timeline: what was observed.
        notes: kinds that could not be read, and why, by kind.
        settle: see `SETTLE_SECONDS`.
        refused: kinds that the API does not have or does not let be read, since when.
        follows: keep watches open from the second round on: then this is a daemon, not one command.
    """

    settings: KubernetesSettings
    clock: Clock
    api: Api
    settle: int = SETTLE_SECONDS
    notes: dict[str, str] = field(default_factory=dict)
    spool_bytes: int = 0
    follows: bool = True
    rounds: int = 0
    refused: dict[str, datetime] = field(default_factory=dict)
    timeline: Timeline = field(init=False)
    _sharing: Sharing = field(default_factory=Sharing)
    _threads: dict[str, Thread] = field(default_factory=dict)
    _stopping: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        """Make the caches, and fill them with what an earlier process left."""
        settings = self.settings
        skipped = frozenset(settings.leave_out_namespaces)
        lock = threading.RLock()
        feeds = {
            kind.name: Feed(
                kind=kind,
                sharing=self._sharing,
                skipped=skipped,
                page_size=settings.page_size,
                lock=lock,
                stopping=self._stopping,
            )
            for kind in ALL
        }
        self.timeline = Timeline(feeds=feeds, clock=self.clock, lock=lock)
        spool.load(self.file, self.timeline, self._identity, self._sharing)

    @property
    def file(self) -> Path:
        """Give where observations are kept."""
        return Path(self.settings.spool) / f"{self.settings.name}.state"

    @property
    def _identity(self) -> str:
        return f"{self.settings.place} {self.api.client.configuration.host}"

    @property
    def is_followed(self) -> bool:
        """Tell whether watches stay open between collections."""
        return bool(self._threads)

    def catch_up(self) -> None:
        """Bring the caches up to now.

        Raises:
            SourceError: nodes or pods could not be read; nothing is counted until they can.
        """
        kinds = [feed.kind for feed in self.timeline.feeds.values() if not self._is_refused(feed.kind)]
        if self.is_followed:
            self.follow()
            broken = [feed for feed in self._needed() if feed.error or feed.doubt]
            if broken:
                raise SourceError(broken[0].error or broken[0].doubt)
            return
        fresh = [kind for kind in kinds if not self.timeline.feeds[kind.name].version]
        for kind in fresh:  # one listing after the other: the API server holds each page in memory
            self._refresh(kind)
        known = [kind for kind in kinds if kind not in fresh]
        with ThreadPoolExecutor(max_workers=max(len(known), 1)) as pool:
            list(pool.map(self._refresh, known))

    def _is_refused(self, kind: Kind) -> bool:
        since = self.refused.get(kind.name)
        return since is not None and self.clock.now() - since < _ASKED_AGAIN

    def _needed(self) -> Iterable[Feed]:
        return (feed for feed in self.timeline.feeds.values() if feed.kind.needed)

    def _refresh(self, kind: Kind) -> None:
        try:
            self.timeline.feeds[kind.name].refresh(self.api, self.timeline.changed, seconds=self.settle)
        except SourceError as error:
            if kind.needed:
                raise
            self._note(kind, error)
            return
        self.notes.pop(kind.name, None)
        self.refused.pop(kind.name, None)

    def _note(self, kind: Kind, error: SourceError) -> None:
        status = error.status if isinstance(error, RefusedError) else 0
        if status in _REFUSED:
            self.refused[kind.name] = self.clock.now()
        if kind is not CLAIMS or status != HTTPStatus.NOT_FOUND:  # an older cluster misses nothing
            self.notes[kind.name] = f"{kind.plural} could not be read: {error}"

    def keep(self) -> None:
        """Write what was observed, so that a restart loses none of it."""
        self.spool_bytes = spool.save(self.file, self.timeline, self._identity)

    def go_on(self) -> None:
        """End a round; a process that collects again and again keeps its watches open in between."""
        self.rounds += 1
        if self.follows and self.rounds > 1:
            self.follow()

    def follow(self) -> None:
        """Keep watches open from now on, one thread per kind, until `close`.

        Called again, it begins those that ended and those of kinds that may be asked for again.
        """
        for name, feed in self.timeline.feeds.items():
            lives = name in self._threads and self._threads[name].is_alive()
            if not lives and not self._stopping.is_set() and not self._is_refused(feed.kind):
                thread = Thread(
                    target=self._following, args=(feed,), daemon=True, name=f"watch {feed.kind.plural}"
                )
                self._threads[name] = thread
                thread.start()

    def _following(self, feed: Feed) -> None:
        pause = 1.0
        while not self._stopping.is_set():
            try:
                feed.refresh(self.api, self.timeline.changed, seconds=FOLLOW_SECONDS)
            except SourceError as error:
                if not feed.kind.needed:
                    self._note(feed.kind, error)
                    if self._is_refused(feed.kind):
                        return
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                self.notes.pop(feed.kind.name, None)
                self.refused.pop(feed.kind.name, None)
                pause = 1.0

    def close(self) -> None:
        """End the watches; threads that wait for the server end with it."""
        self._stopping.set()


_OPEN: dict[tuple[str, str], Cluster] = {}
_OPENING = Lock()


def cluster_of(settings: KubernetesSettings, clock: Clock) -> Cluster:
    """Give the cluster of a source: the one that this process already watches, if it does.

    Collectors are built anew for every collection; a cache that ended with them would list everything
    every five minutes.

    Raises:
        SourceError: there is nothing to log in with.
    """
    key = (settings.name, settings.model_dump_json())
    with _OPENING:
        if key not in _OPEN:
            for old in [other for other in _OPEN if other[0] == settings.name]:
                _OPEN.pop(old).close()
            _OPEN[key] = Cluster(settings=settings, clock=clock, api=connect(settings))
        found = _OPEN[key]
    found.clock = found.timeline.clock = clock
    return found


def close_all() -> None:
    """End every watch of this process."""
    with _OPENING:
        for cluster in _OPEN.values():
            cluster.close()
        _OPEN.clear()
