"""The way from all clusters to one pod: where a question stands on it, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from daemon.pages.ask import Ask, subject
from daemon.pages.layout import ident
from daemon.pages.trend import value_text

if TYPE_CHECKING:
    from attribution.star import Star
    from daemon.query import Query

LEVELS = {"cluster": "Clusters", "namespace": "Namespaces", "workload": "Workloads", "pod": "Pods"}
"""From the whole to the part."""

_ORDER = tuple(LEVELS)
_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """One step of the way.

    Attributes:
        kind: what it names: `cluster`, or "" for the beginning and the end.
        text: its name.
        url: the page it leads to, "" for where one is.
    """

    kind: str
    text: str
    url: str = ""


class Clusters:
    """Tells whether any cost is of a cluster; asked once per state of the stored charges."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: tuple[Star, bool] | None = None

    def are_in(self, star: Star) -> bool:
        """Tell whether a charge of any resource says its cluster."""
        with self._lock:
            if self._known is None or self._known[0] is not star:
                column = star.resource_names(["cluster"]).get_column("cluster")
                self._known = (star, column.null_count() < column.len())
            return self._known[1]


def crumbs(ask: Ask, query: Query) -> tuple[Crumb, ...]:
    """Give the way to a question about clusters; empty for any other question."""
    said = _said(ask, query)
    if not said and ask.by[0] not in LEVELS:
        return ()
    return tuple(_crumbs(ask, said))


def first_url(ask: Ask) -> str:
    """Give the page where the way begins, for the same days and the same kind of cost."""
    return _without(ask, _ORDER).but(by=(_ORDER[0],), sort="cost", top=None).url


def _crumbs(ask: Ask, said: dict[str, str]) -> Iterator[Crumb]:
    first = first_url(ask)
    yield Crumb(kind="", text=LEVELS[_ORDER[0]], url=first if first != ask.url else "")
    last = _ORDER.index(list(said)[-1]) if said else -1
    for name, value in said.items():
        at = _ORDER.index(name)
        here = at == last and (at + 1 == len(_ORDER) or ask.by[0] not in LEVELS)
        deeper = _ORDER[at + 1] if at + 1 < len(_ORDER) else "resource"
        back = _without(ask, _ORDER[at + 1 :]).but(by=(deeper,), sort="cost", top=None)
        yield Crumb(kind=name, text=ident(value_text(name, value or None), 40), url="" if here else back.url)
    if ask.by[0] in _ORDER[1:] and ask.by[0] not in said:
        yield Crumb(kind="", text=LEVELS[ask.by[0]])


def _said(ask: Ask, query: Query) -> dict[str, str]:
    """Give the one value of each level that the conditions name, from the whole to the part."""
    found: dict[str, str] = {}
    for text, one in zip(ask.where, query.where, strict=True):
        if subject(text) not in LEVELS or one.negated or len(one.values) != 1:
            continue
        value = next(iter(one.values))
        if value is None or not _GLOB & set(value):
            found[subject(text)] = value or ""
    return {name: found[name] for name in _ORDER if name in found}


def _without(ask: Ask, names: tuple[str, ...]) -> Ask:
    return ask.but(where=tuple(text for text in ask.where if subject(text) not in names))
