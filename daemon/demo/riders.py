"""Pods that a pool is not sized for: agents on every node, and guests on a part of a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from daemon.demo.kubernetes import Pool, Workload, workload_of
from daemon.demo.prices import rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Rider:
    """A pod that is there for as long as its node is.

    Attributes:
        workload: what it is a pod of.
        pool: name of a pool, `gpu` for all with GPUs, `*` for all.
        slot: on which node of the pool, None for each.
    """

    workload: Workload
    pool: str
    slot: int | None

    @property
    def is_agent(self) -> bool:
        """Tell whether every node has one, in the room that no pool counts with."""
        return self.workload.entity.kind == "daemonset"

    def rides(self, pool: Pool, slot: int) -> bool:
        """Tell whether it is on the node in that slot of a pool."""
        if self.workload.cluster != pool.cluster or self.slot not in {None, slot}:
            return False
        return self.pool == "*" or (self.pool == "gpu" and pool.gpus > 0) or self.pool == pool.name


@lru_cache(maxsize=1)
def riders() -> tuple[Rider, ...]:
    """Give the riders of all clusters."""
    return tuple(
        Rider(
            workload=workload_of({**row, "replicas": "1", "load": "steady", "gpus": "0", "requests": "0"}),
            pool=row["pool"],
            slot=None if row["slot"] == "*" else int(row["slot"]),
        )
        for row in rows("riders")
    )


def guests() -> tuple[Workload, ...]:
    """Give the riders that somebody runs on purpose, and may stop."""
    return tuple(rider.workload for rider in riders() if not rider.is_agent)
