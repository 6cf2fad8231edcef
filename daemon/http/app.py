"""The web application: guards around routes that the parts of costd bring.

A part is a module with `routes(services) -> Iterable[BaseRoute]`, named in `PARTS`. Every
route is closed to strangers unless its path is in `daemon.http.identity.PUBLIC`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.http.asker import Askers
from daemon.http.door import Door
from daemon.http.errors import HANDLERS, Refused, respond
from daemon.http.headers import Headers, harden
from daemon.http.hosts import Hosts
from daemon.http.identity import Access
from daemon.http.limits import Guarded, Limits
from daemon.http.origins import Origins
from daemon.services import Services
from domain.errors import CostdError

PARTS = ("daemon.health", "daemon.metrics", "daemon.http.sign_in", "daemon.http.api", "daemon.pages")
"""Modules whose `routes(services)` make the site, in the order they are tried."""


def create_app(services: Services, limits: Limits | None = None) -> Starlette:
    """Give the application that answers for these services.

    Guards run in the order they are listed: what is too large is refused before anything
    reads it, whom it is for before who sends it, and who sends it before anything is done.
    """
    http, counts = services.settings.http, services.counts
    app = Starlette(
        routes=list(_routes(services)),
        exception_handlers={**HANDLERS, Exception: _on_defect},
        middleware=[
            Middleware(Headers),
            Middleware(Refusals),
            Middleware(Guarded, limits=limits or Limits(), counts=counts),
            Middleware(Askers, http=http, counts=counts),
            Middleware(Hosts, http=http, counts=counts),
            Middleware(Origins, http=http, counts=counts),
            Middleware(Access, door=Door(services)),
        ],
    )
    app.router.redirect_slashes = False  # a redirect would repeat what the client sent
    app.state.services = services
    return app


async def _on_defect(request: Request, _error: Exception) -> Response:
    """Answer a mistake of ours without telling what it was; the log has it whole."""
    error = Refused(500, "internal", "costd itself failed", hint="the log of `costd run` has the details")
    response = respond(request.scope, error)
    harden(response.headers, request.scope)  # Starlette answers defects outside of every guard
    return response


def _routes(services: Services) -> Iterator[BaseRoute]:
    for name in PARTS:
        yield from import_module(name).routes(services)


class Refusals:
    """Answers what a guard refused; what the routes refuse, Starlette hands to the same function."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell an error unless the answer has begun."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def noticed(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except CostdError as error:
            if begun or scope["type"] != "http":
                raise
            await respond(scope, error)(scope, receive, send)
