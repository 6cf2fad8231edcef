"""Notices that the wall clock was set, or that the machine slept, and plans anew.

What is due is told by the wall clock, what passed by the monotonic one. Where they part,
times that were planned before mean nothing any more: after a clock that was set back, a
job that is due every five minutes would else wait as long as it was set back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.triggers import WallClock

if TYPE_CHECKING:
    from datetime import datetime

    from apscheduler.schedulers.base import BaseScheduler

    from daemon.jobs import Job
    from domain.ports import Clock

LEAST = timedelta(minutes=1)
"""A smaller difference is how clocks are kept right."""

_NOTHING = timedelta(0)


class Jumps:
    """Compares two clocks whenever it is asked.

    Args:
        clock: the wall clock.
        elapsed: seconds that only ever grow.
    """

    def __init__(self, clock: Clock, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._elapsed = elapsed
        self._last = self._both()

    def look(self) -> timedelta:
        """Give how far the wall clock jumped since the last look, below zero for back; zero for a drift."""
        (wall, passed), self._last = self._last, self._both()
        jumped = self._last[0] - wall - timedelta(seconds=self._last[1] - passed)
        return jumped if abs(jumped) >= LEAST else _NOTHING

    def _both(self) -> tuple[datetime, float]:
        return self._clock.now(), self._elapsed()


def plan_anew(scheduler: BaseScheduler, jobs: Mapping[str, Job], now: datetime, jumped: timedelta) -> None:
    """Have every job due as its trigger says now, after a clock that was set back by `-jumped`.

    What repeats every so often goes on as long after the last time as if nothing had happened.
    """
    for planned in scheduler.get_jobs():
        job = jobs.get(planned.id)
        if job is None or planned.next_run_time is None:
            continue  # it runs once, as soon as a thread is free
        due = job.trigger.get_next_fire_time(None, now)
        shifted = planned.next_run_time + jumped
        if not isinstance(job.trigger, WallClock) and (due is None or shifted < due):
            due = max(shifted, now)
        if due is not None:
            scheduler.modify_job(planned.id, next_run_time=due)
    scheduler.wakeup()
