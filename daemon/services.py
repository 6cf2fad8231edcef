"""What the web app, its pages and the jobs of the daemon are handed: everything that is shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Self

from daemon.rooms import Rooms

if TYPE_CHECKING:
    from attribution.ownership import Rules
    from config.settings import Settings
    from domain.ports import Clock
    from ledger.charges import ChargeLedger
    from ledger.state import State


class Readiness:
    """What the daemon still waits for before it can answer; empty means ready.

    Whoever starts a part says `wait_for(part, reason)` and later `ready(part)`; `/readyz`
    reads `reasons()`. Safe to use from every thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._reasons: dict[str, str] = {}

    def wait_for(self, part: str, reason: str) -> None:
        """Say that a part is not ready, and why."""
        with self._lock:
            self._reasons[part] = reason

    def ready(self, part: str) -> None:
        """Say that a part is ready."""
        with self._lock:
            self._reasons.pop(part, None)

    def reasons(self) -> dict[str, str]:
        """Give what is not ready, and why, by part."""
        with self._lock:
            return dict(sorted(self._reasons.items()))


@dataclass(frozen=True, kw_only=True)
class Services:
    """What every request and job works with; one per process, opened before the first request.

    Attributes:
        rooms: settings, clock, ledger, state database and rules.
        readiness: what the daemon still waits for.
    """

    rooms: Rooms
    readiness: Readiness = field(default_factory=Readiness)

    @classmethod
    def of(cls, rooms: Rooms) -> Self:
        """Open every room now, in one thread, so that requests only use them.

        Raises:
            ConfigError: the rules cannot be read.
            StorageError: the state database cannot be opened.
        """
        _opened = (rooms.rules, rooms.ledger, rooms.state)
        return cls(rooms=rooms)

    @property
    def settings(self) -> Settings:
        """Give the configuration."""
        return self.rooms.settings

    @property
    def clock(self) -> Clock:
        """Give the present, which `--now` may have replaced."""
        return self.rooms.clock

    @property
    def ledger(self) -> ChargeLedger:
        """Give the charges."""
        return self.rooms.ledger

    @property
    def state(self) -> State:
        """Give the state database."""
        return self.rooms.state

    @property
    def rules(self) -> Rules:
        """Give the ownership rules."""
        return self.rooms.rules

    @property
    def is_demo(self) -> bool:
        """Tell whether the numbers are of the simulated company, so that every surface says DEMO."""
        return self.rooms.is_demo
