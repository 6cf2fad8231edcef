"""`/healthz`: the process lives. `/readyz`: it can answer, or what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.work import BusyError
from domain.errors import CostdError

if TYPE_CHECKING:
    from daemon.services import Services


def routes(services: Services) -> Iterator[BaseRoute]:
    """Give the routes that say how the daemon is; they are open to everybody and tell no cost."""

    async def healthz(_request: Request) -> Response:
        """Say that the process lives."""
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        """Say whether it can answer, and what it waits for."""
        waiting = services.readiness.reasons()
        try:
            waiting |= await services.looks.run("readyz", lambda: unreachable(services))
        except BusyError as error:
            waiting["stores"] = error.code
        leader = services.runtime.leader
        facts = {
            "ready": not waiting,
            "waiting": waiting,
            "leads": leader is not None and leader.leads,
        }
        return JSONResponse(facts, status_code=503 if waiting else 200)

    yield Route("/healthz", healthz)
    yield Route("/readyz", readyz)


def unreachable(services: Services) -> dict[str, str]:
    """Look at both stores; say which cannot be read, and why."""
    found: dict[str, str] = {}
    for part, look in (("state", services.state.jobs), ("ledger", services.ledger.deliveries)):
        try:
            look()
        except CostdError as error:
            # Who asks may be anybody: the code says enough, the log and `costd status` say the rest.
            found[part] = error.code
    return found
