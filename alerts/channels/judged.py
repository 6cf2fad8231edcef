"""Connections to addresses that were judged, with one deadline for everything."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpcore2

from alerts.channels.outgoing import OutgoingRefusedError, Resolve
from domain.addresses import refusal

if TYPE_CHECKING:
    import ssl


class JudgedBackend(httpcore2.NetworkBackend):
    """Resolves a name, judges every address, and connects to those very addresses.

    Args:
        resolve: gives the addresses of a name.
        deadline: in `time.monotonic()`, after which nothing is waited for.
    """

    def __init__(self, resolve: Resolve, deadline: float) -> None:
        self._resolve = resolve
        self._deadline = deadline
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a host that answers.

        Raises:
            OutgoingRefusedError: one of its addresses is refused; a name that also leads to a
                harmless one is no better.
        """
        del timeout
        try:
            addresses = list(self._resolve(host.strip("[]"), port))
        except (OSError, UnicodeError) as error:  # the latter for names that cannot be one
            why = getattr(error, "strerror", None) or "it is no name of a machine"
            raise httpcore2.ConnectError(f"its name cannot be resolved ({why})") from None
        for address in addresses:
            why = refusal(address)
            if why:
                raise OutgoingRefusedError(
                    f"{host} is {address}, {why}: nothing is sent there",
                    hint="name another host in the configuration",
                )
        failed: Exception = httpcore2.ConnectError("its name has no address")
        for address in addresses:
            try:
                stream = self._network.connect_tcp(
                    address, port, self._left(), local_address, list(socket_options or [])
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return Timed(stream, self._deadline)
        raise failed

    def _left(self) -> float:
        return left(self._deadline)


class Timed(httpcore2.NetworkStream):
    """A connection on which nothing waits beyond the deadline, however slowly it trickles."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        del timeout
        return self._stream.read(max_bytes, left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of it."""
        del timeout
        self._stream.write(buffer, left(self._deadline))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Go on encrypted; the certificate must be of the name, not of the address."""
        del timeout
        secure = self._stream.start_tls(ssl_context, server_hostname, left(self._deadline))
        return Timed(secure, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Pass a question about the connection on."""
        return self._stream.get_extra_info(info)


def left(deadline: float) -> float:
    """Give the seconds that are left.

    Raises:
        ReadTimeout: none are.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise httpcore2.ReadTimeout("it took too long")
    return seconds
