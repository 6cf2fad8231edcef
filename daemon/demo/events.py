"""What happens to the company: incidents and their harmless look-alikes, placed by month.

Each month has three incidents and one benign event. Which ones follows from the seed and
the month alone: the catalogue is walked in an order drawn by the seed, so that every kind
comes round within nine months, and in every window of 400 days.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from daemon.demo import dice
from daemon.demo.dice import Ints
from daemon.demo.hours import DAY, Span, day_of, instant_of
from daemon.demo.prices import rows
from daemon.demo.seasons import office_factor
from domain.window import month_of, next_month, previous_month

_INCIDENT_DAYS = ((2, 5), (11, 15), (21, 24))
_BENIGN_DAYS = ((7, 18),)
_LONGEST_MONTHS = 4
"""How many months back an event may have begun that still lasts (the longest is 79 days)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an event does to one target.

    Attributes:
        on: `use` (quantities of an entity), `replicas` (of a workload), `audience` (all that
            follows a team's traffic), `price` (contract price of SKUs), `late`, `refund`.
        target: entity or workload name, team, SKU prefix, or provider.
        sku: prefix of the SKUs concerned, for `use`.
        factor: permille of usual at full strength.
        plus: replicas added.
        shape: `box`, `ramp` or `sigmoid`.
    """

    on: str
    target: str
    sku: str = ""
    factor: int = 1000
    plus: int = 0
    shape: str = "box"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An event of the catalogue, as `tables/events.csv` describes it.

    `hours` are its shortest and longest length; `starts` is `any`, `workday` (in the morning
    of a working day: what it concerns is only used then) or `night` (before the night's jobs).
    """

    name: str
    label: str
    kind: str
    team: str
    service: str
    hours: tuple[int, int]
    starts: str
    effects: tuple[Effect, ...]
    spawn: str
    story: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event at its time.

    Attributes:
        id: `<name>-<month of its start>`, unique.
        template: what it is.
        start, end: first hour and the hour after the last.
    """

    id: str
    template: Template
    start: int
    end: int

    def strength(self, shape: str, span: Span) -> Ints:
        """Give how strong it is per hour, in permille."""
        since = span.hours - self.start
        length = self.end - self.start
        inside = (since >= 0) & (span.hours < self.end)
        match shape:
            case "ramp":
                level = since * 1000 // length
            case "sigmoid":
                # Smooth steps over the first two fifths, then full: 3x^2 - 2x^3.
                x = np.clip(since * 2500 // length, 0, 1000)
                level = (3 * x * x * 1000 - 2 * x * x * x) // 1_000_000
            case _:
                level = np.full(len(span), 1000, dtype=np.int64)
        return np.where(inside, level, 0)


@lru_cache(maxsize=1)
def catalogue() -> tuple[Template, ...]:
    """Give every event that can happen."""
    return tuple(_template(row) for row in rows("events"))


def _template(row: dict[str, str]) -> Template:
    low, _, high = row["hours"].partition("-")
    return Template(
        name=row["event"],
        label=row["class"],
        kind=row["kind"],
        team=row["team"],
        service=row["service"],
        hours=(int(low), int(high)),
        starts=row["starts"],
        effects=tuple(_effect(text) for text in row["effects"].split(",") if text),
        spawn=row["spawn"],
        story=row["story"],
    )


def _effect(text: str) -> Effect:
    text, _, shape = text.partition("@")
    on, found, rest = text.partition("=")
    on, rest = (on, rest) if found else ("use", text)
    rest, _, plus = rest.partition("+")
    rest, _, factor = rest.partition("*")
    target, _, sku = rest.partition(":")
    return Effect(
        on=on,
        target=target,
        sku=sku,
        factor=int(factor or 1000),
        plus=int(plus or 0),
        shape=shape or "box",
    )


def events(seed: int, span: Span) -> tuple[Event, ...]:
    """Give the events that touch a span, oldest first."""
    first = day_of(span.first_day).replace(day=1)
    for _ in range(_LONGEST_MONTHS):
        first = previous_month(first)
    found: list[Event] = []
    while first < day_of(span.end_day):
        found += events_of_month(seed, month_of(first))
        first = next_month(first)
    return tuple(event for event in found if event.end > span.first and event.start < span.end)


@lru_cache(maxsize=256)
def events_of_month(seed: int, period: str) -> tuple[Event, ...]:
    """Give the events that begin in a month written `YYYY-MM`."""
    incidents = _drawn(seed, period, "incident", _INCIDENT_DAYS)
    benign = _drawn(seed, period, "benign", _BENIGN_DAYS)
    return tuple(sorted((*incidents, *benign), key=lambda event: event.start))


def _drawn(seed: int, period: str, label: str, days: tuple[tuple[int, int], ...]) -> Iterator[Event]:
    known = {one.name: one for one in catalogue() if one.label == label}
    order = dice.shuffled(list(known), seed, "order", label)
    span = Span.of_month(period)
    first = instant_of(span.first)
    turn = (first.year * 12 + first.month) * len(days)
    for slot, (low, high) in enumerate(days):
        template = known[order[(turn + slot) % len(order)]]
        key = (seed, period, template.name)
        day = dice.between(low, high, *key, "day")
        start = _start(template, span.first + (day - 1) * DAY, *key)
        yield Event(
            id=f"{template.name}-{period}",
            template=template,
            start=start,
            end=start + dice.between(*template.hours, *key, "length"),
        )


def _start(template: Template, day: int, *key: object) -> int:
    """Give the hour at which an event begins, on a day or soon after it."""
    match template.starts:
        case "workday":
            while instant_of(day).weekday() > 3 or office_factor(instant_of(day).date()) < 1000:
                day += DAY
            return day + dice.between(7, 10, *key, "hour")
        case "night":
            return day + dice.between(18, 20, *key, "hour")
        case _:
            return day + dice.between(0, 23, *key, "hour")
