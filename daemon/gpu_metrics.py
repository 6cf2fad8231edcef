"""GPU-hours as metrics: by team and model in the present UTC month, against quotas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from daemon.dimensions import UNALLOCATED
from daemon.ranking import OTHER
from daemon.work import BusyError
from domain.errors import CostdError
from domain.window import Window, month_of, month_window

if TYPE_CHECKING:
    from config.idle import GpuQuota
    from daemon.gpu_hours import GpuUse
    from daemon.services import Services

_SECONDS = 2.0
"""How long a scrape waits for new hours; those that were known before are given where it takes longer."""


class GpuMetrics:
    """GPU-hours of the month so far, counted anew when an hour has passed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: tuple[datetime, tuple[GpuUse, ...]] | None = None

    async def refresh(self) -> None:
        """Have the hours counted where an hour has passed, and wait a moment for it."""
        hour = self._hour()
        if self._services.settings.metrics.owners and (self._known is None or self._known[0] != hour):
            with suppress(BusyError, CostdError):
                await self._services.work.run(
                    ("gpu hours", hour), lambda: self._count(hour), patience=_SECONDS
                )

    def collect(self) -> Iterator[Metric]:
        """Give the metrics; none before hours of this month were counted, or where owners are not told."""
        metrics, known = self._services.settings.metrics, self._known
        if metrics.owners and known is not None and month_of(known[0]) == month_of(self._hour()):
            quotas = self._services.settings.quotas.gpu_hours
            yield from metrics_of(known[1], quotas, most=metrics.max_owners)

    def _hour(self) -> datetime:
        return self._services.clock.now().replace(minute=0, second=0, microsecond=0)

    def _count(self, hour: datetime) -> None:
        from daemon.gpu_hours import gpu_hours

        window = Window(start=month_window(month_of(hour)).start, end=hour)
        self._known = (hour, gpu_hours(self._services.rooms, self._services.answers.star(), window))


def metrics_of(uses: Sequence[GpuUse], quotas: Iterable[GpuQuota], *, most: int) -> Iterator[Metric]:
    """Give GPU-hours by team and model, the pairs with the most alone and the rest as `other`; and quotas."""
    hours = CounterMetricFamily(
        "costd_gpu_hours",
        "GPU-hours that teams held in this UTC month so far; begins anew with each month.",
        labels=("team", "model"),
    )
    for labels, amount in sorted(labelled(uses, most).items()):
        hours.add_metric(labels, float(amount))
    yield hours
    limits = GaugeMetricFamily(
        "costd_gpu_quota_hours",
        "GPU-hours that a team may use in a UTC month, by the models that the quota is for.",
        labels=("team", "model"),
    )
    for quota in quotas:
        limits.add_metric((quota.team, quota.model), float(quota.hours))
    yield limits


def labelled(uses: Iterable[GpuUse], most: int) -> dict[tuple[str, str], Decimal]:
    """Give hours by team and model, so many pairs as may have a series of their own."""
    used = sorted((use for use in uses if use.hours), key=lambda use: (-use.hours, use.team or "", use.model))
    found: dict[tuple[str, str], Decimal] = {}
    for rank, use in enumerate(used):
        labels = (use.team or UNALLOCATED, use.model) if rank < most else (OTHER, OTHER)
        # A team may really be called `other`: equal labels would be one series twice.
        found[labels] = found.get(labels, Decimal(0)) + use.hours
    return found
