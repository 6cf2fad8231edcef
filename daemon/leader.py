"""Leadership: of all daemons on one state database, one does the work.

The lease lies in the state database with an epoch that grows with every new holder. A
daemon trusts its own lease only as long as its monotonic clock allows, so that a wall clock
that jumps back never makes two of them leaders.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from daemon.holder import is_gone, this_process
from daemon.logs import get_logger
from domain.errors import ConflictError, StorageError

if TYPE_CHECKING:
    from domain.ports import Clock
    from ledger.state import State
    from ledger.status import Lease

LEASE = "daemon"
TTL = timedelta(seconds=60)
"""How long a leader that died unnoticed is waited for; one that died on this host is not."""

RENEW_EVERY = TTL / 4


class Leader:
    """Takes and keeps the lease; `tick` it at least every `RENEW_EVERY`.

    Args:
        state: the state database that all candidates share.
        clock: the present.
        holder: name of this process.
        elapsed: seconds that only ever grow.
    """

    def __init__(
        self,
        state: State,
        clock: Clock,
        *,
        holder: str | None = None,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._clock = clock
        self._holder = holder or this_process()
        self._elapsed = elapsed
        self._lock = Lock()
        self._lease: Lease | None = None
        self._until = 0.0
        self.waits_for = ""

    @property
    def leads(self) -> bool:
        """Tell whether this process may work right now."""
        return self._lease is not None and self._elapsed() < self._until

    @property
    def epoch(self) -> int:
        """Give the epoch of the lease that is held, 0 for none."""
        lease = self._lease
        return lease.epoch if lease is not None and self.leads else 0

    def tick(self) -> bool:
        """Take the lease or prolong it; tell whether this process leads now."""
        with self._lock:
            led, asked = self.leads, self._elapsed()
            try:
                self._lease = self._kept() or self._taken()
            except ConflictError as error:
                self._lease, self.waits_for = None, str(error)
            except StorageError as error:
                # The database is away: what is held stays held until its time runs out.
                get_logger().warning("lease_unreachable", reason=str(error), leads=self.leads)
            else:
                self._until, self.waits_for = asked + TTL.total_seconds(), ""
            if led != self.leads:
                get_logger().info("leader_changed", leads=self.leads, epoch=self.epoch)
            return self.leads

    def step_down(self) -> None:
        """Let the lease go, so that another daemon need not wait for it."""
        with self._lock:
            lease, self._lease = self._lease, None
            if lease is not None:
                try:
                    self._state.release(lease, self._clock.now())
                except StorageError as error:
                    get_logger().warning("lease_not_released", reason=str(error))

    def _kept(self) -> Lease | None:
        if self._lease is None:
            return None
        try:
            return self._state.renew(self._lease, TTL, self._clock.now())
        except ConflictError as error:
            get_logger().warning("lease_lost", reason=str(error))
            self._lease = None
            return None

    def _taken(self) -> Lease:
        now = self._clock.now()
        held = self._state.held(LEASE, now)
        if held is not None and is_gone(held.holder):
            self._state.release(held, now)
        return self._state.lease(LEASE, self._holder, TTL, now)
