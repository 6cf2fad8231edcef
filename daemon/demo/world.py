"""The demo world itself: what the collectors, and later the reaper, are handed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from daemon.demo.actions import Action, ActionLog, Verb
from daemon.demo.charges import bill_usage
from daemon.demo.clusters import Clusters
from daemon.demo.company import PROVIDERS
from daemon.demo.controls import Controls
from daemon.demo.delivery import View, complete_through
from daemon.demo.entities import Metered
from daemon.demo.events import events
from daemon.demo.fees import bill_fees
from daemon.demo.happening import Happening
from daemon.demo.hours import Span
from daemon.demo.idle_gpus import idle_gpus
from daemon.demo.labels import Label, labels
from daemon.demo.sheet import Sheet
from daemon.demo.states import State, recent, states
from daemon.demo.usage import Scene, metered
from domain.charge import RAW_SCHEMA
from domain.errors import UsageError
from domain.ports import Clock

DAYS = 400
"""Days before today that the company has bills for, at least: it starts with a whole month."""

WORKLOADS = frozenset({"deployment", "statefulset", "job"})
"""Kinds of things that have replicas."""

_KEPT = 8


class World:
    """A company that is simulated from a seed, and that remembers what was done to it.

    Every answer depends only on the seed, on absolute time and on the actions recorded
    before the instant that is asked about; the clock decides nothing but how far back the
    bills go.
    """

    def __init__(self, seed: int, folder: Path, clock: Clock) -> None:
        self.seed = seed
        self._log = ActionLog(folder)
        self._clock = clock
        self._metered: dict[tuple[object, ...], list[Metered]] = {}
        self._clusters = Clusters(lambda span, at: self.scene(span, seen_at=at))

    def first_day(self) -> date:
        """Give the first day that the world has a bill for."""
        return (self._clock.now() - timedelta(days=DAYS)).date().replace(day=1)

    def bill(
        self, provider: str, period: str, *, seen_at: datetime, hourly_from: date | None = None
    ) -> pl.DataFrame:
        """Give a month's charges (`RAW_SCHEMA`) as a provider had delivered them at an instant.

        AWS gives the days from `hourly_from` on by the hour; every other row is a day.

        Raises:
            UsageError: no such provider.
        """
        if provider not in PROVIDERS:
            raise UsageError(
                f"the demo company has no provider {provider!r}", hint=f"use one of {', '.join(PROVIDERS)}"
            )
        span = Span.of_month(period)
        if Span.of_month(f"{self.first_day():%Y-%m}").first > span.first:
            return pl.DataFrame(schema=RAW_SCHEMA)
        scene = self.scene(span, seen_at=seen_at)
        view = View(
            seed=self.seed,
            provider=provider,
            period=period,
            seen_at=seen_at,
            happening=scene.happening,
            asked_hourly_from=hourly_from,
        )
        sheet = Sheet()
        bill_usage(sheet, self._used(scene, provider), span, view)
        bill_fees(sheet, span, view)
        return sheet.frame(period, invoice=view.invoice)

    def delivered_through(self, provider: str, *, seen_at: datetime) -> datetime:
        """Give the instant before which the provider's bill is complete, as of `seen_at`."""
        return complete_through(provider, seen_at)

    def clusters(self) -> tuple[str, ...]:
        """Name the clusters."""
        return self._clusters.names()

    def usage(self, cluster: str, start: datetime, end: datetime) -> dict[str, pl.DataFrame]:
        """Give what ran on a cluster in whole hours of one UTC day, as frames of `domain.usage.FRAMES`.

        Raises:
            UsageError: no such cluster, or the hours are not of one day.
        """
        return self._clusters.usage(cluster, start, end)

    def scene(self, span: Span, *, seen_at: datetime) -> Scene:
        """Give what decides the use of a span, with the actions recorded before an instant."""
        actions = tuple(action for action in self._log.actions() if action.at <= seen_at)
        return Scene(
            seed=self.seed,
            span=span,
            happening=Happening(events(self.seed, span)),
            controls=Controls(actions),
            actions=actions,
        )

    def record(self, action: Action) -> bool:
        """Do something to the world; False where an action with its key was done already.

        Raises:
            UsageError: nothing of that name exists then, or it cannot be done to it.
        """
        if action.key and any(past.key == action.key for past in self.actions()):
            return False
        known = {state.entity.name: state.entity for state in self.states(action.at)}
        entity = known.get(action.target)
        if entity is None:
            close = get_close_matches(action.target, known, n=1)
            raise UsageError(
                f"the demo world has no {action.target!r} at {action.at:%Y-%m-%d %H:%M}Z",
                hint=f"did you mean {close[0]!r}?" if close else "",
            )
        if action.verb is Verb.SCALE and entity.kind not in WORKLOADS:
            raise UsageError(f"{action.target} is of kind {entity.kind}, which cannot be scaled")
        return self._log.append(action)

    def actions(self) -> tuple[Action, ...]:
        """Give everything that was done, in the order of recording."""
        return self._log.actions()

    def labels(self, first: date, end: date) -> list[Label]:
        """Give what was planted to begin in these days (`end` exclusive), with its money."""
        found = (*labels(self.seed, first, end), *idle_gpus(self.seed, first, end))
        return sorted(found, key=lambda one: (one.start, one.id))

    def states(self, at: datetime) -> list[State]:
        """Give everything that exists at an instant, and what it is doing."""
        return states(self.scene(recent(at), seen_at=at), at)

    def _used(self, scene: Scene, provider: str) -> list[Metered]:
        """Give what was used, remembered for the deliveries of the same month."""
        key = (provider, scene.span.first, scene.actions)
        if key not in self._metered:
            while len(self._metered) >= _KEPT:
                del self._metered[next(iter(self._metered))]
            self._metered[key] = metered(scene, provider)
        return self._metered[key]
