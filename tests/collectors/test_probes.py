"""Every collector's probe says what breaks and what to do, and never raises; a newcomer needs its line."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import pytest

from collectors import COLLECTORS
from collectors.aws.settings import AwsBillingSettings
from collectors.aws_billing import AwsBillingCollector
from collectors.demo import DemoCollector, DemoSettings
from collectors.demo_cluster import DemoClusterCollector, DemoClusterSettings
from collectors.focus_files import FocusFilesCollector, FocusFilesSettings
from collectors.gcp_billing import GcpBillingCollector, GcpBillingSettings
from collectors.interface import Collector, Health, UsageCollector
from collectors.kubernetes_inventory import KubernetesInventoryCollector, KubernetesSettings
from collectors.prometheus_usage import PrometheusSettings, PrometheusUsageCollector
from config.secrets import Secret
from daemon.clock import FixedClock
from domain.errors import SourceError
from domain.own_cost import Paid, Spent

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEY = "COSTD_TEST_KEY"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "AKIAEXAMPLE000000000")


class NoWorld:
    """A simulated company that fell over."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fails(*_: object, **__: object) -> object:
            raise SourceError(f"{name}: the world ended")

        return fails


def _demo(_: Path) -> Collector:
    clock = FixedClock(at=NOW)
    world: object = NoWorld()
    settings = DemoSettings(type="demo", name="demo", provider="aws")
    return DemoCollector(settings, world=world, clock=clock)  # type: ignore[arg-type]  # it answers any call


def _demo_cluster(_: Path) -> UsageCollector:
    clock = FixedClock(at=NOW)
    world: object = NoWorld()
    settings = DemoClusterSettings(type="demo_cluster", name="demo", cluster="prod-eu")
    return DemoClusterCollector(settings, world=world, clock=clock)  # type: ignore[arg-type]  # it answers any call


def _files(folder: Path) -> Collector:
    return FocusFilesCollector(FocusFilesSettings(name="files", path=str(folder / "missing")))


class NoPurse:
    """Counts of paid requests that are never asked for: a probe costs nothing."""

    def take(self, paid: Paid, *, limit: int, now: datetime) -> bool:
        raise AssertionError((paid, limit, now))

    def left(self, source: str, service: str, *, limit: int, now: datetime) -> int:
        raise AssertionError((source, service, limit, now))

    def spent(self, *, since: date) -> list[Spent]:
        raise AssertionError(since)


def _aws(_: Path) -> Collector:
    settings = AwsBillingSettings(
        name="aws",
        bucket="acme-billing",
        region="eu-central-1",
        endpoint_url=f"http://127.0.0.1:{_closed_port()}",
        access_key_id=Secret("env", KEY),
        secret_access_key=Secret("env", KEY),
    )
    return AwsBillingCollector(settings, clock=FixedClock(at=NOW), requests=NoPurse())


def _gcp(folder: Path) -> Collector:
    settings = GcpBillingSettings(
        name="gcp",
        table="acme.billing.gcp_billing_export_v1_0123",
        credentials=Secret("file", str(folder / "missing.json")),
    )
    return GcpBillingCollector(settings, clock=FixedClock(at=NOW), requests=NoPurse())


def _kubernetes(folder: Path) -> Collector:
    settings = KubernetesSettings(name="prod", kubeconfig=folder / "missing.yaml", spool=folder / "spool")
    return cast("Collector", KubernetesInventoryCollector(settings, clock=FixedClock(at=NOW)))


def _prometheus(_: Path) -> Collector:
    settings = PrometheusSettings(name="metrics", url=f"http://127.0.0.1:{_closed_port()}", cluster="prod")
    return cast("Collector", PrometheusUsageCollector(settings, clock=FixedClock(at=NOW)))


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


SICK: Mapping[str, Callable[[Path], Collector | UsageCollector]] = {
    "collectors.aws_billing:AwsBillingCollector": _aws,
    "collectors.demo:DemoCollector": _demo,
    "collectors.demo_cluster:DemoClusterCollector": _demo_cluster,
    "collectors.focus_files:FocusFilesCollector": _files,
    "collectors.gcp_billing:GcpBillingCollector": _gcp,
    "collectors.kubernetes_inventory:KubernetesInventoryCollector": _kubernetes,
    "collectors.prometheus_usage:PrometheusUsageCollector": _prometheus,
}
"""Per collector one that cannot fetch."""


@pytest.mark.parametrize("path", sorted(SICK))
def test_a_sick_source_is_said_with_what_breaks_and_the_fix(path: str, tmp_path: Path) -> None:
    found = SICK[path](tmp_path).probe()
    bad = [probe for probe in found if probe.health is not Health.OK]
    assert bad
    assert all(probe.subject and probe.breaks and probe.fix for probe in bad)
    assert list(tmp_path.iterdir()) == []


def test_no_collector_is_left_out() -> None:
    assert set(SICK) == set(COLLECTORS)
