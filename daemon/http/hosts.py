"""Which host a request may ask for: a stranger's name that resolves to us is refused (DNS rebinding)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from config.http import HttpSettings, is_address, plain_address
from daemon.http.asker import asker_of
from daemon.http.counts import Counts
from daemon.http.errors import Refused

_HOST = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9._-]{1,253}))(?::\d{1,5})?", re.ASCII
)


def host_name(host: str) -> str:
    """Give the name or address in a Host header without its port, "" if it is none."""
    match = _HOST.fullmatch(host)
    if match is None:
        return ""
    return (match["six"] or match["name"]).removesuffix(".").lower()


class Hosts:
    """Lets requests pass that ask for a name of ours.

    Names are those of the configuration; addresses are loopback and the very one that the
    connection came in at, which a page of somebody else cannot forge.
    """

    def __init__(self, app: ASGIApp, *, http: HttpSettings, counts: Counts) -> None:
        self._app = app
        self._counts = counts
        public = urlsplit(http.public_url).hostname if http.public_url else None
        self._names = {"localhost", http.host, *http.allowed_hosts} | ({public} if public else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it asks for a host of ours."""
        if scope["type"] == "http":
            asker = asker_of(scope)
            if asker is None or not self._is_ours(host_name(asker.host), scope):
                self._counts.add("host_refused")
                raise Refused(
                    421,
                    "host_refused",
                    "this address does not belong to costd",
                    hint="set `http.public_url`, or add the name to `http.allowed_hosts`, in costd.yaml",
                )
        await self._app(scope, receive, send)

    def _is_ours(self, name: str, scope: Scope) -> bool:
        if not is_address(name):
            return name in self._names
        address = plain_address(name)
        here = str(scope["server"][0]) if scope.get("server") else ""
        return (
            address.is_loopback
            or name in self._names
            or (is_address(here) and address == plain_address(here))
        )
