"""The pages people look at, one file each.

Lives here: what a page asks of the rooms and how it is laid out. May not live here: who may
see it (`daemon/http`), sums (`daemon/report.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from starlette.routing import BaseRoute

from daemon.services import Services

PAGES: tuple[Callable[[Services], BaseRoute], ...] = ()
"""Every page: given the services, its route."""


def routes(services: Services) -> Iterator[BaseRoute]:
    """Give the route of every page."""
    for page in PAGES:
        yield page(services)
