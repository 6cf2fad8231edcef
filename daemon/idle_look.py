"""What is idle, as pages, the API and metrics share it: judged once per state of the stored hours."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from daemon.activity import DAYS, Activity, activity_of, whole_hour

if TYPE_CHECKING:
    from daemon.answers import Answers
    from daemon.idle import IdleResult
    from daemon.rooms import Rooms
    from domain.finding import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleLook:
    """What was found, and what was drawn from.

    Attributes:
        at: the instant it was judged for.
        result: what the rules find.
        activity: of every GPU in the last days.
    """

    at: datetime
    result: IdleResult
    activity: Activity

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Give what was found, the dearest first."""
        return self.result.findings

    @property
    def is_measured(self) -> bool:
        """Tell whether hours of any cluster were looked at."""
        return bool(self.result.reach)

    @property
    def through(self) -> datetime | None:
        """Give the end of the hours that are known of every cluster, those left out that lag far behind."""
        known = [one.through for one in self.result.reach if not one.is_stale]
        return min(known or (one.through for one in self.result.reach), default=None)


class IdleLooks:
    """Looks at what is idle; the same hours and bills are judged once.

    Args:
        rooms: what to ask.
        answers: knows which bills are stored, and who owns what.
        judge: asks the rules.
    """

    def __init__(self, rooms: Rooms, answers: Answers, judge: Callable[[Rooms, Answers], IdleResult]) -> None:
        self._rooms = rooms
        self._answers = answers
        self._judge = judge
        self._lock = Lock()
        self._last: tuple[Hashable, IdleLook] | None = None

    def look(self) -> IdleLook:
        """Give what is idle now; who asks at the same time waits for the same answer."""
        with self._lock:
            key = self._key()
            if self._last is None or self._last[0] != key:
                self._last = (key, self._made())
            return self._last[1]

    @property
    def last(self) -> IdleLook | None:
        """Give what was found last, without looking; None before the first look."""
        last = self._last
        return last[1] if last is not None else None

    def _end(self) -> datetime:
        return whole_hour(self._rooms.clock.now())

    def _key(self) -> Hashable:
        end = self._end()
        hours = self._rooms.ledger.usage_fingerprint(start=end - timedelta(days=DAYS), end=end)
        return self._answers.snapshot().settled, hours, end

    def _made(self) -> IdleLook:
        return IdleLook(
            at=self._rooms.clock.now(),
            result=self._judge(self._rooms, self._answers),
            activity=activity_of(self._rooms.ledger, self._end()),
        )


def judged(rooms: Rooms, answers: Answers) -> IdleResult:
    """Give what the rules in force find now."""
    from daemon.idle import look

    return look(rooms, answers.star())
