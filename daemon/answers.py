"""Answers that requests share: the same question is computed once per state of the world.

What an answer rests on is in its key: the deliveries that are stored, the rules, how far
each source reaches. A new delivery makes every old answer unreachable; nothing is ever
cleared by hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, cast

from daemon.pinned import PinnedLedger
from daemon.pipeline import attribute
from daemon.recent import Recent
from daemon.report import run
from domain.errors import ConflictError

if TYPE_CHECKING:
    from attribution.star import Star
    from daemon.query import Query
    from daemon.report import ReportResult
    from daemon.rooms import Rooms
    from daemon.sources import SourceView
    from domain.delivery import Delivery
    from domain.ports import Ledger

MOST_ROWS = 200_000
"""Rows of reports kept together; about a hundred bytes each."""

_TRIES = 5

FRESH_SECONDS = 1.0
"""How old a look at what is stored may be: a thousand requests a second share one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What every answer rests on.

    Attributes:
        deliveries: how many were ever stored.
        newest: id of the last one, "" if there is none.
        split: version of the parts and estimates beside them.
        rules: hash of the ownership rules.
        sources: how far each source reaches.
    """

    deliveries: int
    newest: str
    split: str
    rules: str
    sources: tuple[SourceView, ...]

    @property
    def settled(self) -> Snapshot:
        """Give it without when sources were last looked at: that changes no figure."""
        views = (replace(view, attempted_at=None, succeeded_at=None) for view in self.sources)
        return replace(self, sources=tuple(views))


class Answers:
    """Reports and owners, computed when first asked for; safe to use from every thread.

    Args:
        rooms: what to ask.
        fresh_for: seconds for which a look at what is stored counts as new.
        elapsed: seconds that only ever grow.
    """

    def __init__(
        self, rooms: Rooms, *, fresh_for: float = FRESH_SECONDS, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._rooms = rooms
        self._fresh_for = fresh_for
        self._elapsed = elapsed
        self._looking, self._owning = Lock(), Lock()
        self._looked: tuple[float, Snapshot] | None = None
        self._star: tuple[tuple[int, str, str, str], Star] | None = None
        self._reports: Recent[ReportResult] = Recent(MOST_ROWS)

    def last_snapshot(self) -> Snapshot | None:
        """Give the last look at what is stored if it is new enough; this never blocks."""
        looked = self._looked
        if looked is None or self._elapsed() - looked[0] >= self._fresh_for:
            return None
        return looked[1]

    def snapshot(self) -> Snapshot:
        """Look at what is stored; callers at the same time share one look."""
        with self._looking:
            return self.last_snapshot() or self._look()[0]

    def star(self) -> Star:
        """Give every resource's owner, by the rules as they are and the charges as they are stored."""
        return self._star_of(self.snapshot())

    def report(self, query: Query) -> ReportResult:
        """Give a report; the same query of the same world is computed once.

        Raises:
            ConflictError: deliveries came in faster than a report can begin.
        """
        look = self.snapshot()
        found = self._reports.find(self._key(query, look))
        if found is None:
            look, pinned = self._pinned()
            sources = self._sources(query, look)
            found = run(query, cast("Ledger", pinned), self._star_of(look), self._rooms.clock, sources)
            self._reports.keep(self._key(query, look), found, 1 + len(found.rows))
        return found

    def _key(self, query: Query, look: Snapshot) -> Hashable:
        settled = look.settled
        return (query, look.deliveries, look.newest, look.split, look.rules, self._sources(query, settled))

    def _sources(self, query: Query, look: Snapshot) -> tuple[SourceView, ...]:
        return look.sources if query.as_of is None else tuple(self._rooms.sources(query.as_of))

    def _pinned(self) -> tuple[Snapshot, PinnedLedger]:
        for _ in range(_TRIES):
            with self._looking:
                look, deliveries = self._look()
            pinned = PinnedLedger(self._rooms.ledger, deliveries)
            if pinned.is_whole() and self._rooms.ledger.split_version() == look.split:
                return look, pinned
        raise ConflictError(
            "deliveries come in faster than this report can begin", hint="ask again when they are in"
        )

    def _look(self) -> tuple[Snapshot, list[Delivery]]:
        at, deliveries = self._elapsed(), self._rooms.ledger.deliveries()
        found = Snapshot(
            deliveries=len(deliveries),
            newest=deliveries[-1].id if deliveries else "",
            split=self._rooms.ledger.split_version(),
            rules=self._rooms.rules.hash,
            sources=tuple(self._rooms.sources()),
        )
        self._looked = (at, found)
        return found, deliveries

    def _star_of(self, look: Snapshot) -> Star:
        key = (look.deliveries, look.newest, look.split, look.rules)
        with self._owning:
            if self._star is None or self._star[0] != key:
                self._star = (key, attribute(self._rooms))
            return self._star[1]
