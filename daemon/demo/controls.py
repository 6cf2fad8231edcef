"""What the recorded actions leave running: the world's answer to having been acted upon."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from daemon.demo.actions import Action, Verb
from daemon.demo.dice import Ints
from daemon.demo.entities import Entity
from daemon.demo.hours import Span, instant_of

WHOLE = 1_000_000
"""A whole hour, in millionths."""

_HOUR = 3600
_NEVER = timedelta(days=365_000)


class Controls:
    """What actions up to some instant did, asked per entity and span."""

    def __init__(self, actions: Iterable[Action]) -> None:
        self._of: dict[str, list[Action]] = defaultdict(list)
        for action in sorted(actions, key=lambda one: one.at):
            self._of[action.target].append(action)

    def running(self, entity: Entity, span: Span) -> Ints | None:
        """Give the part of each hour that an entity may run, in millionths; None: always."""
        return self._on(entity, span, (Verb.STOP, Verb.DELETE))

    def existing(self, entity: Entity, span: Span) -> Ints | None:
        """Give the part of each hour that an entity exists, in millionths; None: always."""
        return self._on(entity, span, (Verb.DELETE,))

    def replicas(self, name: str, wanted: Ints, span: Span) -> Ints:
        """Give the replicas of a workload per hour, once people set them otherwise."""
        result = wanted
        for action in self._named(name, name.rpartition("/")[0]):
            later = span.hours >= _next_hour(action.at, span)
            match action.verb:
                case Verb.SCALE:
                    result = np.where(later, action.replicas or 0, result)
                case Verb.STOP | Verb.DELETE:
                    result = np.where(later, 0, result)
                case Verb.START:
                    result = np.where(later, wanted, result)
        return result

    def _acts(self, entity: Entity) -> list[Action]:
        """List what concerns an entity: acts on itself and on what it belongs to."""
        return self._named(entity.name, entity.parent)

    def _named(self, *names: str) -> list[Action]:
        acts = [act for name in names for act in self._of.get(name, ())]
        return sorted(acts, key=lambda one: one.at)

    def _on(self, entity: Entity, span: Span, verbs: tuple[Verb, ...]) -> Ints | None:
        acts = [act for act in self._acts(entity) if act.verb in (*verbs, Verb.START)]
        if not acts:
            return None
        on = np.full(len(span), WHOLE, dtype=np.int64)
        for begin, end in _off(acts):
            on -= _overlap(begin, end, span)
        return on


def _off(acts: list[Action]) -> list[tuple[datetime, datetime]]:
    """List when an entity was off, from its acts in order."""
    spells, since, dead = [], None, False
    for act in acts:
        if act.verb is Verb.START:
            if since is not None and not dead:
                spells.append((since, act.at))
                since = None
            continue
        since = since or act.at
        dead = dead or act.verb is Verb.DELETE
    if since is not None:
        spells.append((since, since + _NEVER))
    return spells


def _overlap(begin: datetime, end: datetime, span: Span) -> Ints:
    """Give the part of each hour between two instants, in millionths."""
    zero = instant_of(span.first)
    low = np.int64((begin - zero).total_seconds() // 1)
    high = np.int64((end - zero).total_seconds() // 1)
    starts = (span.hours - span.first) * _HOUR
    seconds: Ints = np.clip(np.minimum(starts + _HOUR, high) - np.maximum(starts, low), 0, _HOUR)
    return seconds * WHOLE // _HOUR


def _next_hour(at: datetime, span: Span) -> int:
    """Give the first whole hour not before an instant: replicas are counted at the hour."""
    seconds = (at - instant_of(span.first)).total_seconds()
    return span.first + int(-(-seconds // _HOUR))
