"""Which day of which source a digest shows, and which earlier days are like it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from alerts.digest import Reach
from daemon.sources import SourceState, SourceView
from domain.delivery import Delivery
from domain.show import day_text, instant_text
from domain.window import midnight

WEEKS = 4
"""How many like weekdays before it a day is compared with."""

LAG = timedelta(days=7)
"""A source that lags more than this behind the others is left out of the figures, and named."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The days of a digest.

    Attributes:
        digest: the latest day shown.
        of: {source: its day}; a source that is not named shows the digest's day.
        left_out: sources that are in no figure.
        reaches: the sources that count, as the digest tells them.
        weeks: how many weeks back every source has a like day, the nearest first.
        why_no_change: why nothing is compared, or "".
        folded: how many days of each source are shown: its day and those before it.
    """

    digest: date
    of: Mapping[str, date]
    left_out: frozenset[str]
    reaches: tuple[Reach, ...]
    weeks: tuple[int, ...]
    why_no_change: str
    folded: int = 1

    @property
    def is_partial(self) -> bool:
        """Tell whether a source is late, or its day is not whole or in no figure."""
        whole = all(reach.fresh and reach.day is not None for reach in self.reaches)
        return bool(self.left_out) or not whole

    def shown(self, back: int = 0) -> pl.Expr:
        """Give which rows (`source`, `day`) are of the days shown, or of as many weeks before."""
        last = self._own() - timedelta(weeks=back)
        return pl.col("day").is_between(last - (self.folded - 1) * _DAY, last) & self._kept()

    def month_to_date(self) -> pl.Expr:
        """Give which rows are of the digest day's month, up to the day each source shows."""
        return pl.col("day").is_between(self.digest.replace(day=1), self._own()) & self._kept()

    def _own(self) -> pl.Expr:
        own = pl.lit(self.digest)
        for source, day in self.of.items():
            own = pl.when(pl.col("source") == source).then(pl.lit(day)).otherwise(own)
        return own

    def _kept(self) -> pl.Expr:
        return ~pl.col("source").is_in(sorted(self.left_out))

    def distinct(self, back: int = 0) -> list[date]:
        """Give the days that are shown, or those as many weeks before, without repeats."""
        return sorted(
            {
                day - timedelta(weeks=back, days=fold)
                for day in (self.digest, *self.of.values())
                for fold in range(self.folded)
            }
        )

    def first_of(self, source: str) -> date:
        """Give the first day that is shown of a source."""
        return self.of.get(source, self.digest) - (self.folded - 1) * _DAY

    def trend(self, length: int) -> tuple[date, ...]:
        """Give the last days that every source shown has whole."""
        last = min(self.of.values(), default=self.digest)
        return tuple(last - _DAY * back for back in reversed(range(length)))

    def within(self, days: Sequence[date]) -> pl.Expr:
        """Give which rows are of some days in a row, of the sources that count."""
        return pl.col("day").is_between(days[0], days[-1]) & self._kept()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which days are to be chosen.

    Attributes:
        day: this one, whether sources reach it or not; None for the latest complete ones.
        latest: no day after this.
        folded: how many days are shown: the chosen one and those right before it.
    """

    day: date | None
    latest: date
    folded: int = 1


def days_of(views: Sequence[SourceView], deliveries: Iterable[Delivery], wanted: Wanted) -> Days:
    """Choose the days: the latest complete one of every source, or the one that was asked for."""
    asked, folded = wanted.day, wanted.folded
    counted = [view for view in views if view.counts and view.state is not SourceState.NEVER]
    complete = {view.name: _complete_day(view, wanted.latest) for view in counted}
    known = [day for day in complete.values() if day is not None]
    digest = asked or max(known, default=wanted.latest)
    of = {name: asked or day for name, day in complete.items() if day and digest - day <= LAG}
    short: list[SourceView] = []
    if asked is not None:
        of = dict.fromkeys(complete, asked)
        short = [view for view in counted if not view.reaches(midnight(asked + _DAY))]
    left_out = frozenset(view.name for view in counted if view.through and view.name not in of)
    whole = {name: day for name, day in of.items() if name not in {view.name for view in short}}
    begin = {name: of.get(name, digest) - (folded - 1) * _DAY for name in complete}
    weeks, why = _like(begin, left_out, deliveries)
    if short:
        weeks, why = (), _falls_short(short[0])
    return Days(
        digest=digest,
        of=of,
        left_out=left_out,
        reaches=tuple(_reach(view, whole.get(view.name)) for view in counted),
        weeks=weeks,
        why_no_change=why,
        folded=folded,
    )


def _complete_day(view: SourceView, latest: date) -> date | None:
    """Give the last UTC day of which nothing is still to come, no later than the latest wanted."""
    return min(view.through.date() - _DAY, latest) if view.through is not None else None


def _like(
    shown: Mapping[str, date], left_out: frozenset[str], deliveries: Iterable[Delivery]
) -> tuple[tuple[int, ...], str]:
    """Give the weeks back in which every source shown had charges already, and what is wrong if none."""
    first: dict[str, date] = {}
    for delivery in deliveries:
        if delivery.first_day:
            day = date.fromisoformat(delivery.first_day)
            first[delivery.source] = min(day, first.get(delivery.source, day))
    begun = {name: first[name] for name in shown if name in first and name not in left_out}
    weeks = tuple(
        back
        for back in range(1, WEEKS + 1)
        if begun and all(day <= shown[name] - timedelta(weeks=back) for name, day in begun.items())
    )
    if weeks or not begun:
        return weeks, ""
    youngest = max(begun, key=lambda name: begun[name])
    return (), f"{youngest} has no charges before {day_text(begun[youngest])}"


def _falls_short(view: SourceView) -> str:
    reached = instant_text(view.through) if view.through is not None else "an unknown time"
    return f"{view.name} is complete only to {reached}"


def _reach(view: SourceView, day: date | None) -> Reach:
    return Reach(
        source=view.name,
        day=day,
        through=view.through,
        fresh=view.state is SourceState.FRESH,
        reason=view.reason,
    )
