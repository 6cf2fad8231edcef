"""What is kept of an object: a few hundred bytes of the thousands that the API sends. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, TypeVar

from collectors.kubernetes.facts import Facts, facts_of
from collectors.kubernetes.kinds import Kind

Json = Mapping[str, Any]
Pairs = tuple[tuple[str, str], ...]
_T = TypeVar("_T")

_LONGEST_VALUE = 512
_MOST_ANNOTATIONS = 2048
_NEVER = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})
"""A copy of the object itself, with whatever its author wrote into environment variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The controller of an object."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One object.

    Attributes:
        created: when it was made, as the API writes it.
        labels, annotations: as pairs, sorted; objects alike share them.
        owner: its controller, None without one.
        facts: what its kind has beyond that, None where metadata is enough.
    """

    namespace: str
    name: str
    uid: str
    created: str
    labels: Pairs
    annotations: Pairs
    owner: Owner | None
    facts: Facts | None

    @property
    def key(self) -> tuple[str, str]:
        """Give what no other object of its kind has at the same time."""
        return self.namespace, self.name

    @property
    def label(self) -> dict[str, str]:
        """Give the labels by key."""
        return dict(self.labels)


class Sharing:
    """Makes equal texts and pairs one object, so that ten thousand pods of one kind share their labels."""

    def __init__(self, most: int = 200_000) -> None:
        self._most = most
        self._known: dict[Any, Any] = {}

    def one(self, value: _T) -> _T:
        """Give the first of all equal values; forgets them when there are too many."""
        if len(self._known) > self._most:
            self._known.clear()
        found: _T = self._known.setdefault(value, value)
        return found


def kept_of(kind: Kind, found: Json, sharing: Sharing) -> Kept:
    """Give what is kept of an object as the API sent it."""
    meta = found["metadata"]
    return Kept(
        namespace=intern(meta.get("namespace") or ""),
        name=meta["name"],
        uid=meta["uid"],
        created=intern(meta.get("creationTimestamp") or ""),
        labels=sharing.one(_pairs(meta.get("labels"))),
        annotations=sharing.one(tuple(_bounded(_pairs(meta.get("annotations"))))),
        owner=_owner(meta, sharing),
        facts=facts_of(kind.name, found) if kind.whole else None,
    )


def _pairs(held: object) -> Pairs:
    pairs = held.items() if isinstance(held, Mapping) else ()
    return tuple(sorted((intern(str(key)), intern(str(value))) for key, value in pairs))


def _bounded(pairs: Pairs) -> Iterator[tuple[str, str]]:
    """Leave out what is long: annotations hold whole documents, and somebody else decides how many."""
    left = _MOST_ANNOTATIONS
    for key, value in pairs:
        size = len(key) + len(value)
        if key not in _NEVER and len(value) <= _LONGEST_VALUE and size <= left:
            left -= size
            yield key, value


def _owner(meta: Json, sharing: Sharing) -> Owner | None:
    for one in meta.get("ownerReferences") or ():
        if one.get("controller"):
            return sharing.one(
                Owner(kind=intern(str(one["kind"])), name=str(one["name"]), uid=str(one["uid"]))
            )
    return None
