"""How much of a cluster is known: gaps are counted, and being late is not a gap."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from acme import Acme
from builders import a_charge
from door import NOW, site
from usage import rows

from daemon.status_listing import cluster_words
from daemon.usage_reach import ClusterReach, usage_reach
from domain.usage import UsageBatch

DAY = NOW.replace(hour=0) - timedelta(days=1)


def reach(folder: Path, nodes: list[dict[str, Any]], devices: list[dict[str, Any]]) -> ClusterReach:
    made = site(Acme(folder=folder).collected(a_charge(start="2026-06-10")))
    frames = {"node_hours": rows("node_hours", *nodes), "device_hours": rows("device_hours", *devices)}
    batch = UsageBatch(source="k8s", cluster="prod", start=DAY, end=DAY + timedelta(days=1), frames=frames)
    try:
        made.services.ledger.replace_usage(batch, seen_at=NOW)
        (one,) = usage_reach(made.services.ledger, NOW)
    finally:
        made.services.close()
    return one


def at(hour: int, **fields: Any) -> dict[str, Any]:
    return {"hour": DAY + timedelta(hours=hour), **fields}


def test_hours_in_between_that_nobody_told_are_gaps_and_those_to_come_are_not(tmp_path: Path) -> None:
    one = reach(tmp_path, [at(3), at(4), at(4, node="n2"), at(7)], [])
    assert (one.hours, one.of, one.nodes) == (3, 5, 1)
    assert one.through == DAY + timedelta(hours=8)


def test_gpus_are_measured_where_they_have_a_figure_in_the_newest_hour(tmp_path: Path) -> None:
    devices = [
        at(3, device="GPU-a", activity=0.5),
        at(3, device="GPU-b", activity=0.5),
        at(4, device="GPU-a", activity=0.0),
        at(4, device="GPU-a", activity=0.0, uid="u2"),
        at(4, device="GPU-b"),
    ]
    one = reach(tmp_path, [at(3, gpus=2.0), at(4, gpus=2.0)], devices)
    assert (one.gpus, one.measured) == (2, 1)


@pytest.mark.parametrize(
    ("gpus", "measured", "words"),
    [
        (0, 0, "4 of 5 hours, 2 nodes"),
        (3, 0, "4 of 5 hours, 2 nodes, 0 of 3 GPUs measured"),
        (3, 3, "4 of 5 hours, 2 nodes, 3 GPUs measured"),
    ],
)
def test_status_says_it_in_one_line(gpus: int, measured: int, words: str) -> None:
    one = ClusterReach(
        source="k8s", cluster="prod", through=NOW, hours=4, of=5, nodes=2, gpus=gpus, measured=measured
    )
    assert cluster_words(one) == words
