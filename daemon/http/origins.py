"""Which site a request comes from: pages of others neither change anything here nor read it."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from config.http import HttpSettings
from daemon.http.asker import asker_of
from daemon.http.counts import Counts
from daemon.http.errors import Refused

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN = frozenset({"same-origin", "none"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origins:
    """Refuses what a page of another site sends.

    What changes something needs the `Origin` that browsers send with it (or, where they
    leave it out, `Sec-Fetch-Site`); programs that send neither must bring a token, which no
    browser adds by itself. What only reads may be a link that somebody followed, but not a
    part of another site's page.
    """

    def __init__(self, app: ASGIApp, *, http: HttpSettings, counts: Counts) -> None:
        self._app = app
        self._counts = counts
        self._public = _origin(http.public_url) if http.public_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if no page of another site sent it."""
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            allowed = self._may_read if scope["method"] in SAFE_METHODS else self._may_change
            if not allowed(scope, headers):
                self._counts.add("origin_refused")
                raise _refused(headers)
        await self._app(scope, receive, send)

    def _may_read(self, scope: Scope, headers: dict[str, str]) -> bool:
        del scope
        site = headers.get("sec-fetch-site", "none")
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return site in _OWN or followed

    def _may_change(self, scope: Scope, headers: dict[str, str]) -> bool:
        if headers.get("sec-fetch-site", "none") not in _OWN:
            return False
        if "origin" in headers:
            sent = _origin(headers["origin"])
            return sent is not None and sent in {self._public, self._own(scope)}
        return "sec-fetch-site" in headers or headers.get("authorization", "").lower().startswith("bearer ")

    def _own(self, scope: Scope) -> tuple[str, str, int] | None:
        asker = asker_of(scope)
        return _origin(f"{asker.scheme}://{asker.host}") if asker is not None else None


def _refused(headers: dict[str, str]) -> Refused:
    if "origin" in headers or "sec-fetch-site" in headers:
        told = "this request comes from a page of another site"
        hint = "behind a proxy set `http.public_url` to what people type; programs send a token"
    else:
        told = "this request would change something, and nothing says who sends it"
        hint = "programs send `Authorization: Bearer TOKEN`; what only reads is asked for with GET"
    return Refused(403, "origin_refused", told, hint=hint)


def _origin(text: str) -> tuple[str, str, int] | None:
    """Read a site's scheme, host and port; None for `null` and whatever else is none."""
    try:
        url = urlsplit(text)
        port = url.port or _DEFAULT_PORTS.get(url.scheme, 0)
    except ValueError:
        return None
    return (url.scheme, url.hostname, port) if url.hostname and url.scheme in _DEFAULT_PORTS else None
