"""Slows down whoever guesses secrets, by address, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_network
from threading import Lock

from config.http import is_address, plain_address

FREE_TRIES = 10
"""Wrong secrets that cost nothing: people mistype, and programs keep an old token for a while."""

LONGEST_SECONDS = 60.0
FORGOTTEN_SECONDS = 900.0
MOST_ADDRESSES = 10_000


class Slowdown:
    """How long an address must wait before its next secret is looked at.

    Args:
        elapsed: seconds that only ever grow.
    """

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._elapsed = elapsed
        self._lock = Lock()
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        """Count the addresses that are remembered."""
        return len(self._failed)

    def wait_seconds(self, address: str) -> float:
        """Give how long the address must wait, 0 if it need not."""
        with self._lock:
            tries, last = self._failed.get(_neighbourhood(address), (0, 0.0))
            since = self._elapsed() - last
        if tries < FREE_TRIES or since >= FORGOTTEN_SECONDS:
            return 0.0
        return max(0.0, min(2.0 ** min(tries - FREE_TRIES, 16), LONGEST_SECONDS) - since)

    def failed(self, address: str) -> None:
        """Remember a wrong secret."""
        key, now = _neighbourhood(address), self._elapsed()
        with self._lock:
            tries, last = self._failed.pop(key, (0, now))
            self._failed[key] = (1 if now - last >= FORGOTTEN_SECONDS else tries + 1, now)
            if len(self._failed) > MOST_ADDRESSES:
                self._failed.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """Forget what an address got wrong."""
        with self._lock:
            self._failed.pop(_neighbourhood(address), None)


def _neighbourhood(address: str) -> str:
    """Give what one customer of a network usually has: an IPv4 address, or an IPv6 /64."""
    if not is_address(address):
        return address[:64]
    plain = plain_address(address)
    if isinstance(plain, IPv6Address):
        return str(ip_network((int(plain), 64), strict=False))
    return str(plain)
