"""The clusters of the demo company: what ran on them, hour by hour.

The world is handed in through `domain.ports.ClusterWorld`. The first fetch gives the last fortnight,
later ones go on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from pydantic import Field

from collectors.interface import Health, Probe
from config.source import SourceEnvelope
from domain.delivery import Coverage, Cursor, Freshness
from domain.errors import CostdError
from domain.ports import Clock, ClusterWorld, Progress
from domain.usage import HOUR, UsageBatch, UsageFetch
from domain.window import midnight

FIRST_DAYS = 14
"""Days before the first fetch that it gives."""

_DAY = timedelta(days=1)


class DemoClusterSettings(SourceEnvelope):
    """A cluster of the demo company."""

    cluster: str = Field(
        min_length=1,
        description="Which of the company's clusters: `prod-eu` or `ml-train`. Required.",
    )
    seed: int = Field(
        default=7,
        ge=0,
        description="Which demo company: the number that the sources of its bills have. Default 7, the "
        "company of the documentation.",
    )


class DemoClusterCollector:
    """One cluster of the demo company."""

    Settings = DemoClusterSettings

    def __init__(self, settings: DemoClusterSettings, *, world: ClusterWorld, clock: Clock) -> None:
        self.name = settings.name
        self._cluster = settings.cluster
        self._world = world
        self._clock = clock

    def probe(self) -> list[Probe]:
        """Ask the world for its newest hour; nothing outside this process is needed."""
        until = _whole_hour(self._clock.now())
        try:
            nodes = self._world.usage(self._cluster, until - HOUR, until)["node_hours"]
        except CostdError as error:
            return [
                Probe(
                    subject=f"demo cluster {self._cluster}",
                    health=Health.FAIL,
                    breaks=str(error),
                    fix=error.hint or "run `costd demo reset`",
                )
            ]
        return [Probe(subject=f"demo cluster {self._cluster}, {len(nodes)} nodes", health=Health.OK)]

    def fetch_usage(self, cursor: Cursor, *, progress: Progress) -> UsageFetch:
        """Give the whole hours since the cursor, a batch per day."""
        until = _whole_hour(self._clock.now())
        through = cursor.get("through")
        start = datetime.fromisoformat(through) if isinstance(through, str) else None
        days = list(_days(start or midnight((until - FIRST_DAYS * _DAY).date()), until))
        progress.start(f"Demo cluster {self._cluster}", len(days), "days")
        return UsageFetch(
            batches=self._batches(days, progress),
            coverage=Coverage(source=self.name, freshness=Freshness.FRESH, delivered_through=until),
        )

    def _batches(self, days: list[tuple[datetime, datetime]], progress: Progress) -> Iterator[UsageBatch]:
        for start, end in days:
            yield UsageBatch(
                source=self.name,
                cluster=self._cluster,
                start=start,
                end=end,
                frames=self._world.usage(self._cluster, start, end),
                cursor={"through": end.isoformat()},
            )
            progress.advance(1)


def _whole_hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _days(start: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a stretch of hours at midnight (UTC)."""
    while start < until:
        end = min(midnight(start.date() + _DAY), until)
        yield start, end
        start = end
