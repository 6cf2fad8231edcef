"""The hours of GPUs as lines, and which finding each belongs to."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from acme import Acme
from builders import a_charge
from door import NOW, site
from idle_company import idle_finding, pod
from usage import rows

from daemon import sparks
from daemon.activity import Activity, activity_of, whole_hour
from domain.resource import ResourceId
from domain.usage import UsageBatch

END = datetime(2026, 6, 20, 6, tzinfo=NOW.tzinfo)
LAST = END - timedelta(hours=1)


def read(folder: Path, devices: list[dict[str, Any]], pods: list[dict[str, Any]] | None = None) -> Activity:
    made = site(Acme(folder=folder).collected(a_charge(start="2026-06-10")))
    day = LAST.replace(hour=0)
    frames: dict[str, pl.DataFrame] = {"device_hours": rows("device_hours", *devices)}
    if pods:
        frames["pod_hours"] = rows("pod_hours", *pods)
    batch = UsageBatch(source="k8s", cluster="prod", start=day, end=day + timedelta(days=1), frames=frames)
    try:
        made.services.ledger.replace_usage(batch, seen_at=NOW)
        return activity_of(made.services.ledger, END)
    finally:
        made.services.close()


def test_a_device_shared_by_several_has_its_figures_once(tmp_path: Path) -> None:
    shared = {"hour": LAST, "device": "GPU-a", "activity": 0.4, "activity_max": 0.9}
    found = read(tmp_path, [{**shared, "uid": "u1"}, {**shared, "uid": "u2"}])
    (line,) = found.lines.values()
    assert (line.average[-1], line.highest[-1]) == (0.4, 0.9)
    assert line.measured == 1
    for uid in ("u1", "u2"):
        assert found.of(idle_finding(resource=pod("p", uid))) == (line,)


def test_instances_of_one_device_are_lines_of_their_own(tmp_path: Path) -> None:
    part = {"hour": LAST, "device": "GPU-a", "profile": "3g.40gb", "model": "H100", "activity": 0.1}
    found = read(tmp_path, [{**part, "instance": "1", "uid": "u1"}, {**part, "instance": "2", "uid": "u2"}])
    assert len(found.lines) == 2
    (line,) = found.of(idle_finding(resource=pod("p", "u2")))
    assert line.name == "H100 3g.40gb"


def test_not_measured_is_a_gap_and_not_rest(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [{"hour": LAST - timedelta(hours=1), "uid": "u1"}, {"hour": LAST, "uid": "u1", "activity": 0.0}],
    )
    (line,) = found.lines.values()
    assert line.highest[-2:] == (None, 0.0)
    assert (line.measured, line.most) == (1, 0.0)


def test_a_node_has_the_devices_that_nobody_holds_now(tmp_path: Path) -> None:
    before = LAST - timedelta(hours=1)
    found = read(
        tmp_path,
        [
            {"hour": before, "device": "GPU-a", "uid": None, "activity": 0.0},
            {"hour": LAST, "device": "GPU-a", "uid": "u1", "activity": 0.5},
            {"hour": LAST, "device": "GPU-b", "uid": None, "activity": 0.0},
        ],
    )
    node = ResourceId(place="prod", kind="node", namespace="", name="n1")
    assert [line.device for line in found.of(idle_finding(resource=node))] == ["GPU-b"]


def test_a_workload_has_the_devices_of_its_pods(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [{"hour": LAST, "device": "GPU-a", "uid": "u1", "activity": 0.5}],
        [{"hour": LAST, "uid": "u1", "namespace": "shop", "workload_kind": "Deployment", "workload": "web"}],
    )
    workload = ResourceId(place="prod", kind="deployment", namespace="shop", name="web")
    assert [line.device for line in found.of(idle_finding(resource=workload))] == ["GPU-a"]
    assert found.of(idle_finding(resource=ResourceId(place="x", kind="pod", namespace="", name="y"))) == ()


@pytest.mark.parametrize("minute", [0, 1, 59])
def test_the_last_whole_hour_ends_before_now(minute: int) -> None:
    assert whole_hour(END + timedelta(minutes=minute)) == END


def test_a_strip_draws_columns_and_leaves_gaps() -> None:
    drawn = sparks.strip([0.5, None, 0.0], [1.0, None, 0.0], 'a "quoted" title', height=12)
    assert 'aria-label="a &quot;quoted&quot; title"' in drawn
    assert '<path class="most" d="M0 10V0H1V10"/>' in drawn
    assert '<path class="mean" d="M0 10V5H1V10"/>' in drawn
    assert '<path class="measured" d="M0 11H1M2 11H3"/>' in drawn


def test_a_strip_of_nothing_is_empty() -> None:
    drawn = sparks.strip([None] * 30, [None] * 30, "nothing")
    assert '<path class="measured" d=""/>' in drawn
    assert drawn.count('class="day"') == 1
