"""What the door turned away, counted for `/metrics`."""

from __future__ import annotations

from threading import Lock

EVENTS = (
    "forged_identity",
    "host_refused",
    "origin_refused",
    "csrf_refused",
    "sign_in_failed",
    "slowed_down",
    "too_large",
    "too_slow",
    "busy",
)
"""Everything that is counted; a bounded set, so that each can be a label."""


class Counts:
    """How often each event happened since the process began; safe to use from every thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = dict.fromkeys(EVENTS, 0)

    def add(self, event: str) -> int:
        """Count an event of `EVENTS`; give how often it has happened."""
        with self._lock:
            self._counts[event] += 1
            return self._counts[event]

    def all(self) -> dict[str, int]:
        """Give every event with its count, those that never happened too."""
        with self._lock:
            return dict(self._counts)
