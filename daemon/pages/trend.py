"""A report over time as the lines of a chart: at most six names, then the rest, then nobody's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon.charts import MOST_SERIES, NOBODY_STYLE, OTHER_STYLE, Series
from daemon.dimensions import OWNERS, UNALLOCATED, dimension
from daemon.ranking import OTHER
from domain.show import day_text
from domain.window import midnight

if TYPE_CHECKING:
    from daemon.report import ReportResult

NOTHING = "(none)"
_DAY = timedelta(days=1)
_MONDAY = 0
_LONG = 45
_Values = tuple[str | None, ...]
_Sums = dict[_Values, list[Decimal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One time of a chart: a day, week or month of the window.

    Attributes:
        value: as reports name it.
        first: its first day inside the window.
        last: its last one.
    """

    value: str
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One name over time.

    Attributes:
        values: what the report calls it; None where it is the sum of the rest.
        series: what is drawn.
        folded: how many names it is the sum of, 0 for a name of its own.
    """

    values: tuple[str | None, ...] | None
    series: Series
    folded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One currency of a report over time.

    Attributes:
        lines: what is drawn.
        open_slots: positions of times for which something is still to come.
        named: every name over time, those that are not drawn on their own included.
    """

    currency: str
    slots: tuple[Slot, ...]
    lines: tuple[Line, ...]
    open_slots: frozenset[int]
    named: Mapping[tuple[str | None, ...], tuple[Decimal, ...]]

    @property
    def sums(self) -> tuple[Decimal, ...]:
        """Give what each time adds up to."""
        columns = zip(*(line.series.values for line in self.lines), strict=True)
        return tuple(sum(values, Decimal(0)) for values in columns)

    def style(self, values: tuple[str | None, ...]) -> str:
        """Give the colour of a name, that of the rest if it has none of its own."""
        own = (line.series.style for line in self.lines if line.values == values)
        return next(own, OTHER_STYLE)

    @property
    def names(self) -> tuple[str, ...]:
        """Give what the times are called below a chart."""
        return tuple(_name(slot) for slot in self.slots)

    @property
    def marked(self) -> tuple[int, ...]:
        """Give the times worth a name: Mondays of many days."""
        if len(self.slots) < 10 or not self._is_daily:
            return ()
        mondays = tuple(at for at, slot in enumerate(self.slots) if slot.first.weekday() == _MONDAY)
        return mondays if len(self.slots) <= _LONG else mondays[::2]

    @property
    def _is_daily(self) -> bool:
        return all(len(slot.value) == len("2026-11-19") for slot in self.slots)


def _name(slot: Slot) -> str:
    if len(slot.value) == len("2026-11-19"):
        return day_text(slot.first, weekday=False)
    return slot.value


def trends(result: ReportResult) -> list[Trend]:
    """Give a trend per currency of a report whose first dimension is a time."""
    slots = tuple(_slots(result))
    if not slots:
        return []
    reach = reached(result)
    unfinished = frozenset(at for at, slot in enumerate(slots) if reach < midnight(slot.last + _DAY))
    found = []
    for total in result.totals:
        sums = _sums(result, total.currency, slots)
        trend = Trend(
            currency=total.currency,
            slots=slots,
            lines=tuple(_lines(result.query.by[1:], sums)),
            open_slots=unfinished,
            named={values: tuple(amounts) for values, amounts in sums.items()},
        )
        found.append(trend)
    return found


def reached(result: ReportResult) -> datetime:
    """Give the instant before which every source that counts is complete."""
    known = [source.through for source in result.sources if source.counts]
    return min((at or datetime.min.replace(tzinfo=UTC) for at in known), default=result.computed_at)


def _slots(result: ReportResult) -> Iterator[Slot]:
    """Cut the window of a report into the times its rows are cut into."""
    if result.window is None:
        return
    step = result.query.by[0]
    day, end = result.window.first_day, result.window.end_day
    found: dict[str, list[date]] = {}
    while day < end:
        found.setdefault(_value(step, day), []).append(day)
        day += _DAY
    for value, days in found.items():
        yield Slot(value=value, first=days[0], last=days[-1])


def _value(step: str, day: date) -> str:
    if step == "day":
        return day.isoformat()
    if step == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{day:%Y-%m}"


def _sums(result: ReportResult, currency: str, slots: tuple[Slot, ...]) -> _Sums:
    places = {slot.value: at for at, slot in enumerate(slots)}
    sums: _Sums = defaultdict(lambda: [Decimal(0)] * len(slots))
    for row in result.rows:
        if row.currency == currency and row.cost is not None and row.values[0] in places:
            sums[row.values[1:]][places[row.values[0] or ""]] += row.cost
    return sums


def _lines(names: tuple[str, ...], sums: _Sums) -> Iterator[Line]:
    """Give the largest names, then the rest as one, then what nobody owns."""
    ranked = sorted(sums, key=lambda values: (-sum(sums[values], Decimal(0)), str(values)))
    nobody = [values for values in ranked if is_unowned(names, values)]
    named = [values for values in ranked if not is_unowned(names, values)]
    for at, values in enumerate(named[:MOST_SERIES], 1):
        yield _line(named_text(names, values), f"s{at}", sums[values], values)
    rest = named[MOST_SERIES:]
    if len(rest) == 1:
        yield _line(named_text(names, rest[0]), OTHER_STYLE, sums[rest[0]], rest[0])
    elif rest:
        yield _line(f"{len(rest)} {OTHER}", OTHER_STYLE, _added(sums, rest), None, len(rest))
    if nobody:
        only = nobody[0] if len(nobody) == 1 else None
        yield _line(UNALLOCATED, NOBODY_STYLE, _added(sums, nobody), only, len(nobody) - 1)


def _added(sums: _Sums, of: list[_Values]) -> list[Decimal]:
    return [sum(column, Decimal(0)) for column in zip(*(sums[values] for values in of), strict=True)]


def _line(
    name: str, style: str, amounts: list[Decimal], values: tuple[str | None, ...] | None, folded: int = 0
) -> Line:
    return Line(values=values, series=Series(name=name, style=style, values=tuple(amounts)), folded=folded)


def is_unowned(names: tuple[str, ...], values: tuple[str | None, ...]) -> bool:
    """Tell whether the first owner dimension of a row is missing."""
    owners = [at for at, name in enumerate(names) if name in OWNERS]
    return bool(owners) and values[owners[0]] is None


def named_text(names: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    """Name a row by all its values: `web · AWS`."""
    return " · ".join(value_text(name, value) for name, value in zip(names, values, strict=True)) or "all"


def value_text(name: str, value: str | None) -> str:
    """Give a value as people read it, a missing one included."""
    if value is not None:
        return value
    return UNALLOCATED if name in OWNERS else NOTHING


def has_time(names: tuple[str, ...]) -> bool:
    """Tell whether one of some dimensions is a time."""
    return any(dimension(name).place.value == "time" for name in names)
