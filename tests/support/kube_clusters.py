"""A collector in front of the Kubernetes peer, with a clock that tests set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from kube_objects import a_namespace, a_node, at
from kubernetes import client
from kubernetes_api.server import Peer, serving

from collectors.kubernetes.access import Api
from collectors.kubernetes.cluster import Cluster
from collectors.kubernetes_inventory import KubernetesInventoryCollector, KubernetesSettings
from domain.usage import UsageBatch, UsageFetch


@dataclass(slots=True)
class Hand:
    """A clock that shows what it is set to."""

    at: datetime

    def now(self) -> datetime:
        return self.at


class Silence:
    """Progress that nobody looks at."""

    def start(self, task: str, total: int | None, unit: str) -> None: ...

    def advance(self, amount: int) -> None: ...

    def finish(self) -> None: ...


@dataclass(slots=True)
class Watched:
    """A cluster with one node and the namespace `shop`, and its collector."""

    peer: Peer
    settings: KubernetesSettings
    clock: Hand = field(default_factory=lambda: Hand(at("10:00")))
    cursor: dict[str, Any] = field(default_factory=dict)
    cluster: Cluster = field(init=False)
    collector: KubernetesInventoryCollector = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, **options: Any) -> None:
        """Begin as a new process does: only the spool and the ledger's cursor are left."""
        configuration = client.Configuration()
        configuration.host, configuration.retries = self.peer.url, False
        api = Api(client.ApiClient(configuration), sleep=lambda _: None)
        given = {"settle": 1, "follows": False} | options
        self.cluster = Cluster(settings=self.settings, clock=self.clock, api=api, **given)
        self.collector = KubernetesInventoryCollector(self.settings, clock=self.clock, cluster=self.cluster)

    def look(self, clock: str) -> UsageFetch:
        """Collect at a time of the day, and store nothing."""
        self.clock.at = at(clock)
        return self.collector.fetch_usage(self.cursor, progress=Silence())

    def collect(self, clock: str) -> list[UsageBatch]:
        """Collect at a time of the day, and store what is given."""
        batches = list(self.look(clock).batches)
        if batches:
            self.cursor = dict(batches[-1].cursor)
        return batches

    def hour(self, clock: str) -> UsageBatch:
        """Collect at a time of the day, when one hour is over."""
        (batch,) = self.collect(clock)
        return batch


@contextmanager
def watching(folder: Path, **settings: Any) -> Iterator[Watched]:
    with serving() as peer:
        peer.put("namespaces", a_namespace("shop", team="shop"))
        peer.put("nodes", a_node())
        yield Watched(peer, KubernetesSettings(name="prod", spool=folder / "spool", **settings))


def rows(batch: UsageBatch, frame: str) -> list[dict[str, Any]]:
    return list(batch.frames[frame].iter_rows(named=True))


def row(batch: UsageBatch, frame: str, **wanted: Any) -> dict[str, Any]:
    (found,) = [one for one in rows(batch, frame) if wanted.items() <= one.items()]
    return found
