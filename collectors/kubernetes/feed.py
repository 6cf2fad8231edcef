"""One kind of object, listed once and followed from there: what exists, and everything that happens to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Event, RLock
from typing import Any

from collectors.kubernetes.access import LIST, ONE, WHOLE, Api, RefusedError
from collectors.kubernetes.kept import Kept, Sharing, kept_of
from collectors.kubernetes.kinds import Kind
from domain.errors import SourceError
from domain.text import shortened

Json = dict[str, Any]
Changed = Callable[[Kind, "Kept | None", "Kept | None", "datetime | None"], None]
"""Told of the state before and after, and when; None for what is not there, or for an unknown time."""

_LISTING_TRIES = 3
_FEW = 20
_SHRUNK = 0.5
_NOT_LISTED = "not listed yet"


@dataclass(slots=True)
class Feed:
    """A cached kind.

    Attributes:
        items: what exists, by namespace and name.
        version: the resource version that the next watch starts from; "" before the first listing.
        relisted: set while a listing replaced what was known, so that something may have been missed.
        doubt: why the cache is not to be taken for the world, "" when it is.
        suspect: how many a doubtful listing had, None where the last one was taken.
        error: why it could not be read at the last try, "" when it could.
    """

    kind: Kind
    sharing: Sharing
    skipped: frozenset[str] = frozenset()
    page_size: int = 500
    items: dict[tuple[str, str], Kept] = field(default_factory=dict)
    version: str = ""
    relisted: bool = False
    doubt: str = _NOT_LISTED
    suspect: int | None = None
    error: str = ""
    lock: RLock = field(default_factory=RLock)
    stopping: Event = field(default_factory=Event)

    def refresh(self, api: Api, changed: Changed, *, seconds: int) -> None:
        """Catch up with the world: by a watch where possible, by a listing where not.

        Raises:
            SourceError: the API could not be asked or refused; what was known stays.
        """
        try:
            if not self.version or not self._follow(api, changed, seconds):
                self._list(api, changed)
        except SourceError as error:
            self.error = str(error)
            raise
        self.error = ""

    def _follow(self, api: Api, changed: Changed, seconds: int) -> bool:
        """Apply what a watch sends; False where history does not reach back to what is known."""
        query = {
            "watch": "1",
            "resourceVersion": self.version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        try:
            for event in _events(api.lines(self.kind.path, query, WHOLE if self.kind.whole else ONE)):
                if not self._apply(event, changed):
                    return False
                if self.stopping.is_set():
                    break
        except RefusedError as refused:
            if refused.is_expired:
                return False
            raise
        return True

    def _apply(self, event: Json, changed: Changed) -> bool:
        what, found = event.get("type"), event.get("object") or {}
        if what == "ERROR":
            if found.get("code") == HTTPStatus.GONE:
                return False
            said = shortened(str(found.get("message")), 200)
            raise SourceError(f"the watch of {self.kind.plural} failed: {said}")
        meta = found.get("metadata")
        version = str(meta.get("resourceVersion") or "") if isinstance(meta, dict) else ""
        if not version:
            raise SourceError(f"the watch of {self.kind.plural} sent something that is no object")
        with self.lock:
            if what != "BOOKMARK" and (kept := self._kept(found)) is not None:
                self._take(kept, found, changed, is_gone=what == "DELETED")
            self.version = version or self.version
            self.error = ""  # a watch that says something works, though it ends only in minutes
        return True

    def _take(self, kept: Kept, found: Json, changed: Changed, *, is_gone: bool) -> None:
        before = self.items.get(kept.key)
        if is_gone:
            self.items.pop(kept.key, None)
            changed(self.kind, kept, None, _ended(found))
            return
        self.items[kept.key] = kept
        if before is not None and before.uid != kept.uid:  # the name returned as another object
            changed(self.kind, before, None, None)
            before = None
        if before != kept:
            changed(self.kind, before, kept, _written(found))

    def _list(self, api: Api, changed: Changed) -> None:
        found, version = self._listed(api)
        with self.lock:
            before = len(self.items)
            if self._is_doubtful(before, len(found)):
                self.suspect = len(found)
                self.doubt = (
                    f"the listing of {self.kind.plural} suddenly had {len(found):,} instead of {before:,}; "
                    "it is taken when the next one says the same"
                )
                self.version = ""  # look again instead of following what may be wrong
                raise SourceError(self.doubt)
            first = self.doubt == _NOT_LISTED
            old, self.items, self.version = self.items, found, version
            self.doubt, self.suspect, self.relisted, self.error = "", None, True, ""
            if first:
                return
            for key, kept in found.items():
                was = old.get(key)
                same = was is not None and was.uid == kept.uid
                if was is not None and not same:
                    changed(self.kind, was, None, None)
                if was != kept:
                    changed(self.kind, was if same else None, kept, None)
            for key in old.keys() - found.keys():
                changed(self.kind, old[key], None, None)

    def _is_doubtful(self, before: int, now: int) -> bool:
        """Tell whether a listing lost so much at once that it needs a second one that says the same."""
        if not before or (now and (before < _FEW or now >= before * _SHRUNK)):
            return False
        return self.suspect is None or abs(now - self.suspect) > max(_FEW // 4, self.suspect // 5)

    def _listed(self, api: Api) -> tuple[dict[tuple[str, str], Kept], str]:
        for attempt in range(_LISTING_TRIES):
            try:
                return self._pages(api)
            except RefusedError as refused:
                if not refused.is_expired or attempt == _LISTING_TRIES - 1:
                    raise
        raise AssertionError(self.kind.plural)

    def _pages(self, api: Api) -> tuple[dict[tuple[str, str], Kept], str]:
        found: dict[tuple[str, str], Kept] = {}
        query = {"limit": str(self.page_size)}
        while True:
            page = api.get(self.kind.path, query, WHOLE if self.kind.whole else LIST)
            api.lists += 1
            items, meta = page.get("items") or [], page.get("metadata")
            is_list = str(page.get("kind")).endswith("List") and isinstance(items, list)
            if not is_list or not isinstance(meta, dict):
                raise SourceError(f"{self.kind.path} answered with something else than a list")
            for item in items:
                if (kept := self._kept(item)) is not None:
                    old = self.items.get(kept.key)
                    found[kept.key] = old if old == kept and old is not None else kept
            if not meta.get("continue"):
                return found, str(meta.get("resourceVersion") or "")
            if meta["continue"] == query.get("continue"):
                raise SourceError(f"{self.kind.path} gave the same page twice")
            query = {**query, "continue": str(meta["continue"])}

    def _kept(self, found: Json) -> Kept | None:
        """Give what is kept of an object, None of one in a namespace that is left out."""
        try:
            if found["metadata"].get("namespace", "") in self.skipped:
                return None
            return kept_of(self.kind, found, self.sharing)
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
            raise SourceError(
                f"one of the {self.kind.plural} is not as Kubernetes writes it",
                hint="look whether something between costd and the API server changes its answers",
            ) from None


def _events(lines: Iterator[bytes]) -> Iterator[Json]:
    import orjson

    for line in lines:
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("object") or {}, dict):
            raise SourceError("a watch sent a line that is no event of JSON")
        yield event


def _written(found: Json) -> datetime | None:
    """Give when a state came to be: the newest write that its managers are noted with."""
    times = [str(one.get("time") or "") for one in found["metadata"].get("managedFields") or ()]
    return instant(max(times, default=""))


def _ended(found: Json) -> datetime | None:
    return instant(str(found["metadata"].get("deletionTimestamp") or ""))


def instant(text: str) -> datetime | None:
    """Read a time as the API writes it; None for what is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None
