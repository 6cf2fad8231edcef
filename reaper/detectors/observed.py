"""What detectors look at: hours of usage with owners and costs beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

import polars as pl

from config.idle import IdleRule
from config.idle_parts import Scope
from config.patterns import regex_of
from domain.charge import INSTANT, MONEY
from domain.resource import ResourceId

COST_HOURS = pl.Schema(
    {
        "cluster": pl.String(),
        "hour": INSTANT,
        "node": pl.String(),
        "uid": pl.String(),
        "currency": pl.String(),
        "cost": MONEY,
        "cpu": pl.Float64(),
        "memory": pl.Float64(),
        "gpu": pl.Float64(),
    }
)
"""What pods cost by the hour, and what nobody claimed of a node (`uid` null).

`cpu`, `memory` and `gpu` are the parts of the cost that each pays for, 0 to 1; null where not known.
"""

_SUBJECTS = {"clusters": "cluster", "namespaces": "namespace", "workloads": "workload", "nodes": "node"}


Teams = Mapping[tuple[str, str], str | None]
"""Owning teams by cluster and what is in it; None is unallocated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was measured in a stretch of whole hours.

    Attributes:
        start, end: the hours that were asked for, `[start, end)`.
        devices: `DEVICE_HOURS`, one row per device, holder and hour.
        pods: `POD_HOURS`.
        costs: `COST_HOURS`; empty where no cost is known.
        teams: who owns a pod, by cluster and uid; what is missing is unallocated.
        node_teams: who pays for what nobody claims of a node, by cluster and name.
    """

    start: datetime
    end: datetime
    devices: pl.DataFrame
    pods: pl.DataFrame
    costs: pl.DataFrame
    teams: Teams = field(default_factory=lambda: MappingProxyType({}))
    node_teams: Teams = field(default_factory=lambda: MappingProxyType({}))

    def holders(self) -> pl.DataFrame:
        """Give every pod by cluster and uid: what it is called, what it belongs to, when it was seen."""
        return (
            self.pods.sort("hour")
            .group_by("cluster", "uid", maintain_order=True)
            .agg(
                pl.col("namespace", "pod", "node", "workload_kind", "workload").last(),
                pl.col("hour").min().alias("first_hour"),
                pl.col("hour").max().alias("last_hour"),
            )
        )


def in_scope(rule: IdleRule) -> pl.Expr:
    """Tell which rows with `cluster`, `namespace`, `workload` and `node` a rule is about."""
    wanted = _fits(rule.match)
    return wanted if rule.spare is None else wanted & ~_fits(rule.spare, empty=False)


def _fits(scope: Scope, *, empty: bool = True) -> pl.Expr:
    asked: Sequence[tuple[str, tuple[str, ...]]] = [
        (column, patterns)
        for name, column in _SUBJECTS.items()
        if (patterns := getattr(scope, name))  # nothing written is nothing asked
    ]
    if not asked:
        return pl.lit(empty)
    return pl.all_horizontal(
        *(
            pl.any_horizontal(*(pl.col(column).fill_null("").str.contains(regex_of(p)) for p in patterns))
            for column, patterns in asked
        )
    )


def pod_id(row: Mapping[str, object]) -> ResourceId:
    """Give the pod of a row with `cluster`, `namespace`, `pod` and `uid`."""
    return ResourceId(
        place=_text(row["cluster"]),
        kind="pod",
        namespace=_text(row["namespace"]),
        name=_text(row["pod"]),
        uid=_text(row["uid"]),
    )


def workload_id(row: Mapping[str, object]) -> ResourceId | None:
    """Give the top owner of a row's pod; None where the pod has none or it is not known."""
    kind, name = _text(row.get("workload_kind")), _text(row.get("workload"))
    if not name or not kind or kind.lower() == "pod":
        return None
    return ResourceId(
        place=_text(row["cluster"]), kind=kind.lower(), namespace=_text(row["namespace"]), name=name
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)
