"""Runs jobs at their times in threads; the job boundary, where no error goes further.

APScheduler keeps the time. Its own memory is only this process's: what a job did last is
remembered in the state database, and what was missed is caught up from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, timedelta
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from config.secrets import redact
from daemon.jobs import Job, missed
from daemon.jumps import Jumps, plan_anew
from daemon.leader import RENEW_EVERY, Leader
from daemon.logs import get_logger
from domain.errors import CostdError, StorageError

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

    from domain.ports import Clock
    from ledger.state import State

POOLS = {"collect": 2, "quick": 4}
"""Threads by what they are for: bills may take minutes, messages may not wait."""

LATE = timedelta(minutes=15)
"""How late a run may begin when all threads were busy or the machine slept (APScheduler: 1 s)."""


SOON = timedelta(seconds=30)
"""A job due within this is waited for when a daemon starts."""


@dataclass(slots=True, kw_only=True)
class Runs:
    """What this process did of one job.

    Attributes:
        ok: runs that ended well.
        failed: runs that raised.
        skipped: runs left to the leader.
        seconds: time spent in all runs.
    """

    ok: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0


class Schedule:
    """The jobs of one daemon.

    Args:
        jobs: what to do; names are unique.
        leader: only while it leads are jobs run.
        state: where runs are remembered.
        clock: the present.
    """

    def __init__(self, jobs: Iterable[Job], *, leader: Leader, state: State, clock: Clock) -> None:
        self.jobs = {job.name: job for job in jobs}
        self.runs = {name: Runs() for name in self.jobs}
        self._leader = leader
        self._state = state
        self._clock = clock
        self._lock = Lock()
        self._running: set[str] = set()
        self._jumps = Jumps(clock)
        self._caught_up = False
        self._stopping = Event()
        self._scheduler: BackgroundScheduler | None = None

    def start(self) -> None:
        """Begin; jobs whose time passed while no daemon ran are run now."""
        scheduler = self._built()
        for job in self.jobs.values():
            when = {} if job.first is None else {"next_run_time": job.first}
            scheduler.add_job(self.run_once, job.trigger, (job.name,), id=job.name, executor=job.pool, **when)
        self._scheduler = scheduler
        self._leader.tick()  # before anything is due: whoever does not lead yet leaves its jobs out
        scheduler.start()
        self.keep_leading()
        Thread(target=self._keep, name="lease", daemon=True).start()

    def stop(self, patience: timedelta) -> list[str]:
        """Begin nothing more and wait for what runs; give the names of jobs that did not end."""
        self._stopping.set()
        if self._scheduler is None:
            return []
        for job in self._scheduler.get_jobs():
            job.remove()
        deadline = time.monotonic() + patience.total_seconds()
        while (busy := self.busy()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._scheduler.shutdown(wait=not busy)
        self._leader.step_down()
        return busy

    def busy(self) -> list[str]:
        """Name the jobs that run right now."""
        with self._lock:
            return sorted(self._running)

    def first_round(self) -> list[str]:
        """Name the collecting jobs that are due now and have not ended yet."""
        now = self._clock.now()
        return [
            name
            for name, job in self.jobs.items()
            if job.pool == "collect"
            and not (self.runs[name].ok or self.runs[name].failed)
            and job.first is not None
            and job.first <= now + SOON
        ]

    def keep_leading(self) -> None:
        """Prolong the lease; whoever becomes leader catches up what nobody did.

        So does a leader whose clock jumped ahead, or whose machine slept.
        """
        jumped = self._jumps.look()
        if jumped:
            get_logger().warning("clock_jumped", seconds=int(jumped.total_seconds()))
            self._caught_up = False
            if jumped < timedelta(0) and self._scheduler is not None:
                plan_anew(self._scheduler, self.jobs, self._clock.now(), jumped)
        if not self._leader.tick():
            self._caught_up = False
        elif not self._caught_up and not self._stopping.is_set():
            self._catch_up()

    def _keep(self) -> None:
        """Keep leading by the monotonic clock: APScheduler's own waits out a clock that was set back."""
        while not self._stopping.wait(RENEW_EVERY.total_seconds()):
            try:
                self.keep_leading()
            except Exception:  # noqa: BLE001  # as at the job boundary: the lease must go on being kept
                get_logger().exception("lease_defect")

    def run_once(self, name: str) -> None:
        """Run a job if this process leads and it is not running; no error goes further."""
        job, runs = self.jobs[name], self.runs[name]
        if self._stopping.is_set():
            return
        if not self._leader.leads:
            runs.skipped += 1
            return
        if not self._begin(name):
            get_logger().info("job_overlaps", job=name)
            return
        began = time.monotonic()
        error = ""
        try:
            self._state.job_started(name, self._clock.now())
            job.run()
        except CostdError as failure:
            error = redact(str(failure))  # it is stored, and shown by processes that know other secrets
            get_logger().warning("job_failed", job=name, code=failure.code, reason=error, hint=failure.hint)
        except KeyboardInterrupt:  # polars raises it in whatever thread computes when Ctrl-C comes
            error = "it was cut off: costd was told to stop"
            get_logger().info("job_cut_off", job=name)
        except BaseException as failure:  # noqa: BLE001  # the job boundary; a panic in Rust is no Exception
            error = f"costd itself failed ({type(failure).__name__})"
            get_logger().exception("job_defect", job=name)
        finally:
            self._end(name, error, time.monotonic() - began)

    def _begin(self, name: str) -> bool:
        with self._lock:
            if name in self._running:
                return False
            self._running.add(name)
            return True

    def _end(self, name: str, error: str, seconds: float) -> None:
        runs = self.runs[name]
        runs.seconds += seconds
        if error:
            runs.failed += 1
        else:
            runs.ok += 1
            get_logger().info("job_done", job=name, seconds=round(seconds, 3))
        try:
            self._state.job_finished(name, self._clock.now(), error)
        except StorageError as failure:
            get_logger().warning("job_not_recorded", job=name, reason=str(failure))
        with self._lock:
            self._running.discard(name)

    def _catch_up(self) -> None:
        """Run at once what was due while nobody led."""
        now = self._clock.now()
        try:
            last = {status.name: status.started_at for status in self._state.jobs()}
        except StorageError as error:
            get_logger().warning("catch_up_postponed", reason=str(error))
            return
        self._caught_up = True
        for job in self.jobs.values():
            due = missed(job, last.get(job.name), now)
            if due is not None:
                get_logger().info("job_caught_up", job=job.name, due=due.isoformat())
                self.run_soon(job.name)

    def run_soon(self, name: str) -> None:
        """Run a job in its threads as soon as one of them is free."""
        if self._scheduler is not None:
            pool = self.jobs[name].pool
            self._scheduler.add_job(self.run_once, args=(name,), executor=pool, misfire_grace_time=None)

    def _built(self) -> BackgroundScheduler:
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        return BackgroundScheduler(
            timezone=UTC,
            executors={name: ThreadPoolExecutor(size) for name, size in POOLS.items()},
            job_defaults={
                "coalesce": True,
                "max_instances": 1,
                "misfire_grace_time": int(LATE.total_seconds()),
            },
        )
