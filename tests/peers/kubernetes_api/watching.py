"""What a watch sends: events after a version, bookmarks, and an error once history is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kubernetes_api.resources import Json, Kind, Refused
from kubernetes_api.selectors import selected
from kubernetes_api.store import Event

if TYPE_CHECKING:
    from kubernetes_api.server import Peer

Sent = tuple[str, Json]
_EARLY = 2.0
"""Bookmarks come also this long before a watch ends, where it is longer than that."""


def watched(peer: Peer, kind: Kind, namespace: str, query: dict[str, str]) -> Iterator[Sent]:
    """Send until the time is over; an expired version is an event of type ERROR, as with the real one."""
    store = peer.store
    asked = query.get("resourceVersion") or "0"
    try:
        version = int(asked)
    except ValueError:
        raise Refused(400, "BadRequest", f"Invalid value: {asked}") from None
    if version == 0:
        page = store.page(kind, namespace, {key: query[key] for key in query if key.endswith("Selector")})
        yield from (("ADDED", item) for item in page.items)
        version = page.version
    try:
        store.reaches(version)
    except Refused as refused:
        yield "ERROR", refused.status
        return
    yield from _following(peer, kind, namespace, query, version)


def _following(peer: Peer, kind: Kind, namespace: str, query: dict[str, str], version: int) -> Iterator[Sent]:
    seconds = float(query.get("timeoutSeconds") or 300)
    marks = query.get("allowWatchBookmarks") in {"1", "true"}
    end = time.monotonic() + seconds
    due = _next_bookmark(peer, end) if marks else end + 1
    while True:
        with peer.store.changed:
            upto = peer.store.version
            fresh = peer.store.since(kind, version)
        for event in fresh:
            yield from _seen(event, namespace, query)
        version = max(version, upto)
        now = time.monotonic()
        if now >= due:
            yield "BOOKMARK", _bookmark(kind, version)
            due = min(now + peer.bookmarks, end + 1) if now >= end - _EARLY else _next_bookmark(peer, end)
        if now >= end or peer.stopping.is_set():
            return
        with peer.store.changed:
            if peer.store.version == version:
                peer.store.changed.wait(min(max(due - now, 0.01), end - now, 0.2))


def _next_bookmark(peer: Peer, end: float) -> float:
    now = time.monotonic()
    early = end - _EARLY
    regular = now + peer.bookmarks
    return min(regular, early) if early > now else regular


def _bookmark(kind: Kind, version: int) -> Json:
    meta = {"resourceVersion": str(version), "creationTimestamp": None}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}


def _seen(event: Event, namespace: str, query: dict[str, str]) -> Iterator[Sent]:
    """Translate an event for a selector: what begins to match is added, what ends to match is deleted."""
    labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
    if namespace and event.object["metadata"].get("namespace") != namespace:
        return
    matches = selected(event.object, labels, fields)
    matched = event.before is not None and selected(event.before, labels, fields)
    if event.type == "DELETED":
        if matched:
            yield "DELETED", event.object
    elif matches:
        yield ("MODIFIED" if matched else "ADDED"), event.object
    elif matched:
        yield "DELETED", event.object
