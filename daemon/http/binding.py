"""Where `costd run` may listen: beyond this machine only when somebody is asked who he is."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from config.http import Auth
from domain.errors import ConfigError

if TYPE_CHECKING:
    from config.http import HttpSettings

_OTHER_FILES = 256
"""Open files that are not connections: tables, databases, logs."""


def check_binding(http: HttpSettings) -> None:
    """Refuse to serve other machines while nobody is asked who they are.

    Raises:
        ConfigError: `http.host` is reachable from elsewhere and `http.auth` is `none`.
    """
    if http.is_loopback or http.auth is not Auth.NONE:
        return
    raise ConfigError(
        f"http.host {http.host} can be reached from other machines, and `http.auth` is `none`: "
        "anybody there could read every cost",
        hint="set `http.auth: token` (then `costd token create`), or `http.auth: proxy` with "
        "`http.trusted_proxies`; or listen on 127.0.0.1",
    )


def connection_limit(wanted: int) -> int:
    """Give how many connections fit into the files this process may open, raising that if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        target = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        except (OSError, ValueError):
            target = soft
        return max(8, min(wanted, target - _OTHER_FILES))
    return wanted
