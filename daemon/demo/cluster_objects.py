"""What everything on the clusters is called and labelled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from daemon.demo import dice
from daemon.demo.company import ACCOUNT
from daemon.demo.entities import Entity
from daemon.demo.fleet import HOME_REGION, standing
from daemon.demo.hours import instant_of
from daemon.demo.ids import zone
from daemon.demo.kubernetes import Pool, Workload
from daemon.demo.machines import TYPES
from daemon.demo.naming import short
from daemon.demo.placing import HOUR, Pod
from daemon.demo.stretch import Stretch
from domain.usage import OBJECTS

BARE_NAMESPACES = frozenset({"prod-eu/mobile", "prod-eu/data-ingest"})
"""Where the namespace says whose it is, and the pods in it do not."""

UNLABELLED_NAMESPACES = frozenset({"kube-system", "monitoring", "ingress"})
"""Namespaces that came with the cluster: nobody has written on them."""

SERVICES = (("prod-eu", "shop", "shop-web", "shop-alb"),)
"""Services with a load balancer of their own: cluster, namespace, name, and what the bill calls it."""

_FOUNDED = datetime(2024, 2, 1, 9, tzinfo=UTC)


def objects(stretch: Stretch) -> pl.DataFrame:
    """Give the names and labels of what was there, as last seen at the end of the stretch."""
    found = [*_Objects(stretch=stretch).rows()]
    return pl.DataFrame(found, schema=OBJECTS, orient="row")


@dataclass(frozen=True, slots=True)
class _Thing:
    kind: str
    namespace: str | None
    name: str
    uid: str
    labels: Mapping[str, str]
    created: datetime
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """The things of a stretch."""

    stretch: Stretch

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Give a row for each thing, those that hold others first."""
        seen = instant_of(self.stretch.end)
        for thing in (
            *self._namespaces(),
            *self._nodes(),
            *self._services(),
            *self._workloads(),
            *self._pods(),
        ):
            labels = [{"key": key, "value": value} for key, value in sorted(thing.labels.items())]
            place = (self.stretch.cluster, thing.kind, thing.namespace, thing.name, thing.uid)
            yield (*place, labels, [], thing.address, thing.created, seen)

    def _works(self) -> list[Workload]:
        return list(dict.fromkeys(pod.workload for pod in self.stretch.pods))

    def _namespaces(self) -> Iterator[_Thing]:
        for name, work in {work.namespace: work for work in reversed(self._works())}.items():
            labels = {"kubernetes.io/metadata.name": name}
            if name not in UNLABELLED_NAMESPACES:
                labels |= {"team": work.entity.team, "env": work.entity.tags["env"]}
            key = f"{self.stretch.cluster}/{name}"
            yield _Thing("namespace", None, name, _uid("namespace", key), labels, _founded(key))

    def _nodes(self) -> Iterator[_Thing]:
        for placed in self.stretch.pools:
            for node, on in placed.nodes:
                if on[self.stretch.window].any():
                    first = int(np.flatnonzero(on)[0])
                    created = instant_of(self.stretch.scene.span.first + first)
                    yield _Thing("node", None, node.name, node.uid, _node_labels(placed.pool, node), created)

    def _services(self) -> Iterator[_Thing]:
        known = {entity.name: entity for entity in standing(self.stretch.scene.seed)}
        for cluster, namespace, name, balancer in SERVICES:
            if cluster == self.stretch.cluster:
                key = f"{cluster}/{namespace}/{name}"
                region = known[balancer].region
                number = dice.number("elb", balancer) % 10**10
                address = f"{balancer}-{number}.{region}.elb.amazonaws.com"
                labels = {"app.kubernetes.io/name": "shop"}
                yield _Thing("service", namespace, name, _uid("service", key), labels, _founded(key), address)

    def _workloads(self) -> Iterator[_Thing]:
        for work in self._works():
            key = work.entity.name
            labels = _labels(work)
            yield _Thing(
                work.entity.kind, work.namespace, short(work), _uid("workload", key), labels, _founded(key)
            )

    def _pods(self) -> Iterator[_Thing]:
        names = zip(self.stretch.pods, self.stretch.names, self.stretch.uids, strict=True)
        for pod, name, uid in names:
            created = instant_of(pod.start // HOUR) + timedelta(seconds=pod.start % HOUR)
            yield _Thing("pod", pod.workload.namespace, name, uid, _pod_labels(pod), created)


def _labels(work: Workload) -> dict[str, str]:
    if f"{work.cluster}/{work.namespace}" in BARE_NAMESPACES:
        return {"app.kubernetes.io/name": work.entity.tags["app.kubernetes.io/name"]}
    return dict(work.entity.tags)


def _pod_labels(pod: Pod) -> dict[str, str]:
    labels = _labels(pod.workload)
    if pod.workload.entity.kind == "job":
        labels["batch.kubernetes.io/job-name"] = short(pod.workload)
    return labels


def _node_labels(pool: Pool, node: Entity) -> dict[str, str]:
    own = "eks.amazonaws.com/nodegroup" if node.provider == "aws" else "cloud.google.com/gke-nodepool"
    return {
        own: pool.name,
        "node.kubernetes.io/instance-type": TYPES[pool.name][0],
        "topology.kubernetes.io/region": HOME_REGION[ACCOUNT[pool.account].provider],
        "topology.kubernetes.io/zone": zone(node) or "",
    }


def _founded(key: str) -> datetime:
    return _FOUNDED + timedelta(days=dice.between(0, 400, "founded", key))


def _uid(kind: str, key: str) -> str:
    raw = f"{dice.number('uid', kind, key):016x}{dice.number('uid2', kind, key):016x}"
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"
