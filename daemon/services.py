"""What the web app, its pages and the jobs of the daemon are handed: everything that is shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Self

from daemon.answers import Answers, Snapshot
from daemon.http.counts import Counts
from daemon.idle_look import IdleLooks, judged
from daemon.rooms import Rooms
from daemon.runtime import Runtime
from daemon.work import Work
from ledger.sessions import Sessions
from ledger.tokens import Tokens

if TYPE_CHECKING:
    from attribution.ownership import Rules
    from config.settings import Settings
    from daemon.query import Query
    from daemon.report import ReportResult
    from domain.ports import Clock
    from ledger.charges import ChargeLedger
    from ledger.state import State

_LOOKS = 3
"""Threads for looks: one each for readiness, metrics and the state of the stores."""

_LOOK_SECONDS = 5.0
"""How long a request waits for a look: whoever probes us gives up about then."""


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
        answers: reports and owners that requests share.
        work: where they are computed, bounded.
        looks: where the stores are looked at, in threads of its own: however many reports
            wait, whoever asks how the daemon is gets an answer.
        tokens: who may use the API.
        sessions: which browsers signed in.
        idle: what is paid for and not used.
        counts: what the door turned away.
        readiness: what the daemon still waits for.
        runtime: what works behind the pages.
    """

    rooms: Rooms
    answers: Answers
    work: Work
    looks: Work
    tokens: Tokens
    sessions: Sessions
    idle: IdleLooks
    counts: Counts = field(default_factory=Counts)
    readiness: Readiness = field(default_factory=Readiness)
    runtime: Runtime = field(default_factory=Runtime)

    @classmethod
    def of(cls, rooms: Rooms) -> Self:
        """Open every room now, in one thread, so that requests only use them.

        Raises:
            ConfigError: the rules cannot be read.
            StorageError: the state database cannot be opened.
        """
        _opened = (rooms.rules, rooms.ledger, rooms.state)
        http, answers = rooms.settings.http, Answers(rooms)
        return cls(
            rooms=rooms,
            answers=answers,
            work=Work(at_once=http.max_reports, waiting=http.max_waiting),
            looks=Work(at_once=_LOOKS, waiting=_LOOKS, patience=_LOOK_SECONDS),
            tokens=Tokens(rooms.state.database),
            sessions=Sessions(rooms.state.database),
            idle=IdleLooks(rooms, answers, judged),
        )

    def close(self) -> None:
        """Begin no more reports, and let go of the state database."""
        self.work.close()
        self.looks.close()
        self.state.close()

    async def look(self) -> Snapshot:
        """Give what is stored now, to find an answer that rests on it; no report holds this up.

        Raises:
            BusyError: the stores do not answer in time.
        """
        last = self.answers.last_snapshot()
        return await self.looks.run("stored", self.answers.snapshot) if last is None else last

    async def report(self, query: Query) -> ReportResult:
        """Give a report to a request: computed in a thread, shared with whoever asks the same.

        Raises:
            BusyError: too much is asked for already.
        """
        return await self.work.run(("report", query), lambda: self.answers.report(query))

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
