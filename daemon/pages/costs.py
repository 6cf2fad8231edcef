"""Costs: any grouping of any part of the cost; the address of the page is the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.http.identity import require
from daemon.http.parameters import Parameters
from daemon.pages.ask import Ask
from daemon.pages.clusters import Clusters, crumbs, first_url
from daemon.pages.controls import chips, controls
from daemon.pages.costs_chart import chart_of
from daemon.pages.costs_table import tables
from daemon.pages.layout import name, page
from daemon.pages.shown import DAY, Shown
from daemon.pages.words import empty_words, notes, title
from domain.errors import UsageError
from domain.identity import Right

if TYPE_CHECKING:
    from daemon.query import Query
    from daemon.services import Services


def route(services: Services) -> BaseRoute:
    """Give the route of the page."""
    shown, clusters = Shown(services), Clusters()

    @require(Right.READ)
    async def endpoint(request: Request) -> Response:
        """Answer a request for the page."""
        try:
            ask = Ask.read(Parameters(request))
            query = ask.query(services.clock)
        except UsageError as error:
            refused = error
            text = await services.work.run(
                ("costs refused", str(refused), refused.hint), lambda: _refused(services, refused)
            )
            return HTMLResponse(text, 400)
        return await shown.show(
            request, ("costs", ask, query), lambda: _page(services, clusters, ask, query), seconds=DAY
        )

    return Route("/costs", endpoint, methods=["GET"])


def _page(services: Services, clusters: Clusters, ask: Ask, query: Query) -> str:
    result = services.answers.report(query)
    way = crumbs(ask, query)
    begins = first_url(ask) if not way and clusters.are_in(services.answers.star()) else ""
    return page(
        services,
        "costs",
        refused=None,
        ask=ask,
        title=title(result),
        tables=tables(ask, result),
        chart=chart_of(services, ask, result),
        notes=notes(result),
        late=bool(result.late),
        empty=empty_words(ask, result) if not result.rows else None,
        controls=controls(services, ask),
        chips=chips(ask, query),
        crumbs=way,
        clusters_url=begins,
    )


def _refused(services: Services, error: UsageError) -> str:
    ask = Ask()
    return page(
        services,
        "costs",
        refused={"message": name(str(error), 400), "hint": name(error.hint, 600)},
        ask=ask,
        controls=controls(services, ask),
        chips=(),
        crumbs=(),
        clusters_url="",
        tables=(),
        chart=None,
        notes=(),
        late=False,
        empty=None,
        title="",
    )
