"""The stylesheet, the script and the icon: three files, read once, the same for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon.http.answer import Answer, answered
from daemon.pages.shown import answer_of

_TYPES = {
    "costd.css": "text/css; charset=utf-8",
    "costd.js": "text/javascript; charset=utf-8",
    "costd.svg": "image/svg+xml",
}


def static_routes() -> Iterator[BaseRoute]:
    """Give the routes of the files; browsers ask again, and are told that nothing changed."""
    folder = files("daemon").joinpath("static")
    for name, media_type in _TYPES.items():
        file = answer_of(folder.joinpath(name).read_bytes(), media_type)
        yield Route(f"/static/{name}", partial(_send, file), methods=["GET"])
        if name == "costd.svg":
            yield Route("/favicon.ico", partial(_send, file), methods=["GET"])


async def _send(file: Answer, request: Request) -> Response:
    return answered(request, file, "file")
