"""The HTTP API `/v1`: the same questions and the same answers as the commands of the same names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.commands.report import query_of
from daemon.http.answer import Answer, answered, rendered
from daemon.http.api_listings import deliveries_listing, explained, owners_listing
from daemon.http.errors import Refused
from daemon.http.identity import identity_of, require
from daemon.http.parameters import Parameters
from daemon.idle_filter import Filter
from daemon.idle_listing import Wanted
from daemon.idle_listing import listing_of as idle_listing_of
from daemon.period_listing import periods_listing
from daemon.query import COST_WORDS, Query, parse_instant, parse_months
from daemon.recent import Recent
from daemon.report_listing import listing_of
from daemon.status import gather_status
from daemon.status_listing import sources_listing
from domain.allocation import OWNER_FIELDS
from domain.errors import IncompleteError
from domain.identity import Right

if TYPE_CHECKING:
    from daemon.output import Output
    from daemon.services import Services

MOST_ROWS = 200_000
"""Rows of one answer; more are a matter for `costd report`, which writes them as it goes."""

MOST_DELIVERIES = 10_000
_KEPT_BYTES = 64 * 1024 * 1024
_STATUS_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that was read from a request.

    Attributes:
        key: two questions with one key have one answer, as long as nothing is delivered.
        make: computes the answer, in a thread.
    """

    key: Hashable
    make: Callable[[], Answer]


Reading = Callable[["Services", Parameters, "Output"], Asked]


def routes(services: Services) -> Iterator[BaseRoute]:
    """Give the routes of the API."""
    del services
    kept: Recent[Answer] = Recent(_KEPT_BYTES)
    readings: dict[str, Reading] = {
        "report": _report,
        "status": _status,
        "owners": _owners,
        "deliveries": _deliveries,
        "idle": _idle,
    }
    for name, reading in readings.items():
        yield Route(
            f"/v1/{name}", require(Right.READ)(partial(_answer, name, reading, kept)), methods=["GET"]
        )
    yield Route("/v1/whoami", require(Right.READ)(_whoami), methods=["GET"])


async def _answer(name: str, reading: Reading, kept: Recent[Answer], request: Request) -> Response:
    services: Services = request.app.state.services
    parameters = Parameters(request)
    output = parameters.output()
    asked = reading(services, parameters, output)
    key = (name, output, asked.key)

    def make() -> Answer:
        rests_on = services.answers.snapshot()
        answer = asked.make()
        kept.keep((key, rests_on), answer, len(answer.content))
        return answer

    answer = kept.find((key, await services.look()))
    if answer is None:
        answer = await services.work.run(key, make)
    return answered(request, answer, name)


def _report(services: Services, parameters: Parameters, output: Output) -> Asked:
    asked = {
        "by": parameters.text("by", "team"),
        "where": parameters.many("where"),
        "start": parameters.text("from"),
        "end": parameters.text("to"),
        "periods": parameters.many("period"),
        "step": parameters.choice("step", ("day", "week", "month")),
        "cost": parameters.choice("cost", COST_WORDS, "effective"),
        "sharing": parameters.choice("sharing", ("before", "after"), "before"),
        "top": parameters.count("top"),
        "sort": parameters.text("sort", "cost"),
        "as_of": parameters.text("as_of"),
    }
    complete = parameters.flag("require_complete")
    parameters.end()
    query = query_of(asked, services.clock)
    return Asked(key=(query, complete), make=lambda: _reported(services, query, output, complete=complete))


def _reported(services: Services, query: Query, output: Output, *, complete: bool) -> Answer:
    result = services.answers.report(query)
    if complete and not result.complete:
        raise IncompleteError(
            "this report is not complete", hint="ask without require-complete: it says what is to come"
        )
    if len(result.rows) > MOST_ROWS:
        raise Refused(
            422,
            "too_many_rows",
            f"the answer has {len(result.rows):,} rows, more than {MOST_ROWS:,}",
            hint="ask for the largest with top=, narrow it with where=, or use `costd report`",
        )
    return rendered(listing_of(result), output)


def _status(services: Services, parameters: Parameters, output: Output) -> Asked:
    periods = parameters.flag("periods")
    parameters.end()
    now = int(services.clock.now().timestamp()) // _STATUS_SECONDS

    def make() -> Answer:
        status = gather_status(services.rooms, services.answers.star())
        return rendered(periods_listing(status) if periods else sources_listing(status), output)

    return Asked(key=(periods, now), make=make)


def _owners(services: Services, parameters: Parameters, output: Output) -> Asked:
    resource = parameters.text("resource")
    field = parameters.choice("field", OWNER_FIELDS)
    parameters.end()

    def make() -> Answer:
        if resource is None:
            return rendered(owners_listing(services.answers.star().ownership, field), output)
        listing, found = explained(services.rooms, resource)
        return rendered(listing, output, 200 if found else 300)

    return Asked(key=(resource, field), make=make)


def _deliveries(services: Services, parameters: Parameters, output: Output) -> Asked:
    sources = frozenset(parameters.many("source"))
    periods = parse_months(parameters.many("period"))
    since = parameters.text("since")
    limit = parameters.count("limit", 1000, most=MOST_DELIVERIES) or MOST_DELIVERIES
    parameters.end()
    start = parse_instant(since, services.clock.now()) if since is not None else None

    def make() -> Answer:
        every = services.ledger.deliveries()
        kept = [
            one
            for one in every
            if (not sources or one.source in sources)
            and (periods is None or one.billing_period in periods)
            and (start is None or one.seen_at >= start)
        ]
        return rendered(deliveries_listing(kept, every, limit), output)

    return Asked(key=(sources, periods, start, limit), make=make)


def _idle(services: Services, parameters: Parameters, output: Output) -> Asked:
    asked = Filter.read(parameters)
    minute = int(services.clock.now().timestamp()) // 60

    def make() -> Answer:
        result = services.idle.look().result
        found = replace(result, findings=tuple(one for one in result.findings if asked.fits(one)))
        return rendered(idle_listing_of(found, Wanted(every=True)), output)

    return Asked(key=(asked, minute), make=make)


async def _whoami(request: Request) -> Response:
    """Say who asks, as costd sees it: for people who wonder which token or header counts."""
    identity = identity_of(request)
    if identity is None:
        raise Refused(401, "unauthenticated", "nobody is known")
    return JSONResponse(
        {
            "schema": "costd.whoami/1",
            "subject": identity.subject,
            "role": identity.role.value,
            "team": identity.team or None,
            "via": identity.via.value,
            "rights": sorted(right.value for right in Right if identity.may(right)),
        }
    )
