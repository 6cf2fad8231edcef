"""The headers every answer leaves with: nothing of it is framed, sniffed, cached or scripted by others."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.http.asker import asker_of

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No inline script or style: what a bill says can never become either."""

EVERY_ANSWER = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_YEAR_SECONDS = 31_536_000


class Headers:
    """Adds the headers to every answer; caching is forbidden unless a route says otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                harden(MutableHeaders(scope=message), scope)
            await send(message)

        await self._app(scope, receive, hardened)


def harden(headers: MutableHeaders, scope: Scope) -> None:
    """Add what is missing to the headers of an answer."""
    for name, value in EVERY_ANSWER.items():
        headers[name] = value
    headers.setdefault("cache-control", "no-store")
    headers.add_vary_header("Accept, Authorization, Cookie")
    asker = asker_of(scope)
    if asker is not None and asker.scheme == "https":
        headers["strict-transport-security"] = f"max-age={_YEAR_SECONDS}"
