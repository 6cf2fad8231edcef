"""What a provider had delivered at some instant: late rows, early figures, invoices.

The bill of a day is final only after some days. Before that some of its rows are missing
(providers run hours behind) and some show the figure that was measured first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from daemon.demo import dice
from daemon.demo.dice import Ints
from daemon.demo.entities import FOREVER, Metered
from daemon.demo.happening import Happening
from daemon.demo.hours import DAY, Span, day_number, hour_of, instant_of
from domain.window import month_window

_BEHIND = {"aws": 7, "gcp": 10, "azure": 8}
"""Hours that a provider's bill runs behind; Azure's moreover grows by whole days."""

_BEHIND_MORE = {"bigquery": 16, "vertex": 16, "dataflow": 16}
"""Services of Google Cloud that report later than the rest."""

_CLOSES = timedelta(days=5, hours=18)
"""After the end of a month: its invoice is issued."""

TOTALLED = timedelta(days=5, hours=4)
"""After the end of a month: support and tax, which rest on the month's total, are known."""

_RESTATED = timedelta(days=7, hours=2)
"""After the end of a month: corrections of the whole month begin to arrive."""

_QUIET = timedelta(days=11)
"""After the end of a month: nothing of it changes any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A provider's bill of a month as of an instant.

    Attributes:
        seed: of the world.
        provider: whose bill.
        period: month, `YYYY-MM`.
        seen_at: when it is looked at.
        happening: events of the month, for holes in the delivery.
        asked_hourly_from: day from which hourly rows were asked for, None if not at all.
    """

    seed: int
    provider: str
    period: str
    seen_at: datetime
    happening: Happening
    asked_hourly_from: date | None = None

    @property
    def hourly_from(self) -> int:
        """Give the hour from which rows are hourly; far in the future where they never are.

        Of the three, only AWS exports bills by the hour.
        """
        if self.provider != "aws" or self.asked_hourly_from is None:
            return FOREVER
        return day_number(self.asked_hourly_from) * DAY

    @property
    def invoice(self) -> str | None:
        """Give the invoice id, None until the month is closed."""
        if self.seen_at < month_window(self.period).end + _CLOSES:
            return None
        number = dice.number(self.seed, "invoice", self.provider, self.period) % 10**9
        return f"{self.provider.upper()}-{self.period.replace('-', '')}-{number:09d}"

    @property
    def is_totalled(self) -> bool:
        """Say whether support and tax are known."""
        return self.seen_at >= month_window(self.period).end + TOTALLED

    def through(self, item: Metered) -> int:
        """Give the hour before which the use of an item is delivered."""
        service = item.sku.service.key
        reached = through_hour(self.provider, self.seen_at, _BEHIND_MORE.get(service))
        for event in self.happening.events:
            for effect in event.template.effects:
                if effect.on == "late" and effect.target == self.provider and event.end > self._hour:
                    drawn = dice.number(event.id, item.entity.name, item.sku.key) % 1000
                    if drawn >= effect.factor and event.start <= self._hour:
                        reached = min(reached, event.start)
        return reached

    @property
    def _hour(self) -> int:
        return hour_of(self.seen_at)

    def first_figures(self, item: Metered, span: Span) -> Ints | None:
        """Give, per hour in permille, what was measured first; None where all is final."""
        if "restated" not in item.sku.traits or self.seen_at >= month_window(self.period).end + _QUIET:
            return None
        name = f"{item.entity.name}/{item.sku.key}"
        days = [self._first_figure(name, day) for day in range(span.first_day, span.end_day)]
        if all(figure == 1000 for figure in days):
            return None
        return np.repeat(np.array(days, dtype=np.int64), DAY)

    def _first_figure(self, name: str, day: int) -> int:
        figure = 1000
        drawn = dice.number(self.seed, "first", name, day)
        if drawn % 100 < 9:
            final_at = instant_of((day + 1) * DAY + 30 + drawn // 100 % 30)
            if self.seen_at < final_at:
                figure = 960 + drawn // 10_000 % 55
        monthly = dice.number(self.seed, "monthly", name, self.period)
        if monthly % 100 < 12:
            final_at = month_window(self.period).end + _RESTATED + timedelta(hours=monthly // 100 % 72)
            if self.seen_at < final_at:
                figure = figure * (985 + monthly // 10_000 % 18) // 1000
        return figure


def through_hour(provider: str, seen_at: datetime, behind: int | None = None) -> int:
    """Give the hour before which a provider's bill is complete."""
    hour = hour_of(seen_at) - (behind or _BEHIND[provider])
    return hour // DAY * DAY if provider == "azure" else hour


def complete_through(provider: str, seen_at: datetime) -> datetime:
    """Give the instant before which every service of a provider is complete."""
    behind = max(_BEHIND_MORE.values()) if provider == "gcp" else None
    return instant_of(through_hour(provider, seen_at, behind))


def settled_at(period: str) -> datetime:
    """Give the instant after which a month's bill does not change."""
    return month_window(period).end + _QUIET
