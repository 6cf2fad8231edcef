"""The chart above the table of costs: the same question over time."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from daemon import charts
from daemon.pages.ask import Ask
from daemon.pages.layout import headline, name
from daemon.pages.trend import Trend, has_time, trends

if TYPE_CHECKING:
    from daemon.report import ReportResult
    from daemon.services import Services

MOST_DRAWN = 400
"""Rows of a report that is drawn over time too; a thousand resources are no lines of a chart."""

_DAYS, _WEEKS = 62, 400
_NARROW = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One currency over time, drawn for wide windows and for narrow ones."""

    currency: str
    wide: str
    narrow: str
    narrow_note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What stands above the table.

    Attributes:
        step: day, week or month.
        plots: one per currency.
        note: what a lighter column means, or "".
        url: the page with these numbers as its table.
    """

    step: str
    plots: tuple[Plot, ...]
    note: str
    url: str


def chart_of(services: Services, ask: Ask, result: ReportResult) -> Chart | None:
    """Draw a report over time; None where it has no days, or too many names for a chart."""
    if result.window is None or not result.rows or (len(result.rows) > MOST_DRAWN and not ask.step):
        return None
    if has_time(ask.by):
        return None
    step = ask.step or _step((result.window.end_day - result.window.first_day).days)
    stepped = ask.but(step=step, sort="cost", top=None)
    found = trends(services.answers.report(stepped.query(services.clock)))
    found = [trend for trend in found if len(trend.slots) > 1 and trend.lines]
    if not found:
        return None
    is_open = any(trend.open_slots for trend in found)
    return Chart(
        step=step,
        plots=tuple(_plot(trend, step, ask) for trend in found),
        note=f"Lighter columns: more of that {step} is to come." if is_open else "",
        url=stepped.url,
    )


def _step(days: int) -> str:
    """Give the step that makes neither two columns nor a hundred."""
    return "day" if days <= _DAYS else "week" if days <= _WEEKS else "month"


def _plot(trend: Trend, step: str, ask: Ask) -> Plot:
    sums = trend.sums
    least, most = min(sums, default=Decimal(0)), max(sums, default=Decimal(0))
    by = ", ".join(one.replace("_", " ") for one in ask.by)
    title = (
        f"Cost per {step} by {name(by, 60)}, {trend.names[0]} to {trend.names[-1]}: between "
        f"{headline(least, trend.currency)} and {headline(most, trend.currency)}"
    )
    largest = max(trend.lines, key=lambda line: line.series.total)
    title += f"; the largest part is {name(largest.series.name, 40)}"
    drawing = charts.Columns(
        title=title,
        times=trend.names,
        series=tuple(line.series for line in trend.lines),
        marked=trend.marked,
        open_times=trend.open_slots,
    )
    cut = len(trend.slots) > _NARROW
    return Plot(
        currency=trend.currency,
        wide=charts.columns(drawing, charts.WIDE),
        narrow=charts.columns(drawing.last(_NARROW), charts.NARROW),
        narrow_note=f"The last {_NARROW} {step}s." if cut else "",
    )
