"""What a report is asked for: the words of a command line or URL, read into one type."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from config.patterns import group_names
from daemon.dimensions import DIMENSIONS, OWNERS, UNALLOCATED, Place, dimension
from daemon.times import BEGINNING, in_range
from domain.errors import UsageError
from domain.window import Window, month_window, next_month

COST_WORDS = ("billed", "effective", "list", "contracted")


class Step(StrEnum):
    """How a window is cut into rows."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Sharing(StrEnum):
    """Whether shared pools are shown on their own or spread over the owners."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One `--where`: a dimension and the values it may, or may not, have.

    Attributes:
        dimension: name of the dimension.
        values: globs (`*`, `?`), matched without regard to case; None is a missing value.
        negated: the values are the ones to leave out.
    """

    dimension: str
    values: tuple[str | None, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A report to compute.

    Attributes:
        by: dimensions to group by, in order, the step's own included.
        where: conditions that all must hold; they never change what remains.
        window: charges of these UTC days; None means every day that is stored.
        billing_months: only these billing periods (`YYYY-MM`); None means all.
        step: how the window is cut, if it is.
        cost: billed, effective, list or contracted.
        sharing: shared pools on their own, or spread over the owners.
        top: keep this many rows per currency (and step) and fold the others into one.
        sort: `cost` (largest first) or one of `by`.
        as_of: answer from what was known at this instant.
    """

    by: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    window: Window | None = None
    billing_months: frozenset[str] | None = None
    step: Step | None = None
    cost: str = "effective"
    sharing: Sharing = Sharing.BEFORE
    top: int | None = None
    sort: str = "cost"
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse names that do not exist, twice the same, and orders that make no sense."""
        for name in self.by:
            dimension(name)
        if len(set(self.by)) != len(self.by):
            raise UsageError(f"a dimension is asked for twice: {','.join(self.by)}")
        if self.cost not in COST_WORDS:
            raise UsageError(f"no cost is called {self.cost!r}", hint=f"costs: {' '.join(COST_WORDS)}")
        if self.sort != "cost" and self.sort not in self.by:
            raise UsageError(
                f"cannot sort by {self.sort!r}: it is not among the columns",
                hint=f"sort by cost or one of: {' '.join(self.by)}",
            )
        if "hour" in self.by and self.as_of is not None:
            raise UsageError(
                "what was known earlier is kept by the day, not by the hour",
                hint="use --step day with --as-of",
            )
        if self.top is not None and self.top < 1:
            raise UsageError(f"--top {self.top}: at least one row must remain")


def parse_by(text: str, step: Step | None = None) -> tuple[str, ...]:
    """Read `team,provider`; a step puts its own dimension in front."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if step is not None and step.value not in names:
        names.insert(0, step.value)
    if not names:
        raise UsageError("--by names no dimension", hint=f"dimensions: {' '.join(DIMENSIONS)}")
    return tuple(names)


_CONDITION = re.compile(r"^\s*(?P<name>tag:[^=!]+?|[\w-]+)\s*(?P<sign>!?=)\s*(?P<values>.*)$", re.DOTALL)


def parse_condition(text: str) -> Condition:
    """Read `team=ml,web*`, `provider!=AWS`, `team=unallocated`, `resource="a,b"` or `region=`.

    Raises:
        UsageError: not of that form, no such dimension, or a regex or glob that cannot be used.
    """
    match = _CONDITION.match(text)
    if match is None:
        raise UsageError(f"--where {text!r} is not DIMENSION=VALUE", hint="e.g. --where team=ml,web*")
    name = dimension(match["name"]).name
    values = next(csv.reader([match["values"]], skipinitialspace=True), []) or [""]
    return Condition(
        dimension=name,
        values=tuple(_value(name, value.strip()) for value in values),
        negated=match["sign"] == "!=",
    )


def _value(name: str, text: str) -> str | None:
    if text == "" or (text == UNALLOCATED and name in OWNERS):
        return None
    try:
        group_names(text)
    except ValueError as error:
        raise UsageError(f"--where {name}: {error}") from None
    return text


_RELATIVE = re.compile(r"^(\d{1,4})([dhw])$")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def parse_day(text: str, today: date) -> date:
    """Read a day: `2026-11-19`, a month's first as `2026-11`, `today`, `yesterday`, `7d` ago.

    Raises:
        UsageError: none of these, or out of range.
    """
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    if text in words:
        return words[text]
    relative = _RELATIVE.match(text)
    if relative is not None and relative[2] != "h":
        return today - int(relative[1]) * _UNITS[relative[2]]
    try:
        day = date.fromisoformat(f"{text}-01" if is_month(text) else text)
    except ValueError:
        raise UsageError(
            f"not a day: {text!r}", hint="write 2026-11-19, 2026-11, today, yesterday or 7d"
        ) from None
    return in_range(day, text)


def is_month(text: str) -> bool:
    """Tell whether text has the form of a month, `2026-11`."""
    return re.fullmatch(r"\d{4}-\d{2}", text) is not None


def parse_instant(text: str, now: datetime) -> datetime:
    """Read an instant: an ISO time (UTC unless it says otherwise), a day, or an age like `7d`.

    Raises:
        UsageError: none of these, or out of range.
    """
    relative = _RELATIVE.match(text)
    if relative is not None:
        return now - int(relative[1]) * _UNITS[relative[2]]
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"not an instant: {text!r}", hint="write 2026-11-19T06:00Z, 2026-11-19 or 7d"
        ) from None
    in_range(instant, text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_months(texts: Sequence[str]) -> frozenset[str] | None:
    """Read `2026-09,2026-10` (repeatable) as billing months; none means all.

    Raises:
        UsageError: not a month, or out of range.
    """
    months = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    for month in months:
        try:
            in_range(month_window(month).start, month)
        except (ValueError, OverflowError):
            raise UsageError(f"not a month: {month!r}", hint="write a month as 2026-11") from None
    return frozenset(months) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What a query covers: UTC days of the charges, billing months, or all."""

    window: Window | None = None
    billing_months: frozenset[str] | None = None


def parse_span(
    bounds: tuple[str | None, str | None], months: frozenset[str] | None, by: Sequence[str], today: date
) -> Span:
    """Give what `--from`, `--to` and `--period` cover.

    Nothing given means month to date, and every stored bill where the rows are billing
    months or the period was named. Bounds written as months mean billing months when
    rows are billing months, else the days of these months.

    Raises:
        UsageError: not days, or an end that is not after the start.
    """
    first, last = bounds
    if first == "all" and last is None:
        return Span(billing_months=months)
    if first is None and last is None:
        if months is not None or "billing_month" in by:
            return Span(billing_months=months)
        return Span(window=Window.of_days(today.replace(day=1), today + timedelta(days=1)))
    end = parse_day(last, today) if last is not None else today + timedelta(days=1)
    start = (end - timedelta(days=1)).replace(day=1)
    if first is not None:
        start = BEGINNING if first == "all" else parse_day(first, today)
    if end <= start:
        raise UsageError(f"--to {end} is not after --from {start}", hint="--to is exclusive")
    if (
        "billing_month" in by
        and months is None
        and all(text in {None, "all"} or is_month(text) for text in bounds)
    ):
        return Span(billing_months=frozenset(_months(start, end)))
    return Span(window=Window.of_days(start, end), billing_months=months)


def _months(start: date, end: date) -> list[str]:
    months = []
    day = start.replace(day=1)
    while day < end:
        months.append(f"{day:%Y-%m}")
        day = next_month(day)
    return months


def time_dimension(by: Sequence[str]) -> str | None:
    """Give the first of the dimensions that is a time, if one is."""
    return next((name for name in by if dimension(name).place is Place.TIME), None)
