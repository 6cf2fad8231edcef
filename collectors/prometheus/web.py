"""Requests to the one server that is configured: judged addresses, no redirects, bounded answers."""

from __future__ import annotations

import socket
import time
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpcore2

from collectors.prometheus.settings import PrometheusSettings
from config.secrets import Secret
from domain.addresses import refusal
from domain.errors import SourceError
from domain.probe import instant_of
from domain.text import shortened

MOST_BYTES = 128 * 2**20
"""Of one answer, unpacked; what is larger is asked for in parts."""


class TooMuchError(SourceError):
    """A question has an answer that is too large, or takes too long; smaller ones may do."""


class UnavailableError(SourceError):
    """The server cannot answer right now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: names in lower case.
        body: unpacked.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def server_time(self) -> datetime | None:
        """Give the time that the server told."""
        return instant_of(self.headers.get("date", ""))


class _Judged(httpcore2.SyncBackend):
    """Connects to an address that was judged, not to what the name says a moment later."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a host that answers; none of them may be refused."""
        try:
            entries = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"its name cannot be resolved ({error})") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
        for address in addresses:
            if why := refusal(address):
                raise SourceError(
                    f"{host} is {address}, {why}: nothing is sent there",
                    hint="correct `url` of this source",
                )
        failed: Exception = httpcore2.ConnectError("its name has no address")
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, list(socket_options or []))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed


class Web:
    """Sends what is asked to the configured server, and to no other.

    Attributes:
        place: scheme, host and path as they may be shown.
        asked: requests sent.
        received: bytes of answers, as they came over the wire.
    """

    def __init__(self, settings: PrometheusSettings) -> None:
        self.place = settings.url
        self.asked = 0
        self.received = 0
        self._settings = settings
        self._pool = httpcore2.ConnectionPool(network_backend=_Judged(), max_connections=2)

    def close(self) -> None:
        """End the connections."""
        self._pool.close()

    def get(self, path: str) -> Reply:
        """Read a path below the configured address."""
        return self._send("GET", path, b"")

    def post(self, path: str, form: Mapping[str, str]) -> Reply:
        """Ask a question, which may be longer than a URL."""
        return self._send("POST", path, urlencode(form).encode())

    def _send(self, method: str, path: str, content: bytes) -> Reply:
        headers = self._headers()
        if content:
            headers |= {
                "content-type": "application/x-www-form-urlencoded",
                "content-length": str(len(content)),
            }
        seconds = self._settings.timeout.total_seconds()
        until = time.monotonic() + seconds
        waits = {"connect": min(10.0, seconds), "read": seconds, "write": seconds, "pool": seconds}
        self.asked += 1
        try:
            with self._pool.stream(
                method,
                self._settings.url + path,
                headers=list(headers.items()),
                content=content,
                extensions={"timeout": waits},
            ) as response:
                return self._read(response, until)
        except httpcore2.ConnectTimeout as error:
            raise UnavailableError(f"{self.place} cannot be reached: {_reason(error)}", hint=_REACH) from None
        except httpcore2.TimeoutException:
            raise TooMuchError(
                f"{self.place} did not answer within {seconds:g} seconds", hint="raise `timeout`"
            ) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, zlib.error) as error:
            raise UnavailableError(f"{self.place} cannot be read: {_reason(error)}", hint=_REACH) from None

    def _headers(self) -> dict[str, str]:
        settings = self._settings
        headers = {
            "host": urlsplit(settings.url).netloc,
            "accept": "application/json",
            "accept-encoding": "gzip",
            "user-agent": "costd",
        }
        for name, value in settings.headers.items():
            headers[name] = value.reveal() if isinstance(value, Secret) else value
        if settings.token is not None:
            headers["authorization"] = f"Bearer {settings.token.reveal().strip()}"
        elif settings.password is not None:
            login = f"{settings.username}:{settings.password.reveal()}".encode()
            headers["authorization"] = f"Basic {b64encode(login).decode()}"
        for name, text in headers.items():
            if not text.isascii() or not text.isprintable():  # what is said of it must not hold it
                raise SourceError(
                    f"the {name} header for {self.place} has characters that no header may have",
                    hint="the secret must be one line of plain characters",
                )
        return headers

    def _read(self, response: Any, until: float) -> Reply:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        if 300 <= response.status < 400:
            where = urlsplit(headers.get("location", ""))
            to = f"{where.scheme}://{where.netloc}" if where.netloc else where.path or "nowhere"
            raise SourceError(
                f"{self.place} redirects to {shortened(to, 200)}; redirects are not followed",
                hint="write the final address as `url`; a redirect to a page for people means that a login "
                "is needed",
            )
        unpack = (
            zlib.decompressobj(16 + zlib.MAX_WBITS) if headers.get("content-encoding") == "gzip" else None
        )
        parts, size = [], 0
        for part in response.iter_stream():
            self.received += len(part)
            whole = part if unpack is None else unpack.decompress(part, MOST_BYTES + 1)
            size += len(whole)
            if size > MOST_BYTES or (unpack is not None and unpack.unconsumed_tail):
                raise TooMuchError(f"{self.place} answered with more than {MOST_BYTES // 2**20} MiB")
            if time.monotonic() > until:
                raise httpcore2.ReadTimeout("it took too long")
            parts.append(whole)
        if unpack is not None and parts and not unpack.eof:
            raise httpcore2.ReadError("the answer broke off")
        return Reply(status=response.status, headers=headers, body=b"".join(parts))


_REACH = "look whether `url` is right and can be reached from where costd runs; `costd doctor` shows more"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
