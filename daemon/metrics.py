"""`/metrics`: how costd does, and what owners cost, for Prometheus.

Labels are bounded: sources and jobs as configured, owners up to `metrics.max_owners`, never
a resource. Amounts are floats here and only here, for drawing; nobody computes with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from daemon.dimensions import UNALLOCATED
from daemon.gpu_metrics import GpuMetrics
from daemon.idle_metrics import IdleMetrics
from daemon.query import Query
from daemon.ranking import OTHER
from daemon.sources import SourceState
from daemon.work import BusyError
from domain.window import Window, next_month

if TYPE_CHECKING:
    from daemon.ranking import Row
    from daemon.report import ReportResult
    from daemon.services import Services


_OWNERS_SECONDS = 2.0
"""How long a scrape waits for the costs of owners: Prometheus gives up after ten seconds."""

Samples = Mapping[Any, float]
"""Values by their labels, which are tuples of text."""


def routes(services: Services) -> Iterator[BaseRoute]:
    """Give the route that Prometheus scrapes."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    owners, idle, gpus = OwnerCosts(services), IdleMetrics(services), GpuMetrics(services)
    registry.register(Metrics(services, owners, (idle, gpus)))

    async def metrics(_request: Request) -> Response:
        """Give the metrics as they are now."""
        await owners.refresh()
        await idle.refresh()
        await gpus.refresh()
        body = await services.looks.run("metrics", lambda: generate_latest(registry))
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    yield Route("/metrics", metrics)


class OwnerCosts:
    """What owners cost this month: as it is now, or, while reports hold it up, as it was last known."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: ReportResult | None = None

    async def refresh(self) -> None:
        """Ask for the costs anew, and wait a moment for them; they may come for the next scrape."""
        if self._services.settings.metrics.owners:
            query = self._query()
            with suppress(BusyError):
                await self._services.work.run(
                    ("owners", query), lambda: self._ask(query), patience=_OWNERS_SECONDS
                )

    @property
    def rows(self) -> tuple[Row, ...]:
        """Give the rows that are known of this month."""
        known = self._known
        return known.rows if known is not None and known.query == self._query() else ()

    def _ask(self, query: Query) -> None:
        self._known = self._services.answers.report(query)

    def _query(self) -> Query:
        first = self._services.clock.now().date().replace(day=1)
        return Query(
            by=("team", "environment"),
            window=Window.of_days(first, next_month(first)),
            top=self._services.settings.metrics.max_owners,
        )


class Metrics:
    """Looks at the services whenever it is scraped."""

    def __init__(self, services: Services, owners: OwnerCosts, usage: tuple[IdleMetrics, GpuMetrics]) -> None:
        self._services = services
        self._owner_costs = owners
        self._usage = usage

    def describe(self) -> Iterable[Metric]:
        """Say nothing in advance: looking is only worth it when somebody scrapes."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Give every metric as it is now."""
        yield _gauge("costd_build", "Version that runs.", {(version("costd"),): 1}, ("version",))
        yield from self._sources()
        yield from self._jobs()
        yield from self._door()
        for part in self._usage:
            yield from part.collect()
        if self._services.settings.metrics.owners:
            yield from self._owners()

    def _sources(self) -> Iterator[Metric]:
        now = self._services.clock.now()
        views = [view for view in self._services.rooms.sources() if view.is_configured]
        yield _gauge(
            "costd_source_lag_seconds",
            "How long ago what a source gave ends; absent where nobody knows.",
            {(v.name,): (now - v.through).total_seconds() for v in views if v.through is not None},
            ("source",),
        )
        states = [state for state in SourceState if state is not SourceState.REMOVED]
        yield _gauge(
            "costd_source_state",
            "1 for the state that a source is in.",
            {(v.name, state.value): int(v.state is state) for v in views for state in states},
            ("source", "state"),
        )
        yield _gauge(
            "costd_source_quarantined_rows",
            "Rows of a source that could not be read.",
            {(v.name,): v.rejected for v in views},
            ("source",),
        )
        refused: dict[tuple[str, ...], float] = {(v.name,): 0 for v in views}
        for period in self._services.state.periods():
            if period.gate and (period.source,) in refused:
                refused[period.source,] += 1
        yield _gauge(
            "costd_gate_refused_periods",
            "Billing periods whose last delivery a gate refused.",
            refused,
            ("source",),
        )
        last = {(v.name,): _unix(v.succeeded_at) for v in views if v.succeeded_at is not None}
        yield _gauge(
            "costd_source_last_success_timestamp_seconds",
            "When a source was last collected well.",
            last,
            ("source",),
        )
        whole = min(last.values()) if views and len(last) == len(views) else None
        yield _gauge(
            "costd_last_success_timestamp_seconds",
            "The instant since which every source was collected well; absent until all were. "
            "Alarm when it grows old: it is the dead man's switch.",
            {} if whole is None else {(): whole},
        )

    def _jobs(self) -> Iterator[Metric]:
        runtime = self._services.runtime
        leads = runtime.leader is not None and runtime.leader.leads
        yield _gauge("costd_leader", "1 where this daemon works, 0 where it waits.", {(): int(leads)})
        runs = CounterMetricFamily(
            "costd_job_runs", "Runs of a job by this process.", labels=("job", "result")
        )
        seconds = CounterMetricFamily(
            "costd_job_seconds", "Time spent in a job by this process.", labels=("job",)
        )
        for name, done in (runtime.schedule.runs if runtime.schedule is not None else {}).items():
            for result, count in (("ok", done.ok), ("failed", done.failed), ("skipped", done.skipped)):
                runs.add_metric((name, result), count)
            seconds.add_metric((name,), done.seconds)
        yield runs
        yield seconds
        succeeded = {
            (job.name,): _unix(job.succeeded_at)
            for job in self._services.state.jobs()
            if job.succeeded_at is not None
        }
        yield _gauge(
            "costd_job_last_success_timestamp_seconds",
            "When a job last ended well, on any daemon.",
            succeeded,
            ("job",),
        )

    def _door(self) -> Iterator[Metric]:
        turned_away = CounterMetricFamily(
            "costd_http_refused", "Requests that were turned away.", labels=("reason",)
        )
        for event, count in self._services.counts.all().items():
            turned_away.add_metric((event,), count)
        yield turned_away

    def _owners(self) -> Iterator[Metric]:
        cost = GaugeMetricFamily(
            "costd_owner_cost_month_to_date",
            "Effective cost of this month so far, in the currency of the label.",
            labels=("team", "environment", "currency"),
        )
        for labels, amount in labelled(self._owner_costs.rows).items():
            cost.add_metric(labels, float(amount))
        yield cost


def labelled(rows: Iterable[Row]) -> dict[tuple[str, str, str], Decimal]:
    """Give cost by team, environment and currency; a missing team is `unallocated`."""
    costs: dict[tuple[str, str, str], Decimal] = {}
    for row in rows:
        if row.cost is None:
            continue
        team, environment = (OTHER, OTHER) if row.folded else row.values
        labels = (team or UNALLOCATED, environment or "", row.currency)
        # A team may really be called `other`: equal labels would be one series twice.
        costs[labels] = costs.get(labels, Decimal(0)) + row.cost
    return costs


def _gauge(name: str, text: str, samples: Samples, labels: tuple[str, ...] = ()) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, sample in samples.items():
        family.add_metric(values, sample)
    return family


def _unix(instant: datetime) -> float:
    return instant.timestamp()
