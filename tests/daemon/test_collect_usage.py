"""Sources of usage are collected hour by hour, go on where they stopped, and hold up no bill."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, ClassVar

import pytest
from acme import NOW, Acme
from builders import a_charge
from usage import a_usage_batch

from collectors import COLLECTORS, USAGE_TYPES
from collectors.interface import UsageCollector
from config.source import SourceEnvelope
from daemon import assemble
from daemon.rooms import Rooms
from domain.delivery import Coverage, Cursor, Freshness
from domain.errors import SourceError
from domain.ports import Progress
from domain.probe import Probe
from domain.usage import HOUR, UsageBatch, UsageFetch
from ledger.charges import ChargeLedger

CLUSTER = "- {type: prometheus, name: cluster, every: 1h}"
BEGIN = datetime(2026, 6, 19, 22, tzinfo=UTC)
LAST = datetime(2026, 6, 20, 5, tzinfo=UTC)


@dataclass
class Cluster:
    """What the fake source has: hours from `BEGIN` on, and what goes wrong."""

    through: datetime = LAST
    fails_at: datetime | None = None
    error: Exception = field(default_factory=lambda: SourceError("nobody answers", hint="look at it"))
    reach: datetime | None = None
    asked: list[Cursor] = field(default_factory=list)


class FakeUsageCollector:
    """A source of usage without a cluster."""

    Settings = SourceEnvelope
    cluster: ClassVar[Cluster]

    def __init__(self, settings: SourceEnvelope) -> None:
        self.name = settings.name

    def probe(self) -> list[Probe]:
        """Find nothing wrong."""
        return []

    def fetch_usage(self, cursor: Cursor, *, progress: Progress) -> UsageFetch:
        """Give one hour after the other."""
        self.cluster.asked.append(cursor)
        progress.start(self.name, None, "hours")
        since = datetime.fromisoformat(cursor["through"]) if cursor else BEGIN
        coverage = Coverage(source=self.name, freshness=Freshness.FRESH, delivered_through=self.cluster.reach)
        return UsageFetch(batches=self._batches(since), coverage=coverage, notes=("GPUs are not measured",))

    def _batches(self, since: datetime) -> Iterator[UsageBatch]:
        for number in range((self.cluster.through - since) // HOUR):
            start = since + number * HOUR
            if start == self.cluster.fails_at:
                raise self.cluster.error
            day = start.replace(hour=0)
            yield a_usage_batch(day=day, hour=start.hour, source=self.name)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Gives what the source `cluster` of type `prometheus` has."""
    found = Cluster()
    monkeypatch.setattr(FakeUsageCollector, "cluster", found, raising=False)
    module = ModuleType("fake.prometheus")
    module.FakeUsageCollector = FakeUsageCollector  # type: ignore[attr-defined]  # made here
    monkeypatch.setitem(sys.modules, module.__name__, module)
    paths = (*(path for path in COLLECTORS if "prometheus" not in path), "fake.prometheus:FakeUsageCollector")
    monkeypatch.setattr(assemble, "COLLECTORS", paths)
    return found


def configure(acme: Acme, *, bill: bool = True) -> None:
    acme.configure("aws", more=f"  {CLUSTER}\n")
    if not bill:
        (acme.folder / "costd.yaml").write_text(f"mode: observe\nsources:\n  {CLUSTER}\n")


def hours(acme: Acme) -> list[datetime]:
    rooms = Rooms(settings=assemble.open_settings(acme.folder / "costd.yaml"), clock=assemble.SystemClock())
    return list(rooms.ledger.usage("pod_hours").collect()["hour"].sort())


def source(acme: Acme, name: str = "cluster", now: str = NOW) -> dict[str, Any]:
    document = acme.costd("status", "--output", "json", now=now).json
    found: dict[str, Any] = next(row for row in document["rows"] if row["source"] == name)
    return found | {"well": document["well"]}


def test_every_type_of_usage_is_known_as_one() -> None:
    found = {kind for kind, path in assemble.source_types().items() if _gives_usage(path)}
    assert found <= USAGE_TYPES
    charges = assemble.source_types().keys() - found
    assert not charges & USAGE_TYPES


def _gives_usage(path: str) -> bool:
    return hasattr(assemble.collector_class(path), "fetch_usage")


def test_the_fake_is_a_collector_of_usage() -> None:
    assert isinstance(FakeUsageCollector(SourceEnvelope(type="prometheus", name="x")), UsageCollector)


def test_hours_are_stored_and_the_next_run_goes_on(acme: Acme, cluster: Cluster) -> None:
    configure(acme, bill=False)
    ran = acme.costd("collect", "--output", "ndjson")
    assert ran.status == 0, ran.err
    (row,) = ran.ndjson
    assert (row["source"], row["period"], row["result"], row["rows"]) == (
        "cluster",
        "2026-06-19 to 2026-06-20",
        "stored",
        14,
    )
    assert "cluster" in ran.err, "progress is told"
    assert hours(acme) == [BEGIN + number * HOUR for number in range(7)]
    cluster.through += HOUR
    acme.costd("collect")
    assert cluster.asked == [{}, {"through": LAST.isoformat()}]
    assert len(hours(acme)) == 8
    ran = acme.costd("collect", "--output", "ndjson")
    assert ran.status == 0
    assert ran.ndjson[0]["result"] == "unchanged"


