"""The pages people look at, one file each.

Lives here: what a page asks of the rooms and how it is laid out. May not live here: who may
see it (`daemon/http`), sums (`daemon/report.py`), shapes (`daemon/charts.py`), words around
them (`daemon/templates`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from daemon.pages import costs, idle, sources, today
from daemon.pages.static import static_routes

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from daemon.services import Services

PAGES: tuple[Callable[[Services], BaseRoute], ...] = (today.route, costs.route, idle.route, sources.route)
"""Every page: given the services, its route."""


def routes(services: Services) -> Iterator[BaseRoute]:
    """Give the route of every page, and of the files that all of them need."""
    for page in PAGES:
        yield page(services)
    yield from static_routes()
