"""How much a request may bring and how long it may take to bring it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.http.counts import Counts
from daemon.http.errors import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is too much. Each is far above what browsers and our own clients send.

    Attributes:
        url_bytes: path and query together.
        header_bytes: names and values of all headers together.
        headers: how many headers.
        body_bytes: of a request.
        chunk_seconds: between two parts of a body.
        body_seconds: from the first byte of a body to the last.
    """

    url_bytes: int = 8 * 1024
    header_bytes: int = 32 * 1024
    headers: int = 100
    body_bytes: int = 1024 * 1024
    chunk_seconds: float = 10.0
    body_seconds: float = 30.0


class Guarded:
    """Refuses requests that are too large or too slow, before anything reads them."""

    def __init__(self, app: ASGIApp, *, limits: Limits, counts: Counts) -> None:
        self._app = app
        self._limits = limits
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on if it is small enough; its body is measured while it is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._measure(scope)
        await self._app(scope, self._measured(receive), send)

    def _measure(self, scope: Scope) -> None:
        limits = self._limits
        headers = scope["headers"]
        url_bytes = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
        if url_bytes > limits.url_bytes:
            raise self._too_large(414, "url_too_long", f"the address is longer than {limits.url_bytes} bytes")
        if len(headers) > limits.headers or sum(len(n) + len(v) for n, v in headers) > limits.header_bytes:
            raise self._too_large(431, "headers_too_large", "the headers are too many or too long")
        if not scope["path"].startswith("/"):
            raise Refused(400, "bad_request", "the address is not a path")
        named = {name for name, _ in headers}
        if b"transfer-encoding" in named and b"content-length" in named:
            # A proxy in front may have believed the other one: what follows is perhaps no request.
            raise Refused(400, "bad_request", "the request has two lengths", headers={"connection": "close"})
        length = next((value for name, value in headers if name == b"content-length"), b"0")
        if not length.isdigit() or int(length) > limits.body_bytes:
            raise self._body_too_large()

    def _measured(self, receive: Receive) -> Receive:
        limits, got, began, complete = self._limits, 0, 0.0, False

        async def measured() -> Message:
            nonlocal got, began, complete
            if complete:
                return await receive()  # what comes now is that the client went away
            began = began or time.monotonic()
            left = limits.body_seconds - (time.monotonic() - began)
            try:
                message = await asyncio.wait_for(receive(), max(0.0, min(limits.chunk_seconds, left)))
            except TimeoutError:
                self._counts.add("too_slow")
                raise Refused(
                    408, "too_slow", "the request did not arrive in time", headers={"connection": "close"}
                ) from None
            got += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if got > limits.body_bytes:
                raise self._body_too_large()
            return message

        return measured

    def _body_too_large(self) -> Refused:
        return self._too_large(413, "body_too_large", f"the body is over {self._limits.body_bytes} bytes")

    def _too_large(self, status: int, code: str, message: str) -> Refused:
        self._counts.add("too_large")
        return Refused(status, code, message, headers={"connection": "close"})
