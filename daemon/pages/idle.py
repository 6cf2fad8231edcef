"""Idle: what is paid for and not used, each with its evidence, and what could not be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.http.identity import require
from daemon.http.parameters import Parameters
from daemon.idle import WASTE, waste_totals
from daemon.idle_filter import Filter, team_of
from daemon.pages.idle_cards import cards, cost_url, ends
from daemon.pages.idle_choices import choices
from daemon.pages.idle_teams import TeamSum, is_priced, team_sums
from daemon.pages.layout import counted, ident, moment, name, page
from daemon.pages.shown import Shown
from domain.errors import UsageError
from domain.finding import Verdict
from domain.identity import Right

if TYPE_CHECKING:
    from daemon.idle_look import IdleLook
    from daemon.services import Services
    from domain.finding import Finding

MOST_CARDS = 40
MOST_UNKNOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One currency: what is not used costs per hour and cost since it began, and whose it is."""

    currency: str
    per_hour: Decimal
    wasted: Decimal
    count: int
    teams: tuple[TeamSum, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownRow:
    """A thing that could not be judged."""

    name: str
    url: str
    place: str
    team: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """Why nothing stands here, and what to do."""

    title: str
    text: str
    command: str = ""
    more: str = ""
    links: tuple[tuple[str, str], ...] = ()


def route(services: Services) -> BaseRoute:
    """Give the route of the page."""
    shown = Shown(services)

    @require(Right.READ)
    async def endpoint(request: Request) -> Response:
        """Answer a request for the page."""
        try:
            asked = Filter.read(Parameters(request))
        except UsageError as error:
            refused = error
            text = await services.work.run(
                ("idle refused", str(refused), refused.hint), lambda: _refused(services, refused)
            )
            return HTMLResponse(text, 400)
        return await shown.show(request, ("idle", asked), lambda: _page(services, asked))

    return Route("/idle", endpoint, methods=["GET"])


def _page(services: Services, asked: Filter) -> str:
    look = services.idle.look()
    found = [one for one in look.findings if asked.fits(one)]
    wasteful = [one for one in found if one.verdict in WASTE or asked.verdict == Verdict.WORKING]
    unknown = [one for one in found if one.verdict is Verdict.UNKNOWN]
    teams, clusters, verdicts = choices(look.findings, asked)
    first, last = ends(look.activity)
    return page(
        services,
        "idle",
        refused=None,
        asked=asked,
        teams=teams,
        clusters=clusters,
        verdicts=verdicts,
        headline=_headline(look, wasteful, asked),
        sheets=_sheets(wasteful, asked),
        cards=tuple(cards(wasteful[:MOST_CARDS], look.activity, look.at)),
        unpriced=sum(not is_priced(one) for one in wasteful),
        more=max(len(wasteful) - MOST_CARDS, 0),
        unknown=tuple(_unknown(one) for one in unknown[:MOST_UNKNOWN]),
        more_unknown=max(len(unknown) - MOST_UNKNOWN, 0),
        working=_working(look),
        working_url=asked.but(verdict=Verdict.WORKING.value).url,
        stale=tuple(_stale(look)),
        reach=moment(look.through) if look.through is not None else "",
        first_day=first,
        last_day=last,
        empty=_empty(services, look, found, asked),
    )


def _refused(services: Services, error: UsageError) -> str:
    return page(
        services,
        "idle",
        refused={"message": name(str(error), 400), "hint": name(error.hint, 600)},
        asked=Filter(),
    )


def _headline(look: IdleLook, wasteful: Sequence[Finding], asked: Filter) -> str:
    if not look.is_measured:
        return "Nothing is measured yet"
    if asked.verdict == Verdict.WORKING:
        return f"{counted(len(wasteful), 'thing')} at work"
    return f"{counted(len(wasteful), 'finding')}" if wasteful else "Nothing idle was found"


def _sheets(wasteful: Sequence[Finding], asked: Filter) -> tuple[Sheet, ...]:
    """Give the sums per currency, the dearest first; what has no cost is in none."""
    sheets = []
    for currency, (per_hour, wasted) in waste_totals(wasteful).items():
        mine = [one for one in wasteful if one.currency == currency and is_priced(one)]
        urls = {team: asked.but(team=team).url for team in {team_of(one) for one in mine}}
        sheets.append(
            Sheet(
                currency=name(currency, 8),
                per_hour=per_hour,
                wasted=wasted,
                count=len(mine),
                teams=tuple(team_sums(mine, currency, urls)),
            )
        )
    return tuple(sorted(sheets, key=lambda sheet: -sheet.per_hour))


def _unknown(one: Finding) -> UnknownRow:
    which = one.resource
    why = next((evidence.value for evidence in one.evidence if evidence.metric == "why"), "")
    missing = [evidence.metric for evidence in one.evidence if evidence.speaks_for is None]
    return UnknownRow(
        name=ident(which.name, 60),
        url=cost_url(which),
        place=name(" / ".join(word for word in (which.place, which.namespace, which.kind) if word), 120),
        team=name(team_of(one), 40),
        rule=name(one.rule, 40),
        why=name(why or ", ".join(missing) or "no reason is given", 240),
    )


def _working(look: IdleLook) -> str:
    count = sum(one.verdict is Verdict.WORKING for one in look.findings)
    return counted(count, "thing") if count else ""


def _stale(look: IdleLook) -> Iterator[str]:
    for one in look.result.stale:
        yield f"{name(one.cluster, 40)} is known only to {moment(one.through)}: what is said of it was then"


def _empty(services: Services, look: IdleLook, found: Iterable[Finding], asked: Filter) -> Empty | None:
    """Say why there is nothing, and what to do about it; None where there is something."""
    if not look.is_measured:
        return _unmeasured(services)
    if any(True for _ in found):
        return None
    if asked.is_set:
        return Empty(
            title="Nothing fits these filters",
            text="Other teams, clusters or verdicts have findings.",
            links=(("Without the filters", Filter().url),),
        )
    judged = len(look.findings)
    if judged:
        return Empty(
            title="All at work", text=f"{counted(judged, 'thing')} that the rules look at: each is used."
        )
    return Empty(
        title="The rules found nothing to look at",
        text="Hours of these clusters are stored, and no rule is about anything in them. The rules:",
        command="costd idle rules",
    )


def _unmeasured(services: Services) -> Empty:
    if any(view.gives_usage and view.is_configured for view in services.answers.snapshot().sources):
        return Empty(
            title="No hours yet",
            text="A source of usage is configured; no hour of the last 14 days is stored. This fetches it:",
            command="costd collect",
            more="costd doctor says what a source lacks.",
        )
    return Empty(
        title="Nothing measures your clusters",
        text="A bill says what a GPU costs, not whether it works. Add a source of type prometheus or "
        "kubernetes to costd.yaml; this says what is configured, and what it lacks:",
        command="costd doctor",
        more="docs/connect-prometheus.md and docs/connect-kubernetes.md say what is read. A machine with "
        "GPUs and no DCGM exporter: costd gpu-exporter.",
    )
