"""What is idle as metrics: by verdict and team, never by the thing itself, so that labels stay few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily, Metric

from daemon.idle import WASTE, waste_totals
from daemon.idle_filter import team_of
from daemon.ranking import OTHER
from daemon.work import BusyError
from domain.errors import CostdError
from domain.finding import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.idle_look import IdleLook
    from daemon.services import Services
    from domain.finding import Finding

_SECONDS = 2.0
"""How long a scrape waits for the findings; those of the last look are given where it takes longer."""


class IdleMetrics:
    """Findings as they were last judged."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def refresh(self) -> None:
        """Have it judged anew where hours or bills are new, and wait a moment for it."""
        with suppress(BusyError, CostdError):
            await self._services.work.run("idle", self._services.idle.look, patience=_SECONDS)

    def collect(self) -> Iterator[Metric]:
        """Give the metrics; none before anything was measured."""
        look = self._services.idle.last
        if look is not None and look.is_measured:
            settings = self._services.settings.metrics
            yield from metrics_of(look, most_teams=settings.max_owners if settings.owners else 0)


def metrics_of(look: IdleLook, *, most_teams: int) -> Iterator[Metric]:
    """Give how many findings there are and what they cost per hour; smaller teams are one `other`.

    Args:
        look: what was found.
        most_teams: teams with a label of their own; 0 tells no team and no cost.
    """
    found = [one for one in look.findings if one.verdict is not Verdict.WORKING]
    kept = _teams(found, most_teams)
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for one in found:
        team = "" if not most_teams else team_of(one) if team_of(one) in kept else OTHER
        groups[one.verdict.value, team].append(one)
    count = GaugeMetricFamily(
        "costd_idle_findings", "Things that are idle, or could not be told.", labels=("verdict", "team")
    )
    for labels, mine in sorted(groups.items()):
        count.add_metric(labels, len(mine))
    yield count
    if most_teams:
        yield _costs(groups)


def _teams(found: Sequence[Finding], most: int) -> set[str]:
    """Give the teams with the most findings, so many as may have a label."""
    counts: dict[str, int] = defaultdict(int)
    for one in found:
        counts[team_of(one)] += 1
    return set(sorted(counts, key=lambda team: (-counts[team], team))[:most])


def _costs(groups: dict[tuple[str, str], list[Finding]]) -> Metric:
    cost = GaugeMetricFamily(
        "costd_idle_cost_per_hour",
        "What idle things cost per hour, in the currency of the label; those of unknown cost are in none.",
        labels=("verdict", "team", "currency"),
    )
    for (verdict, team), mine in sorted(groups.items()):
        if verdict not in WASTE:
            continue
        for currency, (rate, _) in waste_totals(mine).items():
            cost.add_metric((verdict, team, currency), float(rate))
    return cost
