"""Slack's own client, but on connections that are judged and go nowhere else.

The library follows redirects to any site and takes the token along. Here its requests go
through `Outgoing`: link-local and metadata addresses are refused, and so is another site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alerts.channels.outgoing import Outgoing

if TYPE_CHECKING:
    from urllib.request import Request

    from slack_sdk import WebClient

_MOST_BYTES = 16 * 1024 * 1024
"""A page of a busy channel's history holds 200 messages with all their blocks."""


def guarded_client(
    token: str, *, base_url: str, seconds: float, outgoing: Outgoing | None = None
) -> WebClient:
    """Give a client of the Web API that never follows anybody to another site.

    Where `HTTPS_PROXY` names a proxy, it connects, and where to is for it to judge.
    """
    import logging

    from slack_sdk import WebClient as Unguarded

    quiet = logging.getLogger("costd.slack")
    quiet.disabled = True  # its errors are ours to tell, once
    sender = outgoing or Outgoing(most_bytes=_MOST_BYTES, seconds=seconds)

    class Guarded(Unguarded):
        """The client with its one way out replaced; a test fails should the library rename it."""

        def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
            """Send a request that the library made."""
            if self.proxy is not None:
                return _by_proxy(req, self.proxy, seconds)
            content = req.data if isinstance(req.data, bytes) else b""
            reply = sender.send(req.get_method(), url, headers=dict(req.header_items()), content=content)
            return {
                "status": reply.status,
                "headers": dict(reply.headers),
                "body": reply.body.decode("utf-8", "replace"),
            }

    options: Any = {"base_url": base_url} if base_url else {}
    # Its own retries would send again what may have arrived.
    return Guarded(token, timeout=int(seconds), retry_handlers=[], logger=quiet, **options)


def _by_proxy(req: Request, proxy: str, seconds: float) -> dict[str, Any]:
    """Send a request through a proxy; what redirects is an answer like any other."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class Stay(HTTPRedirectHandler):
        """Follows nobody."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            """Give no request to follow with."""

    opener = build_opener(ProxyHandler({"http": proxy, "https": proxy}), Stay())
    with opener.open(req, timeout=seconds) as answer:
        body = answer.read(_MOST_BYTES).decode("utf-8", "replace")
        return {"status": answer.status, "headers": dict(answer.headers), "body": body}
