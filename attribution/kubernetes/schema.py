"""What splitting a cluster gives: parts of every node-hour, and what could not be told."""

from __future__ import annotations

from enum import StrEnum

import polars as pl

from domain.charge import INSTANT

WHOLE = 10**12
"""The weights of one node-hour sum to this, exactly."""

KEY = ("cluster", "hour", "node")
"""What is split: a node for an hour."""

RESOURCES = ("cpu", "memory", "gpu")
"""What a node consists of, in the order of every array of resources."""

_TEXT, _NUMBER = pl.String(), pl.Float64()

SHARES = pl.Schema(
    {
        "cluster": _TEXT,
        "hour": INSTANT,
        "node": _TEXT,
        "kind": _TEXT,
        "uid": _TEXT,
        "namespace": _TEXT,
        "pod": _TEXT,
        "workload_kind": _TEXT,
        "workload": _TEXT,
        "weight": pl.Int64(),
        "cpu": _NUMBER,
        "memory": _NUMBER,
        "gpu": _NUMBER,
        "overcommit": _NUMBER,
    }
)
"""Who has which part of a node-hour.

`kind` is `workload` or `idle`. An idle row has no pod; it names a namespace where reserved but unused
quota is charged to it (`workload_kind` is then `ResourceQuota`). With idle shared across a cluster a
pod may also have a part of a node that it did not run on.
`weight` is in parts of `WHOLE`; `cpu`, `memory` and `gpu` are what it consists of, in the same unit, so
they sum to it but for rounding. `overcommit` is what the pod held beyond what the node has, as a part of
the node's cost (0.5 is half of it); it was scaled away and is in no weight.
"""


class Cause(StrEnum):
    """Why something that was held has no part of a node."""

    UNKNOWN_NODE = "unknown-node"
    """The pod ran on a node that is not in the frame in that hour."""

    UNKNOWN_POD = "unknown-pod"
    """A device was held by a pod that is not in the frame on that node in that hour."""

    NO_METRICS = "no-metrics"
    """Neither what was requested nor what was used is known."""

    NO_CAPACITY = "no-capacity"
    """The node's capacity of this resource is unknown or nothing."""

    NO_PRICE = "no-price"
    """The split policy gives the node's resources no part, so all of it is idle."""


RESIDUALS = pl.Schema(
    {
        "cluster": _TEXT,
        "hour": INSTANT,
        "node": _TEXT,
        "namespace": _TEXT,
        "pod": _TEXT,
        "uid": _TEXT,
        "resource": _TEXT,
        "cause": _TEXT,
        "amount": _NUMBER,
    }
)
"""What was held and has no part: `amount` in core-hours, GiB-hours or device-hours, null where unknown."""
