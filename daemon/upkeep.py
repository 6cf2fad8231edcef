"""Maintenance of the ledger, once a day by whoever collects, so that a cron job is enough."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from daemon import logs
from daemon.holder import this_process
from domain.errors import ConflictError, CostdError

if TYPE_CHECKING:
    from daemon.rooms import Rooms

JOB = "maintain"
EVERY = timedelta(days=1)
_LEASE_TIME = timedelta(hours=1)


def maintain_if_due(rooms: Rooms) -> bool:
    """Join small files and delete what nobody can ask for, if that was last done a day ago.

    What goes wrong is logged and remembered, never raised: the collection is done already.
    A new ledger has nothing to maintain, so the first call only begins to count.
    """
    now = rooms.clock.now()
    last = next((job for job in rooms.state.jobs() if job.name == JOB), None)
    if last is not None and last.started_at is not None and now - last.started_at < EVERY:
        return False
    try:
        lease = rooms.state.lease(JOB, this_process(), _LEASE_TIME, now)
    except ConflictError:
        return False
    error = ""
    rooms.state.job_started(JOB, now)
    try:
        if last is not None:
            rooms.ledger.maintain(now, keep_usage=rooms.settings.ledger.keep_usage)
    except CostdError as failure:
        error = str(failure)
        logs.get_logger().warning("maintenance_failed", reason=error, hint=failure.hint)
    finally:
        rooms.state.job_finished(JOB, rooms.clock.now(), error)
        rooms.state.release(lease, rooms.clock.now())
    return last is not None and not error
