from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from collectors.demo_cluster import DemoClusterCollector, DemoClusterSettings
from collectors.interface import Health, UsageCollector
from daemon.clock import FixedClock
from daemon.progress import Silent
from domain.delivery import Cursor, Freshness
from domain.errors import UsageError
from domain.usage import FRAMES, UsageBatch

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
THREE = NOW.replace(minute=0)


class TinyCluster:
    """A cluster with one node, of which nothing else is known."""

    def clusters(self) -> tuple[str, ...]:
        return ("tiny",)

    def usage(self, cluster: str, start: datetime, end: datetime) -> dict[str, pl.DataFrame]:
        if cluster != "tiny":
            raise UsageError(f"no cluster {cluster!r}", hint="use tiny")
        hours = [start + timedelta(hours=n) for n in range(int((end - start) / timedelta(hours=1)))]
        rows = [{"cluster": cluster, "hour": hour, "node": "one"} for hour in hours]
        return {"node_hours": pl.DataFrame(rows, schema=FRAMES["node_hours"])}


def a_collector(now: datetime = NOW, cluster: str = "tiny") -> DemoClusterCollector:
    settings = DemoClusterSettings(type="demo_cluster", name="demo-tiny", cluster=cluster)
    return DemoClusterCollector(settings, world=TinyCluster(), clock=FixedClock(at=now))


def fetched(collector: DemoClusterCollector, cursor: Cursor | None = None) -> list[UsageBatch]:
    return list(collector.fetch_usage(cursor or {}, progress=Silent()).batches)


def hours(batches: list[UsageBatch]) -> list[datetime]:
    return [hour for batch in batches for hour in batch.frames["node_hours"]["hour"]]


def test_is_a_source_of_usage() -> None:
    assert isinstance(a_collector(), UsageCollector)


def test_the_first_fetch_gives_the_last_fortnight_day_by_day() -> None:
    batches = fetched(a_collector())
    assert [batch.start.date().day for batch in batches] == list(range(6, 21))
    assert {(batch.source, batch.cluster) for batch in batches} == {("demo-tiny", "tiny")}
    found = hours(batches)
    assert found[0] == datetime(2026, 11, 6, tzinfo=UTC)
    assert found[-1] == THREE - timedelta(hours=1)
    assert len(found) == len(set(found)) == 14 * 24 + 15


def test_goes_on_where_any_batch_left_off() -> None:
    batches = fetched(a_collector())
    later = NOW + timedelta(hours=3)
    for stopped in (4, len(batches)):
        rest = fetched(a_collector(later), batches[stopped - 1].cursor)
        assert hours(batches[:stopped]) + hours(rest) == hours(fetched(a_collector(later)))


def test_gives_nothing_before_another_hour_is_whole() -> None:
    (*_, last) = fetched(a_collector())
    assert fetched(a_collector(NOW + timedelta(minutes=29)), last.cursor) == []
    (more,) = fetched(a_collector(NOW + timedelta(minutes=30)), last.cursor)
    assert (more.start, more.end) == (THREE, THREE + timedelta(hours=1))


def test_reaches_to_the_last_whole_hour() -> None:
    coverage = a_collector().fetch_usage({}, progress=Silent()).coverage
    assert (coverage.freshness, coverage.delivered_through) == (Freshness.FRESH, THREE)


@pytest.mark.parametrize(("cluster", "health"), [("tiny", Health.OK), ("prod", Health.FAIL)])
def test_the_probe_says_whether_the_cluster_is_there(cluster: str, health: Health) -> None:
    (probe,) = a_collector(cluster=cluster).probe()
    assert probe.health is health
    assert (probe.fix == "use tiny") is (health is Health.FAIL)
