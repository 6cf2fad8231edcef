"""The nodes of the clusters as Kubernetes shows them; their bill has the same machines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from daemon.demo.devices import CARDS
from daemon.demo.entities import Entity
from daemon.demo.ids import resource_id, zone
from daemon.demo.kubernetes import Pool
from daemon.demo.placing import HOUR
from daemon.demo.stretch import Stretch
from domain.usage import NODE_HOURS

TYPES = {
    "general": ("m6i.2xlarge", 8.0, 32.0),
    "gpu-inference": ("g5.2xlarge", 8.0, 32.0),
    "gpu-notebooks": ("g4dn.xlarge", 4.0, 16.0),
    "default": ("e2-standard-8", 8.0, 32.0),
    "a100": ("a2-highgpu-1g", 12.0, 85.0),
    "l4": ("g2-standard-8", 8.0, 32.0),
}
"""Per pool the type of its machines, their cores and GiB."""


def provider_id(node: Entity) -> str:
    """Give a node's `spec.providerID`."""
    if node.provider == "aws":
        return f"aws:///{zone(node)}/{resource_id(node, 'ec2', 'ec2')}"
    return f"gce://{node.home.id}/{zone(node)}/{node.name}"


def node_hours(stretch: Stretch) -> pl.DataFrame:
    """Give what nodes offered."""
    return pl.DataFrame(list(_rows(stretch)), schema=NODE_HOURS, orient="row")


def _rows(stretch: Stretch) -> Iterator[tuple[object, ...]]:
    instants = stretch.instants.to_list()
    for placed in stretch.pools:
        for node, on in placed.nodes:
            own = _of_node(placed.pool, node)
            for hour in np.flatnonzero(on[stretch.window]).tolist():
                yield (stretch.cluster, instants[hour], *own)


def _of_node(pool: Pool, node: Entity) -> tuple[object, ...]:
    kind, cores, gib = TYPES[pool.name]
    return (
        node.name,
        provider_id(node),
        kind,
        node.region,
        zone(node),
        "on-demand",
        float(HOUR),
        cores,
        gib,
        float(pool.gpus),
        CARDS[pool.name].model if pool.gpus else None,
    )
