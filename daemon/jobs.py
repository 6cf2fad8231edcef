"""What the daemon does again and again, and when each thing is due. Pure.

A job is due by its trigger; one whose time passed while no daemon ran is caught up once, if
it is not too long ago. Both hold across changes of daylight saving, since triggers count
in their own zone and everything else in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class Trigger(Protocol):
    """When a job runs; APScheduler's triggers are such."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Give the first time after the previous one, not before `now`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One thing that is done again and again.

    Attributes:
        name: unique, e.g. `collect:aws`; the name under which its runs are remembered.
        run: does it once; raises what went wrong.
        trigger: when it is due.
        first: when it is due for the first time in this process, even if that is a moment ago;
            None for the trigger's first time.
        catch_up: how long after its time a missed run is still worth doing; zero for never.
        pool: which threads it runs in, so that slow jobs do not hold up quick ones.
    """

    name: str
    run: Callable[[], None]
    trigger: Trigger
    first: datetime | None = None
    catch_up: timedelta = timedelta(0)
    pool: str = "quick"


_FIRE_LIMIT = 100_000
"""More fire times than any catch-up window holds; a trigger beyond it is broken."""


def missed(job: Job, last_started: datetime | None, now: datetime) -> datetime | None:
    """Give the newest time at which a job was due and did not run, None if there is none.

    A job that never ran has missed nothing: it begins with its first due time.
    """
    if last_started is None or not job.catch_up:
        return None
    since = max(last_started, now - job.catch_up)
    found: datetime | None = None
    due = job.trigger.get_next_fire_time(None, since)
    for _ in range(_FIRE_LIMIT):
        if due is None or due > now:
            return found
        if due > last_started:
            found = due
        due = job.trigger.get_next_fire_time(due, due + timedelta(microseconds=1))
    raise ValueError(f"{job.name} is due too often: more than {_FIRE_LIMIT:,} times since {since}")
