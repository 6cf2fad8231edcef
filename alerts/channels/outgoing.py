"""HTTP to addresses that a configuration names: bounded, and never where it could do harm.

Every address a name resolves to is judged, and the connection goes to one that was judged,
not to what the name says a moment later. Redirects stay on the same site; secrets in a URL
are never repeated in an error.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from domain.errors import CostdError

if TYPE_CHECKING:
    import ssl


MOST_BYTES = 1024 * 1024
SECONDS = 20.0
_CONNECT_SECONDS = 5.0
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
_PORTS = {"http": 80, "https": 443}

Resolve = Callable[[str, int], Iterable[str]]


class OutgoingError(CostdError):
    """A request of ours was not sent, or got no answer that can be used."""

    code = "outgoing_failed"


class OutgoingRefusedError(OutgoingError):
    """An address leads where nothing of ours is sent to; only another address helps."""

    code = "outgoing_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: names in lower case; of several the last.
        body: at most `MOST_BYTES`.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def addresses_of(host: str, port: int) -> list[str]:
    """Give every address a name resolves to.

    Raises:
        OSError: it resolves to none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Outgoing:
    """Sends requests with bounds on where, how long and how much.

    Args:
        most_bytes: of an answer.
        seconds: for all of it, from resolving the name to the last byte.
        resolve: gives the addresses of a name.
        ssl_context: whom to trust; the machine's authorities if not given.
    """

    def __init__(
        self,
        *,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
        resolve: Resolve = addresses_of,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._most_bytes = most_bytes
        self._seconds = seconds
        self._resolve = resolve
        self._ssl_context = ssl_context

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Reply:
        """Send a request, follow redirects on the same site, and give the answer.

        Raises:
            OutgoingError: the address is refused, the answer too large or too late, or a
                redirect leads elsewhere; the message names the host and nothing secret.
        """
        deadline = time.monotonic() + self._seconds
        for _ in range(_MOST_REDIRECTS + 1):
            target = _parsed(url)
            reply = self._once(method, target, dict(headers or {}), content, deadline)
            location = reply.headers.get("location")
            if reply.status not in _REDIRECTS or location is None:
                return reply
            url = urljoin(url, location)
            if _site(_parsed(url)) != _site(target):
                raise OutgoingRefusedError(
                    f"{_shown(target)} redirects to another site",
                    hint="name the final address in the configuration; credentials never follow a redirect",
                )
            if reply.status not in _KEEP_METHOD and method != "HEAD":
                method, content = "GET", b""
        raise OutgoingError(f"{_shown(target)} redirects in circles")

    def _once(
        self, method: str, url: SplitResult, headers: dict[str, str], content: bytes, deadline: float
    ) -> Reply:
        import httpcore2

        from alerts.channels.judged import JudgedBackend

        backend = JudgedBackend(self._resolve, deadline)
        sent = {"host": url.netloc, "accept-encoding": "identity", **headers}
        if content or method not in {"GET", "HEAD"}:
            sent["content-length"] = str(len(content))
        pool = httpcore2.ConnectionPool(ssl_context=self._ssl_context, network_backend=backend)
        try:
            with (
                pool,
                pool.stream(
                    method,
                    url._replace(fragment="").geturl(),
                    headers=list(sent.items()),
                    content=content,
                    extensions={
                        "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
                    },
                ) as response,
            ):
                return self._read(response, url)
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
            raise OutgoingError(f"{_shown(url)} did not answer: {_reason(error)}") from None

    def _read(self, response: Any, url: SplitResult) -> Reply:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        if headers.get("content-encoding", "identity") != "identity":
            raise OutgoingError(f"{_shown(url)} answered compressed, which was not asked for")
        parts, size = [], 0
        for part in response.iter_stream():
            size += len(part)
            if size > self._most_bytes:
                raise OutgoingError(f"{_shown(url)} answered with more than {self._most_bytes:,} bytes")
            parts.append(part)
        return Reply(status=response.status, headers=headers, body=b"".join(parts))


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise OutgoingRefusedError("the address is no URL") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0 or not url.isascii():
        raise OutgoingRefusedError("the address is no http or https URL")
    if "@" in parts.netloc:
        raise OutgoingRefusedError(
            f"{_shown(parts)}: credentials do not belong into a URL", hint="name a header"
        )
    return parts


def _site(url: SplitResult) -> tuple[str, str | None, int]:
    return url.scheme, url.hostname, url.port or _PORTS[url.scheme]


def _shown(url: SplitResult) -> str:
    """Name a request without its path, for paths of webhooks are secrets."""
    scheme, host, port = _site(url)
    return f"{scheme}://{host}" + ("" if port == _PORTS[scheme] else f":{port}")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
