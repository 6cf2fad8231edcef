"""The two clusters: workloads ask for room, pools grow and shrink, nodes are billed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from daemon.demo import dice
from daemon.demo.company import ACCOUNT
from daemon.demo.dice import Ints
from daemon.demo.entities import Entity, Meter, Use, meters, pairs
from daemon.demo.fleet import HOME_REGION
from daemon.demo.hours import Span, instant_of
from daemon.demo.prices import rows
from daemon.demo.seasons import load
from domain.window import month_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Something that runs on a cluster.

    Attributes:
        entity: its identity, name `cluster/namespace/workload`.
        cluster, pool, namespace: where it runs.
        replicas: pods at load 1000 on the reference day.
        load: shape over time; steady ones do not grow.
        cpu_m, memory_mi, gpus: what one pod requests (millicores, MiB, devices).
        cpu_used, memory_used: what a busy pod uses of its request, in permille.
        gpu_mib: memory that a pod holds on its GPU.
    """

    entity: Entity
    cluster: str
    pool: str
    namespace: str
    replicas: int
    load: str
    cpu_m: int
    memory_mi: int
    gpus: int
    cpu_used: int = 0
    memory_used: int = 0
    gpu_mib: int = 0

    def __hash__(self) -> int:
        """Tell workloads apart by their names, which are unique."""
        return hash(self.entity.name)

    def wanted(self, span: Span) -> Ints:
        """Give the replicas per hour that its autoscaler or schedule asks for."""
        shape = load(self.load, span)
        least = 0 if self.entity.kind == "job" else 1
        return (
            np.maximum(-(-self.replicas * shape // 1000), least)
            if self.load != "steady"
            else (np.full(len(span), self.replicas, dtype=np.int64))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Nodes of one kind in one cluster; `cpu_m`, `memory_mi` and `gpus` are what one node offers."""

    name: str
    cluster: str
    account: str
    cpu_m: int
    memory_mi: int
    gpus: int
    least: int
    most: int
    tags: Mapping[str, str]
    meters: tuple[Meter, ...]


class Scaling(Protocol):
    """Whoever changes the number of pods: people, incidents."""

    def replicas(self, name: str, wanted: Ints, span: Span) -> Ints:
        """Give the replicas of a workload per hour."""
        ...


@lru_cache(maxsize=1)
def pools() -> tuple[Pool, ...]:
    """Give the node pools."""
    return tuple(
        Pool(
            name=row["pool"],
            cluster=row["cluster"],
            account=row["account"],
            cpu_m=int(row["cpu_m"]),
            memory_mi=int(row["memory_mi"]),
            gpus=int(row["gpus"]),
            least=int(row["min"]),
            most=int(row["max"]),
            tags=pairs(row["tags"]),
            meters=meters(row["meters"]),
        )
        for row in rows("pools")
    )


@lru_cache(maxsize=1)
def workloads() -> tuple[Workload, ...]:
    """Give the workloads."""
    return tuple(workload_of(row) for row in rows("workloads"))


def workload_of(row: dict[str, str]) -> Workload:
    """Read a workload from a row of a table."""
    (account,) = {pool.account for pool in pools() if pool.cluster == row["cluster"]}
    namespace = f"{row['cluster']}/{row['namespace']}"
    entity = Entity(
        name=f"{namespace}/{row['workload']}",
        kind=row["kind"],
        account=account,
        region=HOME_REGION[ACCOUNT[account].provider],
        team=row["team"],
        tags={"team": row["team"], "app.kubernetes.io/name": row["service"], "env": row["environment"]},
        parent=namespace,
        gpus=int(row["gpus"]),
        use=Use(requests_per_hour=int(row["requests"]), load=row["load"], busy=int(row["busy"])),
    )
    return Workload(
        entity=entity,
        cluster=row["cluster"],
        pool=row["pool"],
        namespace=row["namespace"],
        replicas=int(row["replicas"]),
        load=row["load"],
        cpu_m=int(row["cpu_m"]),
        memory_mi=int(row["memory_mi"]),
        gpus=int(row["gpus"]),
        cpu_used=int(row["cpu_used"]),
        memory_used=int(row["memory_used"]),
        gpu_mib=int(row["gpu_mib"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHours:
    """A pool over a span.

    Attributes:
        pool: which.
        nodes: nodes per hour.
        shares: per workload, the part of the pool's capacity its pods ask for, as
            numerators over `capacity`.
        capacity: denominators, per hour; 1 where there are no nodes.
    """

    pool: Pool
    nodes: Ints
    shares: tuple[tuple[Workload, Ints], ...]
    capacity: Ints


def pool_hours(pool: Pool, span: Span, scaling: Scaling) -> PoolHours:
    """Grow and shrink a pool to what its workloads ask for."""
    asked = [
        (workload, scaling.replicas(workload.entity.name, workload.wanted(span), span))
        for workload in workloads()
        if (workload.cluster, workload.pool) == (pool.cluster, pool.name)
    ]
    zero = np.zeros(len(span), dtype=np.int64)
    need = [
        -(-sum((pods * getattr(w, field) for w, pods in asked), zero) // getattr(pool, field))
        for field in ("cpu_m", "memory_mi", "gpus")
        if getattr(pool, field)
    ]
    nodes = np.clip(np.maximum.reduce(need), pool.least, pool.most)
    field = "gpus" if pool.gpus else "cpu_m"
    return PoolHours(
        pool=pool,
        nodes=nodes,
        shares=tuple((w, pods * getattr(w, field)) for w, pods in asked),
        capacity=np.maximum(nodes * getattr(pool, field), 1),
    )


def nodes(seed: int, hours: PoolHours, span: Span) -> Iterator[tuple[Entity, Ints]]:
    """Give the nodes of a pool with the hours they run; each month brings new machine images."""
    pool = hours.pool
    month = month_of(instant_of(span.end - 1))
    first = Span.of_month(month).first
    for slot in range(int(hours.nodes.max(initial=0))):
        name = f"{pool.cluster}-{pool.name}-{slot}-{month}"
        entity = Entity(
            name=name,
            kind="node",
            account=pool.account,
            region=HOME_REGION[ACCOUNT[pool.account].provider],
            team=pool.tags.get("team", ""),
            tags={**pool.tags, **node_labels(pool)},
            born=first + dice.between(0, 3, seed, "node", name),
            parent=pool.cluster,
            gpus=pool.gpus,
            meters=pool.meters,
        )
        yield entity, np.where(hours.nodes > slot, 1_000_000, 0)


def node_labels(pool: Pool) -> dict[str, str]:
    """Give the labels that the cluster's provider puts on the charges of a node."""
    if ACCOUNT[pool.account].provider == "aws":
        return {
            "aws:eks:cluster-name": pool.cluster,
            "eks:nodegroup-name": pool.name,
            f"kubernetes.io/cluster/{pool.cluster}": "owned",
        }
    return {"goog-k8s-cluster-name": pool.cluster, "goog-k8s-node-pool-name": pool.name}


def workload_labels(workload: Workload) -> dict[str, str]:
    """Give the labels of GKE cost allocation for a workload's part of a node."""
    return {
        "k8s-namespace": workload.namespace,
        "k8s-workload-name": workload.entity.name.rpartition("/")[2],
        "k8s-workload-type": f"apps/v1-{workload.entity.kind}",
        **{f"k8s-label/{key}": value for key, value in workload.entity.tags.items()},
    }