@pytest.mark.parametrize(("limits", "commits"), [((2.0, 250_000), 1), ((0.0, 250_000), 7), ((60.0, 4), 4)])
def test_quick_batches_are_stored_together_and_slow_ones_at_once(
    acme: Acme, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, limits: tuple[float, int], commits: int
) -> None:
    for name, limit in zip(("SECONDS", "ROWS"), limits, strict=True):
        monkeypatch.setattr(f"daemon.collect_usage.TOGETHER_{name}", limit)
    configure(acme, bill=False)
    acme.costd("collect")
    assert hours(acme)[-1] + HOUR == cluster.through
    opened = ChargeLedger(str(acme.folder / "var/ledger")).tables["node_hours"].open()
    assert opened is not None
    assert opened.version() == commits


def test_status_shows_how_far_the_hours_reach(acme: Acme, cluster: Cluster) -> None:
    configure(acme, bill=False)
    assert source(acme)["state"] == "never"
    acme.costd("collect")
    found = source(acme)
    assert (found["state"], found["through"], found["well"]) == ("fresh", "2026-06-20T05:00:00Z", True)
    assert found["notes"] == ["GPUs are not measured"]
    assert "2026-06-20 05:00Z" in acme.costd("status").out
    cluster.reach = LAST - HOUR
    acme.costd("collect")
    assert source(acme)["through"] == "2026-06-20T04:00:00Z", "the source's own word counts"


@pytest.mark.parametrize("error", [SourceError("nobody answers", hint="look at it"), KeyError("a mistake")])
def test_what_was_stored_before_an_error_stays_and_is_not_asked_again(
    acme: Acme, cluster: Cluster, error: Exception
) -> None:
    configure(acme, bill=False)
    cluster.fails_at, cluster.error = BEGIN + 3 * HOUR, error
    ran = acme.costd("collect")
    assert ran.status == (6 if isinstance(error, SourceError) else 1)
    assert "cluster failed: " in ran.out
    assert len(hours(acme)) == 3
    found = source(acme)
    assert (found["state"], found["through"]) == ("failed", "2026-06-20T01:00:00Z")
    assert not found["well"]
    cluster.fails_at = None
    assert acme.costd("collect").status == 0
    assert cluster.asked[-1] == {"through": "2026-06-20T01:00:00+00:00"}
    assert len(hours(acme)) == 7


def test_a_bill_is_complete_without_its_cluster(acme: Acme, cluster: Cluster) -> None:
    configure(acme)
    acme.bill("aws", a_charge(start="2026-06-18", hours=24), a_charge(start="2026-06-19", hours=24))
    cluster.fails_at = BEGIN
    ran = acme.costd("collect")
    assert ran.status == 6, "the bill was taken, the cluster was not"
    ran = acme.costd(
        "report", "--by", "service", "--from", "2026-06-18", "--to", "2026-06-20", "--output", "json"
    )
    assert ran.status == 0, ran.err
    assert ran.json["complete"] is True
    assert not source(acme)["well"], "status tells"


def test_a_cluster_that_is_late_is_told_but_holds_up_no_report(acme: Acme, cluster: Cluster) -> None:
    configure(acme)
    acme.bill("aws", a_charge(start="2026-06-19", hours=24))
    acme.costd("collect")
    late = (datetime.fromisoformat(NOW) + timedelta(hours=3)).isoformat()
    assert cluster.asked == [{}]
    assert source(acme, now=late)["state"] == "stale"
    assert source(acme, "aws", now=late)["state"] == "fresh"
    told = acme.costd("report", "--from", "2026-06-19", "--to", "2026-06-20", "--output", "json", now=late)
    assert told.json["complete"] is True


def test_files_that_a_disk_lost_are_collected_again(acme: Acme, cluster: Cluster) -> None:
    configure(acme, bill=False)
    acme.costd("collect")
    next((acme.folder / "var/ledger/pod_hours").rglob("*.parquet")).unlink()
    ran = acme.costd("collect")
    assert ran.status == 0, ran.out
    assert cluster.asked == [{}, {}]
    assert hours(acme) == [BEGIN + number * HOUR for number in range(7)]
    assert any("missing or cut off" in note for note in source(acme)["notes"])


def test_a_removed_cluster_says_that_its_hours_are_kept(acme: Acme, cluster: Cluster) -> None:
    configure(acme)
    acme.costd("collect", "cluster")
    acme.configure("aws")
    found = source(acme)
    assert (found["state"], found["reason"]) == ("removed", "no longer configured; its hours are kept")
    assert cluster.asked == [{}]


def test_the_simulated_company_is_simulated_with_its_clusters() -> None:
    settings = assemble.open_settings("demo")
    kinds = {source.type for source in settings.sources}
    assert kinds <= {"demo", "demo_cluster"}
    assert assemble.is_demo(settings)
    cluster = SourceEnvelope(type="demo_cluster", name="cluster")
    assert assemble.is_demo(settings.model_copy(update={"sources": (*settings.sources, cluster)}))
    real = SourceEnvelope(type="kubernetes", name="real")
    assert not assemble.is_demo(settings.model_copy(update={"sources": (*settings.sources, real)}))
