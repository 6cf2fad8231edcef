"""What can be chosen on the Costs page: groupings, windows, and the conditions that hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from daemon.dimensions import DIMENSIONS, TAG, Place
from daemon.pages.ask import SHARINGS, STEPS, Ask
from daemon.pages.layout import name
from daemon.pages.trend import value_text
from daemon.query import COST_WORDS
from domain.window import previous_month

if TYPE_CHECKING:
    from daemon.query import Query
    from daemon.services import Services

_GROUPS = {
    Place.OWNER: "Owners",
    Place.RESOURCE: "What it is",
    Place.PRICE: "What it is",
    Place.TIME: "Time",
}
_SHARINGS = {"before": "Pools on their own", "after": "Spread over the owners"}
_MOST_TAGS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a list."""

    value: str
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A window to choose with one click."""

    text: str
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A condition that holds, and the page without it."""

    dimension: str
    sign: str
    values: str
    text: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """Everything that can be chosen.

    Attributes:
        first: groupings for the first column, in groups.
        second: the same for the second.
        hidden: parameters that no field shows, which must survive.
    """

    first: tuple[tuple[str, tuple[Option, ...]], ...]
    second: tuple[tuple[str, tuple[Option, ...]], ...]
    steps: tuple[Option, ...]
    costs: tuple[Option, ...]
    sharings: tuple[Option, ...]
    presets: tuple[Preset, ...]
    hidden: tuple[tuple[str, str], ...]


def controls(services: Services, ask: Ask) -> Controls:
    """Give what can be chosen, with what is chosen."""
    first, second = ask.by[0], ask.by[1] if len(ask.by) > 1 else ""
    kept = [field for field in ask.fields if field[0] in {"where", "period", "sort", "as-of", "top"}]
    more = [("by", by) for by in ask.by[2:]]
    return Controls(
        first=tuple(_groupings(services, first)),
        second=tuple(_groupings(services, second)),
        steps=tuple(_options({"": "One sum", **{step: step.capitalize() for step in STEPS}}, ask.step)),
        costs=tuple(_options({word: word.capitalize() for word in COST_WORDS}, ask.cost)),
        sharings=tuple(_options({word: _SHARINGS[word] for word in SHARINGS}, ask.sharing)),
        presets=tuple(_presets(ask, services.clock.now().date())),
        hidden=tuple(kept + more),
    )


def _groupings(services: Services, chosen: str) -> Iterator[tuple[str, tuple[Option, ...]]]:
    groups: dict[str, dict[str, str]] = {}
    for dimension in DIMENSIONS.values():
        groups.setdefault(_GROUPS[dimension.place], {})[dimension.name] = dimension.name.replace("_", " ")
    tags = {f"{TAG}{key}": name(key, 40) for key in sorted(services.rules.keys)[:_MOST_TAGS]}
    if chosen.startswith(TAG):
        tags.setdefault(chosen, name(chosen.removeprefix(TAG), 40))
    groups["Tags"] = tags
    for title, names in groups.items():
        yield title, tuple(_options(names, chosen))


def _options(texts: dict[str, str], chosen: str) -> Iterator[Option]:
    for value, text in texts.items():
        yield Option(value=value, text=text, chosen=value == chosen)


def _presets(ask: Ask, today: date) -> Iterator[Preset]:
    this, last = today.replace(day=1), previous_month(today)
    windows = {
        "Month to date": ("", ""),
        "Last 7 days": ("7d", "today"),
        "Last 30 days": ("30d", "today"),
        f"{last:%Y-%m}": (last.isoformat(), this.isoformat()),
        "All": ("all", ""),
    }
    for text, (start, end) in windows.items():
        chosen = (ask.start, ask.end, ask.periods) == (start, end, ())
        yield Preset(text=text, url=ask.but(start=start, end=end, periods=()).url, chosen=chosen)


def chips(ask: Ask, query: Query) -> tuple[Chip, ...]:
    """Give the conditions that hold, each with the page without it."""
    found = []
    for at, (text, one) in enumerate(zip(ask.where, query.where, strict=True)):
        rest = (*ask.where[:at], *ask.where[at + 1 :])
        values = [value_text(one.dimension, value) for value in one.values]
        found.append(
            Chip(
                dimension=one.dimension.replace("_", " "),
                sign="is not" if one.negated else "is",
                values=name(" or ".join(values), 60),
                text=text,
                without=ask.but(where=rest).url,
            )
        )
    return tuple(found)


def month_days(month: str) -> tuple[date, date]:
    """Give the first and last day of a month written `2026-11`."""
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
