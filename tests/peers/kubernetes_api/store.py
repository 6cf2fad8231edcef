"""Objects, versions and the history of events: what a watch resumes from until it is compacted away."""

from __future__ import annotations

import base64
import copy
import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from kubernetes_api.resources import Json, Kind, Refused, expired, not_found
from kubernetes_api.selectors import selected

from daemon.clock import SystemClock

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One change: what the object was before tells a selector that it left."""

    version: int
    plural: str
    type: str
    object: Json
    before: Json | None


@dataclass(slots=True)
class Page:
    """One page of a list."""

    items: list[Json]
    version: int
    token: str = ""
    left: int = 0


@dataclass(slots=True)
class Store:
    """Everything that exists, one lock around it; who waits for changes waits on `changed`."""

    version: int = 1000
    compacted: int = 0
    objects: dict[str, dict[Key, Json]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    snapshots: dict[tuple[str, int], list[Json]] = field(default_factory=dict)
    now: Callable[[], datetime] = field(default_factory=lambda: SystemClock().now)

    def stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def get(self, kind: Kind, key: Key) -> Json:
        found = self.objects.get(kind.plural, {}).get(key)
        if found is None:
            raise not_found(kind, key[1])
        return found

    def put(self, kind: Kind, key: Key, made: Json) -> Json:
        """Store an object anew: its version, and the event that tells of it."""
        with self.changed:
            before = self.objects.setdefault(kind.plural, {}).get(key)
            self.version += 1
            made = {"kind": kind.kind, "apiVersion": kind.api_version, **copy.deepcopy(made)}
            meta = made["metadata"] = {**made.get("metadata", {}), "resourceVersion": str(self.version)}
            meta.setdefault("uid", str(uuid.uuid4()))
            meta.setdefault("creationTimestamp", self.stamp())
            meta["name"] = key[1]
            if kind.namespaced:
                meta["namespace"] = key[0]
            self.objects[kind.plural][key] = made
            self._tell(kind, "MODIFIED" if before else "ADDED", made, before)
            return made

    def drop(self, kind: Kind, key: Key) -> Json:
        """Take an object away; its last state carries the version of its end."""
        with self.changed:
            gone = self.get(kind, key)
            del self.objects[kind.plural][key]
            self.version += 1
            last = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self.version)}}
            self._tell(kind, "DELETED", last, gone)
            return last

    def _tell(self, kind: Kind, what: str, made: Json, before: Json | None) -> None:
        self.events.append(Event(self.version, kind.plural, what, made, before))
        self.changed.notify_all()

    def compact(self) -> None:
        """Forget history and unfinished lists, as etcd does every few minutes; open watches go on."""
        with self.changed:
            self.version += 1  # something else was written since
            self.compacted = self.version
            self.snapshots.clear()
            self.changed.notify_all()

    def page(self, kind: Kind, namespace: str, query: dict[str, str]) -> Page:
        """Give a page of a list: all pages of one list are of one version."""
        with self.changed:
            version, start = self.version, 0
            limit = int(query.get("limit") or 0)
            if token := query.get("continue"):
                version, start = _opened(token)
                if (kind.plural, version) not in self.snapshots:
                    raise expired(
                        "The provided continue parameter is too old to display a consistent list result."
                    )
                items = self.snapshots[kind.plural, version]
            else:
                items = self._matching(kind, namespace, query)
            end = start + limit if limit else len(items)
            left = max(0, len(items) - end)
            if left:
                self.snapshots[kind.plural, version] = items
        token = _sealed(version, end) if left else ""
        return Page(items[start:end], version, token, left)

    def _matching(self, kind: Kind, namespace: str, query: dict[str, str]) -> list[Json]:
        held = self.objects.get(kind.plural, {})
        return [
            held[key]
            for key in sorted(held)
            if namespace in {"", key[0]}
            and selected(held[key], query.get("labelSelector", ""), query.get("fieldSelector", ""))
        ]

    def reaches(self, version: int) -> None:
        """Refuse a version that history does not reach back to, with 410."""
        if version < self.compacted:
            raise expired(f"too old resource version: {version} ({self.compacted})")

    def since(self, kind: Kind, version: int) -> list[Event]:
        """Give the events of a kind after a version."""
        return [event for event in self._after(version) if event.plural == kind.plural]

    def _after(self, version: int) -> list[Event]:
        low, high = 0, len(self.events)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.events[middle].version <= version else (low, middle)
        return self.events[low:]


def _sealed(version: int, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"rv": version, "start": start}).encode()).decode()


def _opened(token: str) -> tuple[int, int]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token))
        return found["rv"], found["start"]
    except (ValueError, KeyError):
        raise Refused(400, "BadRequest", "continue key is not valid") from None
