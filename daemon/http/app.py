"""The web application: guards around routes that the parts of costd bring.

A part is a module with `routes(services) -> Iterable[BaseRoute]`, named in `PARTS`. Every
route is closed to strangers unless its path is in `daemon.http.access`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from daemon.services import Services

PARTS = ("daemon.pages",)
"""Modules whose `routes(services)` make the site, in the order they are tried."""


def create_app(services: Services) -> Starlette:
    """Give the application that answers for these services."""
    app = Starlette(routes=list(_routes(services)))
    app.state.services = services
    return app


def _routes(services: Services) -> Iterator[BaseRoute]:
    for name in PARTS:
        yield from import_module(name).routes(services)
