"""Fetches one source after the other and stores what is new; one bad source stops no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from collectors.interface import UsageCollector
from config.secrets import redact
from daemon.collect_run import LEASE_TIME, Collected, Run
from daemon.collect_usage import take_usage
from daemon.holder import is_gone, this_process
from daemon.local_user import local_actor
from daemon.logs import get_logger
from daemon.publication import check_attribution
from domain.audit import Act, Detail
from domain.delivery import Batch, Chunk, Coverage, Delivery, Freshness, PeriodResult, Rejected, Verdict
from domain.errors import ConflictError, CostdError, SourceError

if TYPE_CHECKING:
    from collectors.interface import Collector
    from daemon.rooms import Rooms
    from domain.ports import Progress
    from ledger.status import Lease


def collect_source(
    rooms: Rooms, collector: Collector | UsageCollector, *, force: bool, progress: Progress
) -> Collected:
    """Fetch a source, store every period that is new, and say what became of it."""
    name = collector.name
    try:
        lease = _take_lease(rooms, name)
    except ConflictError as error:
        return _failed(name, error)
    run = Run(rooms=rooms, collector=collector, force=force, progress=progress, lease=lease)
    try:
        if isinstance(collector, UsageCollector):
            return take_usage(run, collector)
        return _collect(run, collector)
    except CostdError as error:
        return _ended(run, error)
    except Exception as error:  # noqa: BLE001  # the job boundary: a defect in one source stops no other
        get_logger().exception("source_defect", source=name)
        hint = "the log has the traceback; please report it"
        return _ended(run, CostdError(f"costd itself failed ({type(error).__name__})", hint=hint))
    finally:
        progress.finish()
        rooms.state.release(run.lease, rooms.clock.now())


def _ended(run: Run, error: CostdError) -> Collected:
    outcome = _failed(run.name, error, tuple(run.results.values()))
    if isinstance(run.collector, UsageCollector):
        through = run.rooms.ledger.usage_through(run.name)
        outcome = replace(outcome, coverage=replace(outcome.coverage, delivered_through=through))
    get_logger().warning("source_failed", source=run.name, code=error.code, reason=str(error))
    run.rooms.state.record_fetch(outcome.coverage, (), at=run.rooms.clock.now())
    return replace(outcome, rejected=run.rejected)


def _take_lease(rooms: Rooms, source: str) -> Lease:
    name, now = f"collect:{source}", rooms.clock.now()
    held = rooms.state.held(name, now)
    if held is not None and is_gone(held.holder):
        rooms.state.release(held, now)
    return rooms.state.lease(name, this_process(), LEASE_TIME, now)


def _failed(source: str, error: CostdError, results: tuple[PeriodResult, ...] = ()) -> Collected:
    coverage = Coverage(source=source, freshness=Freshness.FAILED, reason=redact(str(error)))
    return Collected(source=source, results=results, coverage=coverage, error=str(error), hint=error.hint)


def _collect(run: Run, collector: Collector) -> Collected:
    state, clock = run.rooms.state, run.rooms.clock
    state.record_attempt(run.name, run.type, clock.now())
    if run.force:
        _audit(run, "collect.forced", run.name, {})
    fetch = collector.fetch(run.rooms.ledger.cursors(run.name), progress=run.progress)
    run.note(fetch.refused)
    failures = [error for batch in fetch.batches if (error := _store(run, batch, fetch.coverage))]
    _withhold(run, fetch.coverage)
    coverage = _judged(run, fetch.coverage, failures)
    state.record_fetch(coverage, fetch.refused, (), (*fetch.notes, *run.notes), at=clock.now())
    counts = Counter(result.verdict.value for result in run.results.values())
    get_logger().info("source_collected", source=run.name, freshness=coverage.freshness.value, **counts)
    return Collected(
        source=run.name,
        results=tuple(run.results[period] for period in sorted(run.results)),
        kept=tuple(_kept(run)),
        coverage=coverage,
        rejected=run.rejected,
        error="; ".join(dict.fromkeys(str(error) for error in failures)),
        hint=next((error.hint for error in failures if error.hint), ""),
    )


def _store(run: Run, batch: Batch, coverage: Coverage) -> SourceError | None:
    """Replace the periods of a batch; give the error if it could not be read to its end."""
    rejected: list[Rejected] = []
    seen_at = batch.seen_at or run.rooms.clock.now()
    watched = replace(batch, chunks=_watched(run, batch.chunks, rejected))
    try:
        results = run.rooms.ledger.replace(watched, seen_at=seen_at, force=run.force, on_rows=run.rows_done)
    except SourceError as error:
        return error
    run.note(results)
    _audit_forced(run, results)
    run.rejected += len(rejected)
    run.rooms.state.record_fetch(coverage, results, rejected, batch.notes, at=run.rooms.clock.now())
    return None


def _audit_forced(run: Run, results: Iterable[PeriodResult]) -> None:
    """Note who had stored what a gate refused."""
    for result in results:
        delivery = result.delivery
        if result.verdict is Verdict.REPLACED and delivery is not None and delivery.forced:
            detail = {"delivery": delivery.id, "rows": delivery.rows}
            _audit(run, "replacement.forced", f"{run.name} {result.billing_period}", detail)


def _audit(run: Run, action: str, subject: str, detail: Detail) -> None:
    from ledger.audit import AuditLog

    act = Act(by=local_actor(), action=action, subject=subject, detail=detail)
    AuditLog(run.rooms.state.database).append(act, run.rooms.clock.now())


def _withhold(run: Run, coverage: Coverage) -> None:
    """Withhold periods of which not all is attributed, and publish again what was withheld and is well."""
    replaced = {
        result.billing_period for result in run.results.values() if result.verdict is Verdict.REPLACED
    }
    checked = check_attribution(run.rooms, run.name, replaced)
    run.results.update({result.billing_period: result for result in checked})
    if checked:
        run.rooms.state.record_fetch(coverage, checked, at=run.rooms.clock.now())


def _watched(run: Run, chunks: Iterable[Chunk], rejected: list[Rejected]) -> Iterator[Chunk]:
    for chunk in chunks:
        rejected.extend(chunk.rejected)
        run.notes.update(dict.fromkeys(chunk.notes))
        yield chunk


def _judged(run: Run, coverage: Coverage, failures: list[SourceError]) -> Coverage:
    """Give how far the source may be trusted after everything that happened.

    What the rows show counts where the source itself does not know how far it reaches.
    """
    through = coverage.delivered_through
    if through is None:
        reached = [d.through for d in run.rooms.ledger.deliveries() if d.source == run.name and d.through]
        through = max(reached, default=None)
    refused = [result for result in run.results.values() if result.verdict is Verdict.REFUSED]
    if failures:
        return replace(
            coverage, freshness=Freshness.FAILED, delivered_through=through, reason=str(failures[0])
        )
    if refused and coverage.freshness is Freshness.FRESH:
        reason = f"{refused[0].billing_period} was refused by gate {refused[0].gate}"
        return replace(coverage, freshness=Freshness.STALE, delivered_through=through, reason=reason)
    return replace(coverage, delivered_through=through)


def _kept(run: Run) -> Iterator[Delivery]:
    """Give what is stored of the periods that this run did not look at."""
    newest = {d.billing_period: d for d in run.rooms.ledger.deliveries() if d.source == run.name}
    for period in sorted(set(newest) - set(run.results)):
        yield newest[period]
