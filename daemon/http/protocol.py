"""HTTP/1.1 connections that nobody can hold open for nothing.

uvicorn bounds the size of a request's head and the time between requests, but not the time
a head takes to arrive or an answer to be taken. A client that sends a byte a second would
keep a connection for ever; some thousands of them would keep all.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from daemon.http.headers import EVERY_ANSWER
from daemon.output import json_text


def _told(status: str, code: str, message: str, hint: str, *headers: str) -> bytes:
    """Give a whole answer, with every header, for where no application can give one."""
    body = json_text({"code": code, "message": message, "hint": hint}).encode() + b"\n"
    every = [f"{name}: {value}" for name, value in EVERY_ANSWER.items()]
    lines = [
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        "cache-control: no-store",
        *every,
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


_FULL = _told(
    "503 Service Unavailable",
    "busy",
    "too many connections",
    "try again in a few seconds",
    "retry-after: 5",
)
_NOT_HTTP = _told("400 Bad Request", "bad_request", "this is no HTTP request that can be read", "")


@dataclass(slots=True, kw_only=True)
class Connections:
    """How many connections there may be, how long each may make us wait, and which do.

    Attributes:
        most: connections at once.
        head_seconds: from connecting, or the first byte of a request, to the end of its headers.
        taking_seconds: for a client to take some of an answer that waits for it.
        waiting: connections without a request, the one that waits longest first.
    """

    most: int
    head_seconds: float = 10.0
    taking_seconds: float = 30.0
    waiting: dict[GuardedProtocol, None] = field(default_factory=dict)

    def protocol(self, *args: Any, **kwargs: Any) -> GuardedProtocol:
        """Make the protocol of a new connection; what uvicorn calls."""
        return GuardedProtocol(self, *args, **kwargs)


class _Timer:
    """Something that happens later, unless it is stopped."""

    def __init__(self) -> None:
        self._handle: asyncio.TimerHandle | None = None

    @property
    def runs(self) -> bool:
        """Tell whether it is still to come."""
        return self._handle is not None

    def start(self, handle: asyncio.TimerHandle) -> None:
        """Have it happen, and not what was to happen before."""
        self.stop()
        self._handle = handle

    def stop(self) -> None:
        """Have it not happen."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class GuardedProtocol(H11Protocol):
    """One connection, with a time for its head and for its answer."""

    def __init__(self, guard: Connections, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard
        self._head = _Timer()
        self._taking = _Timer()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for a request; when there are too many, the longest waiting gives way."""
        super().connection_made(transport)
        # asyncio does so by itself only for sockets that name their protocol: without it, the
        # last small piece of an answer waits some 40 ms for the client's acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self._guard.most:
            oldest = next(iter(self._guard.waiting), None)
            if oldest is None:
                transport.write(_FULL)
                transport.close()
                return
            oldest.give_up()
        self._guard.waiting[self] = None
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._guard.waiting.pop(self, None)
        self._head.stop()
        self._taking.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; whatever begins a request must end it in time."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_answering():
            self._head.stop()
            self._guard.waiting.pop(self, None)
        elif not self._head.runs:
            self._expect_head()

    def on_response_complete(self) -> None:
        """Wait for the next request, behind everybody who waits already."""
        super().on_response_complete()
        if not self.transport.is_closing() and not self._is_answering():
            self._guard.waiting[self] = None

    def pause_writing(self) -> None:
        """Wait only so long for the client to take what was sent."""
        super().pause_writing()
        self._taking.start(self.loop.call_later(self._guard.taking_seconds, self.give_up))

    def resume_writing(self) -> None:
        """Go on sending."""
        self._taking.stop()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as every other refusal is answered, and hang up."""
        del msg
        if self._is_answering():
            self.cycle.disconnected = True  # what answers goes on for nobody
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.give_up()
                return
        self.transport.write(_NOT_HTTP)
        self.transport.close()

    def give_up(self) -> None:
        """End the connection at once, whatever it still waits for."""
        self._guard.waiting.pop(self, None)
        self.transport.abort()

    def _expect_head(self) -> None:
        self._head.start(self.loop.call_later(self._guard.head_seconds, self.give_up))

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete
