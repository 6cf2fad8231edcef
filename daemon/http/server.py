"""How uvicorn is set up: one place, so that tests serve exactly as `costd run` does."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from daemon.http.binding import check_binding, connection_limit
from daemon.http.protocol import Connections

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Config

    from config.http import HttpSettings

_HEAD_BYTES = 64 * 1024
_KEEP_ALIVE_SECONDS = 15
_STOPPING_SECONDS = 10
_BACKLOG = 1024


class _Rarely(logging.Filter):
    """Lets through the 1st, 2nd, 4th, 8th … line of a kind that strangers can cause at will."""

    _KINDS = ("Invalid HTTP request", "Unsupported upgrade request", "No supported WebSocket library")

    def __init__(self) -> None:
        super().__init__()
        self._seen: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is logged."""
        kind = next((kind for kind in self._KINDS if str(record.msg).startswith(kind)), "")
        if not kind:
            return True
        self._seen[kind] += 1
        return self._seen[kind] & (self._seen[kind] - 1) == 0


_RARELY = _Rarely()


def server_config(
    app: Starlette, http: HttpSettings, *, port: int | None = None, connections: Connections | None = None
) -> Config:
    """Give the configuration of uvicorn for an application; `port` replaces that of the settings.

    Raises:
        ConfigError: the address is open to other machines without authentication.
    """
    from uvicorn import Config

    check_binding(http)
    logging.getLogger("uvicorn.error").addFilter(_RARELY)
    guard = connections or Connections(most=connection_limit(http.max_connections))
    protocol: Any = guard.protocol
    return Config(
        app,
        host=http.host,
        port=http.port if port is None else port,
        http=protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_STOPPING_SECONDS,
        proxy_headers=False,  # `daemon.http.asker` decides whom to believe
        server_header=False,
        access_log=False,
        log_config=None,
    )
