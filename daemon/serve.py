"""Serves the pages and the API from a thread of their own, beside the jobs."""

from __future__ import annotations

import socket
from threading import Thread
from typing import TYPE_CHECKING

from domain.errors import UsageError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Server

    from config.http import HttpSettings

_PORTS_TRIED = 20
_BACKLOG = 1024


def listen(http: HttpSettings, *, move_on: bool) -> socket.socket:
    """Give a socket that listens at the configured address.

    Args:
        http: where to listen.
        move_on: take the next free port where the configured one is busy.

    Raises:
        ConfigError: the address is open to other machines without authentication.
        UsageError: the port is busy, or the address is not of this machine.
    """
    from daemon.http.binding import check_binding

    check_binding(http)
    tried = range(http.port, min(http.port + (_PORTS_TRIED if move_on and http.port else 1), 65536))
    for port in tried:
        try:
            return _bound(http.host, port)
        except OSError as error:
            failure = error
    raise UsageError(
        f"cannot listen on {http.host} port {http.port}: {failure.strerror or failure}",
        hint="choose another with `costd run --port`, or 0 for any free one; another costd may be running",
    )


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def address_of(listening: socket.socket, http: HttpSettings) -> str:
    """Give the address that people open: the public one, or where it listens."""
    if http.public_url is not None:
        return http.public_url
    port = listening.getsockname()[1]
    host = "127.0.0.1" if http.host in {"0.0.0.0", "::"} else http.host  # noqa: S104  # compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Serving:
    """A running server; `stop` lets requests end first."""

    def __init__(self, app: Starlette, http: HttpSettings, listening: socket.socket) -> None:
        from uvicorn import Server

        from daemon.http.server import server_config

        self._listening = listening
        self._server: Server = Server(server_config(app, http))
        self._thread = Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, name="http", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @property
    def lives(self) -> bool:
        """Tell whether it still answers."""
        return self._thread.is_alive()

    def stop(self, seconds: float) -> None:
        """Take no new requests, give those that run some time, then let go of the port."""
        self._server.should_exit = True
        self._thread.join(seconds)
        self._listening.close()
