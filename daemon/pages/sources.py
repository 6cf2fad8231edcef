"""Sources: how far each reaches, what was refused or unreadable, and what costd itself takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from attribution.coverage import resource_totals, unowned
from daemon import sparks
from daemon.http.identity import require
from daemon.http.parameters import Parameters
from daemon.pages.ask import Ask
from daemon.pages.layout import ident, moment, name, page, percent
from daemon.pages.period_rows import PeriodRow, period_rows, refused_periods
from daemon.pages.shown import Shown
from daemon.query import Query
from daemon.report import cells_of
from daemon.sources import SourceState
from daemon.status import Status, gather_status
from domain.charge import COSTS
from domain.identity import Right
from domain.show import age_text, instant_text

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal

    from attribution.coverage import Coverage, Unowned
    from daemon.services import Services
    from daemon.sources import SourceView
    from daemon.usage_reach import ClusterReach
    from ledger.status import PeriodStatus, QuarantinedFile, QuarantinedRow

MOST_UNOWNED = 12
MOST_QUARANTINED = 200
MOST_PERIODS = 240
RECENT_MONTHS = 3
_STATES = {
    SourceState.FRESH: ("good", "fresh"),
    SourceState.STALE: ("bad", "late"),
    SourceState.FAILED: ("bad", "failed"),
    SourceState.NEVER: ("bad", "never collected"),
    SourceState.REMOVED: ("idle", "removed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """One source, written out."""

    name: str
    type: str
    style: str
    state: str
    through: str
    collected: str
    at: str
    every: str
    charges: int
    rejected: int
    gives_usage: bool
    told: tuple[str, ...]
    command: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRow:
    """What a source of usage told of one cluster lately."""

    name: str
    url: str
    source: str
    through: str
    hours: str
    has_gaps: bool
    nodes: int
    gpus: int
    measured: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """One file with rows that could not be read, and those of them that are kept."""

    source: str
    file: str
    rejected: int
    rows: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """How much of one owner field is known."""

    field: str
    currency: str
    share: str
    bar: str
    unowned: Decimal
    url: str
    resources: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnownedRow:
    """A resource for somebody to tag."""

    resource: str
    url: str
    service: str
    account: str
    source: str
    currency: str
    cost: Decimal
    cost_url: str


def route(services: Services) -> BaseRoute:
    """Give the route of the page."""
    shown = Shown(services)

    @require(Right.READ)
    async def endpoint(request: Request) -> Response:
        """Answer a request for the page."""
        Parameters(request).end()
        return await shown.show(request, "sources", lambda: _page(services))

    return Route("/sources", endpoint, methods=["GET"])


def _page(services: Services) -> str:
    status = gather_status(services.rooms, services.answers.star())
    kept = services.state.quarantine(limit=MOST_QUARANTINED)
    periods = sorted(status.periods, key=lambda one: (one.billing_period, one.source), reverse=True)
    recent = sorted({one.billing_period for one in periods}, reverse=True)[:RECENT_MONTHS]
    older = [one for one in periods if one.billing_period not in recent]
    return page(
        services,
        "sources",
        status=status,
        rows=tuple(_source(status, source) for source in status.sources),
        clusters=tuple(_cluster(one) for one in status.clusters),
        refused=tuple(refused_periods(status)),
        messages=tuple(name(told, 400) for told in status.messages),
        periods=tuple(
            row for one in periods if one.billing_period in recent for row in period_rows(status, one)
        ),
        older=tuple(row for one in older[:MOST_PERIODS] for row in period_rows(status, one)),
        is_split=any(one.allocations for one in status.standings.values()),
        more_periods=max(len(older) - MOST_PERIODS, 0),
        quarantined=tuple(_quarantined(status.quarantined, kept)),
        coverage=tuple(_covered(status, score) for score in status.coverage),
        unowned=tuple(_unowned(services, status)),
        unowned_url=_month(status).but(by=("resource",)).only("team", None).url,
    )


def _rows(status: Status, periods: Iterable[PeriodStatus]) -> Iterator[PeriodRow]:
    return (row for one in periods for row in period_rows(status, one))


def _source(status: Status, source: SourceView) -> SourceRow:
    stored = [one for one in status.periods if one.source == source.name and one.delivery_id]
    style, word = _STATES[source.state]
    if source.withheld:
        style, word = "bad", "withheld"
    told = [name(source.reason, 240)] if source.reason else []
    told += [f"Withheld: {', '.join(source.withheld)}; costd reconcile explains."] if source.withheld else []
    told += [name(note, 240) for note in source.notes]
    age = status.at - source.succeeded_at if source.succeeded_at is not None else None
    return SourceRow(
        name=name(source.name, 40),
        type=name(source.type, 24),
        style=style,
        state=word,
        through=moment(source.through) if source.through is not None else "unknown",
        collected=f"{age_text(age)} ago" if age is not None else "never",
        at=instant_text(source.succeeded_at) if source.succeeded_at is not None else "",
        every=_every(source.every),
        charges=sum(one.rows for one in stored),
        rejected=sum(one.rejected for one in stored),
        gives_usage=source.gives_usage,
        told=tuple(told),
        command=f"costd collect {name(source.name, 40)}" if style == "bad" else "",
        url="" if source.gives_usage else Ask(by=("cloud_service",)).only("source", source.name).url,
    )


def _cluster(one: ClusterReach) -> ClusterRow:
    return ClusterRow(
        name=name(one.cluster, 60),
        url=Ask(by=("namespace",)).only("cluster", one.cluster).url,
        source=name(one.source, 40),
        through=moment(one.through),
        hours=f"{one.hours:,} of {one.of:,}",
        has_gaps=one.hours < one.of,
        nodes=one.nodes,
        gpus=one.gpus,
        measured=one.measured,
    )


def _every(every: timedelta | None) -> str:
    return f"every {age_text(every)}" if every is not None else "no longer configured"


def _quarantined(files: Sequence[QuarantinedFile], kept: Sequence[QuarantinedRow]) -> Iterator[Quarantine]:
    for file in files:
        rows = [row for row in kept if (row.source, row.file) == (file.source, file.file)]
        yield Quarantine(
            source=name(file.source, 40),
            file=ident(file.file, 160),
            rejected=file.rejected,
            rows=tuple((row.line, name(row.reason, 240)) for row in rows),
        )


def _month(status: Status) -> Ask:
    """Give the question for the month whose coverage is shown."""
    return Ask(by=("billing_month",), periods=(status.coverage_month,) if status.coverage_month else ())


def _covered(status: Status, score: Coverage) -> CoverageRow:
    known = score.owned + score.pooled
    ask = _month(status).but(by=("resource",)).only(score.field, None)
    return CoverageRow(
        field=score.field.replace("_", " "),
        currency=name(score.currency, 8),
        share=percent(known, score.cost) if score.cost > 0 else "no cost",
        bar=sparks.bar(known, score.cost),
        unowned=score.unowned,
        url=ask.url,
        resources=f"{score.owned_resources:,} of {score.resources:,}",
    )


def _unowned(services: Services, status: Status) -> Iterator[UnownedRow]:
    """Give the resources nobody owns that cost most in the month."""
    if not status.coverage_month:
        return
    query = Query(by=("team",), billing_months=frozenset({status.coverage_month}))
    cells = cells_of(query, services.ledger, sources=status.sources)
    totals = resource_totals(cells, COSTS[query.cost])
    found: list[Unowned] = unowned(totals, services.answers.star(), limit=MOST_UNOWNED)
    for one in found:
        ask = _month(status).but(by=("resource",)).only("resource", one.resource or None)
        yield UnownedRow(
            resource=ident(one.resource, 60) or "(no resource)",
            url=ask.but(by=("sku",)).url,
            service=name(one.cloud_service, 40),
            account=ident(one.account, 32),
            source=name(one.source, 24),
            currency=name(one.currency, 8),
            cost=one.cost,
            cost_url=ask.only("source", one.source).but(by=("cloud_service",)).url,
        )
