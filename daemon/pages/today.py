"""Today: what the last complete day cost, against what is usual, and who moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon import charts
from daemon.digest import gather
from daemon.http.identity import require
from daemon.http.parameters import Parameters
from daemon.pages.ask import Ask
from daemon.pages.layout import change, headline, moment, money, name, page, percent
from daemon.pages.shown import DAY, Shown
from daemon.pages.team_rows import MOST_TEAMS, SPARK_DAYS, TeamRow, direction_of, shown_lines, team_row
from daemon.pages.trend import Trend, trends
from domain.identity import Right
from domain.show import day_text, weekday_text

if TYPE_CHECKING:
    from alerts.digest import Block, Digest, Line
    from daemon.services import Services

CHART_DAYS = 30

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyView:
    """One currency of the page: its total, its teams, its chart."""

    currency: str
    total: str
    total_url: str
    told: str
    direction: str
    compared: str
    rows: tuple[TeamRow, ...]
    more: int
    sum: TeamRow
    wide: str
    narrow: str
    chart_title: str
    chart_note: str
    chart_url: str
    facts: tuple[tuple[str, str, str], ...]
    restated: tuple[tuple[str, str, str], ...]
    nobody_url: str
    nobody: str


def route(services: Services) -> BaseRoute:
    """Give the route of the first page."""
    shown = Shown(services)

    @require(Right.READ)
    async def endpoint(request: Request) -> Response:
        """Answer a request for the page."""
        Parameters(request).end()
        return await shown.show(request, "today", lambda: _page(services), seconds=DAY)

    return Route("/", endpoint, methods=["GET"])


def _page(services: Services) -> str:
    sources = services.answers.snapshot().sources
    if not services.ledger.deliveries():
        return page(services, "today", digest=None, views=(), late=(), notes=(), configured=bool(sources))
    digest = gather(services.rooms, services.answers.star())
    lines = {trend.currency: trend for trend in _daily(services, digest.day)}
    views = tuple(_view(digest, block, lines.get(block.currency)) for block in digest.blocks)
    return page(
        services,
        "today",
        digest=digest,
        views=views,
        late=tuple(_late(digest)),
        notes=tuple(_notes(digest)),
        configured=True,
    )


def _daily(services: Services, last: date) -> list[Trend]:
    ask = _ask().but(by=("team",), step="day").days(last - (CHART_DAYS - 1) * _DAY, last)
    return trends(services.answers.report(ask.query(services.clock)))


def _ask() -> Ask:
    """Give the question that a digest answers: pools are spread, so that nobody's means nobody's."""
    return Ask(sharing="after")


def _day_ask(digest: Digest) -> Ask:
    """Give the question whose rows add up to the figures of the day, source by source if they differ."""
    days = {reach.day for reach in digest.reaches if reach.day is not None} | {digest.day}
    if len(days) == 1:
        return _ask().but(cost=digest.cost).days(digest.day, digest.day)
    return _ask().but(cost=digest.cost, by=("source",), step="day").days(min(days), max(days))


def _view(digest: Digest, block: Block, trend: Trend | None) -> CurrencyView:
    ask, span = _day_ask(digest), f"{SPARK_DAYS} days to {day_text(digest.day, weekday=False)}"
    wide, narrow, title = _charts(trend, block.currency) if trend else ("", "", "")
    first = digest.day - (CHART_DAYS - 1) * _DAY
    nobody = next((line for line in block.lines if line.name is None), None)
    return CurrencyView(
        currency=block.currency,
        total=headline(block.total, block.currency),
        total_url=ask.url,
        told=_told(block.sum, block.currency),
        direction=direction_of(block.sum)[0],
        compared=_compared(digest, block),
        rows=tuple(team_row(line, block.currency, ask, trend, span) for line in shown_lines(block.lines)),
        more=max(len(block.lines) - 1 - MOST_TEAMS, 0),
        sum=team_row(block.sum, block.currency, ask, None, span),
        wide=wide,
        narrow=narrow,
        chart_title=title,
        chart_note=_chart_note(digest, trend),
        chart_url=_ask().but(step="day").days(first, digest.day).url,
        facts=tuple(_facts(digest, block)),
        restated=tuple(_restated(block)),
        nobody_url=_ask().but(by=("resource",)).only("team", None).days(digest.day, digest.day).url,
        nobody=money(nobody.cost, block.currency) if nobody is not None and nobody.cost else "",
    )


def _told(line: Line, currency: str) -> str:
    """Say in words how a total compares with what is usual."""
    moved = line.change
    if moved is None or line.usual is None:
        return ""
    if moved == 0:
        return "the same as usual"
    word = "more" if moved > 0 else "less"
    share = percent(moved, line.usual, 0, signed=True)
    return f"{headline(abs(moved), currency)} {word} than usual{f' ({share})' if share else ''}"


def _compared(digest: Digest, block: Block) -> str:
    if block.usual is None:
        return f"Not compared: {digest.why_no_change or 'there is no like day before it'}."
    usual = headline(block.usual, block.currency)
    if block.weeks > 1:
        return f"Usual is {usual}, the median of the last {block.weeks} {weekday_text(digest.day)}s."
    return f"Compared with last {weekday_text(digest.day)}, {usual}."


def _charts(trend: Trend, currency: str) -> tuple[str, str, str]:
    """Draw the days by team, for wide windows and for narrow ones."""
    sums = trend.sums
    largest = max(trend.lines, key=lambda line: line.series.total, default=None)
    title = (
        f"Cost per day by team, {trend.names[0]} to {trend.names[-1]}: "
        f"between {headline(min(sums, default=Decimal(0)), currency)} and "
        f"{headline(max(sums, default=Decimal(0)), currency)} a day"
    )
    if largest is not None:
        title += f"; the largest part is {name(largest.series.name, 40)}"
    drawing = charts.Columns(
        title=title,
        times=trend.names,
        series=tuple(line.series for line in trend.lines),
        marked=trend.marked,
        open_times=trend.open_slots,
    )
    return (
        charts.columns(drawing, charts.WIDE),
        charts.columns(drawing.last(SPARK_DAYS), charts.NARROW),
        title,
    )


def _chart_note(digest: Digest, trend: Trend | None) -> str:
    if trend is None or not trend.open_slots:
        return ""
    first = trend.names[min(trend.open_slots)]
    short = [r.source for r in digest.reaches if r.day is None or r.day < digest.day]
    named = ", ".join(name(source, 24) for source in short[:3])
    return f"Lighter columns are not complete: from {first} on, {named or 'a source'} has more to come."


def _facts(digest: Digest, block: Block) -> Iterator[tuple[str, str, str]]:
    """Give what stands beside the total: what it is, how much, and the query that made it."""
    if block.month_to_date is not None:
        ask = _ask().but(cost=digest.cost).days(digest.day.replace(day=1), digest.day)
        yield "Month to date", headline(block.month_to_date, block.currency), ask.url
    if block.owned is not None and block.total:
        yield (
            "Has an owner",
            percent(block.owned, block.total),
            _day_ask(digest).but(by=("team",), step="").url,
        )
    if block.unknown_rows:
        yield f"Charges without {digest.cost} cost, in no figure", f"{block.unknown_rows:,}", "/sources"


def _restated(block: Block) -> Iterator[tuple[str, str, str]]:
    """Give past days that changed in the last day, the largest changes first."""
    for found in sorted(block.restated, key=lambda one: -abs(one.change))[:6]:
        ask = _ask().but(by=("team",), where=(f"source={found.source}",)).days(found.day, found.day)
        told = f"{day_text(found.day)} of {name(found.source, 24)}"
        yield told, change(found.change, block.currency), ask.url


def _late(digest: Digest) -> Iterator[tuple[str, str]]:
    """Give which sources are late or left out, and what to do about each."""
    for reach in digest.reaches:
        source = name(reach.source, 40)
        if not reach.fresh:
            why = f": {name(reach.reason, 160)}" if reach.reason else ""
            yield f"{source} is late{why}.", f"costd collect {source}"
        elif reach.day is None:
            yield f"{source} is in no figure: it lags more than a week behind.", f"costd collect {source}"


def _notes(digest: Digest) -> Iterator[str]:
    """Say which sources show another day than the others."""
    for reach in digest.reaches:
        if reach.fresh and reach.day is not None and reach.day != digest.day:
            through = f", because it is complete to {moment(reach.through)}" if reach.through else ""
            yield f"{name(reach.source, 40)} shows {day_text(reach.day)}{through}."
