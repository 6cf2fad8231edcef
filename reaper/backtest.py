"""What a rule would have done: its replay over stored hours, with both of its errors.

A rule errs by acting on what was needed after all (a false reap: work came back soon after), and by
leaving idle what nobody needed (hours before it fired, spells too short for it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from domain.money import stored
from domain.resource import ResourceId
from domain.usage import HOUR

LENGTHS = (1, 2, 4, 8, 24, 72, 168)
"""Where the bars of the histogram begin, in hours; the last is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A stretch in which something was idle, and what the rule would have made of it.

    Attributes:
        resource: what was idle.
        team: who owns it; None is unallocated.
        start: its first hour.
        end: the end of its last hour.
        hours: how long it was idle; hours that could not be told are not counted.
        fired_at: when the rule would have acted; None if it never did.
        freed_hours: idle hours after that.
        freed: what they cost; None where no cost is known.
        currency: of the amount, "" without one.
        back_at: when work came back; None if it did not within the window.
    """

    resource: ResourceId
    start: datetime
    end: datetime
    hours: float
    team: str | None = None
    fired_at: datetime | None = None
    freed_hours: float = 0.0
    freed: Decimal | None = None
    currency: str = ""
    back_at: datetime | None = None

    def is_false(self, came_back: timedelta) -> bool:
        """Tell whether work came back so soon after the rule fired that it should not have."""
        if self.fired_at is None or self.back_at is None:
            return False
        return self.back_at - self.fired_at <= came_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a rule would have done in a window.

    Attributes:
        start, end: the window, whole hours.
        working, idle, unknown: hours of everything that the rule is about, as it calls them.
        spells: idle ones, by start.
        came_back: how soon after the rule fired work must have come back to call that false.
    """

    start: datetime
    end: datetime
    working: float
    idle: float
    unknown: float
    spells: tuple[Spell, ...]
    came_back: timedelta

    @property
    def fired(self) -> tuple[Spell, ...]:
        """Give the spells on which the rule would have acted."""
        return tuple(spell for spell in self.spells if spell.fired_at is not None)

    @property
    def false(self) -> tuple[Spell, ...]:
        """Give those that it should have let alone."""
        return tuple(spell for spell in self.spells if spell.is_false(self.came_back))

    @property
    def freed_hours(self) -> float:
        """Give the hours that it would have freed, those of false reaps left out."""
        return sum(spell.freed_hours for spell in self._rightly)

    @property
    def freed(self) -> Mapping[str, Decimal]:
        """Give what these hours cost, per currency, where a cost is known."""
        return totals((spell.currency, spell.freed) for spell in self._rightly)

    @property
    def unpriced_hours(self) -> float:
        """Give those of the freed hours of which no cost is known."""
        return sum(spell.freed_hours for spell in self._rightly if spell.freed is None)

    @property
    def missed_hours(self) -> float:
        """Give the idle hours that it would have left: before it fired, and in spells too short for it."""
        return self.idle - sum(spell.freed_hours for spell in self.spells)

    @property
    def _rightly(self) -> tuple[Spell, ...]:
        return tuple(spell for spell in self.fired if not spell.is_false(self.came_back))


def totals(amounts: Iterable[tuple[str, Decimal | None]]) -> dict[str, Decimal]:
    """Add up per currency what is known."""
    found: dict[str, Decimal] = {}
    for currency, amount in amounts:
        if amount is not None:
            found[currency] = stored(found.get(currency, Decimal(0)) + amount)
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Spells of about one length: how many, and how many hours they are together.

    Attributes:
        least: hours from which they are.
        below: hours below which; None for the last.
    """

    least: int
    below: int | None
    spells: int
    hours: float


def histogram(spells: Iterable[Spell]) -> tuple[Bar, ...]:
    """Give the lengths of idle spells, from the shortest on; a spell below an hour is in the first bar."""
    lengths = [spell.hours for spell in spells]
    bars = []
    for least, below in [*pairwise(LENGTHS), (LENGTHS[-1], None)]:
        low = 0 if least == LENGTHS[0] else least
        mine = [hours for hours in lengths if low <= hours and (below is None or hours < below)]
        bars.append(Bar(least=least, below=below, spells=len(mine), hours=sum(mine)))
    return tuple(bars)


def whole_hours(length: timedelta) -> float:
    """Give a length in hours."""
    return length / HOUR
