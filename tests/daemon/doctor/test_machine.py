"""What is looked at on the machine itself: its clock, its zones, its disks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.doctor.check import Finding
from daemon.doctor.machine import (
    LITTLE_BYTES,
    NO_BYTES,
    clock_probe,
    disk_probes,
    heartbeat_probe,
    may_write,
    skew,
    zone_probe,
)
from domain.probe import Health, Probe

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OK, WARN, FAIL = Health.OK, Health.WARN, Health.FAIL


def told(at: datetime | None, area: str = "source aws") -> Finding:
    probe = Probe(subject="listing", health=OK, server_time=at)
    return Finding(area=area, probe=probe, began=NOW, ended=NOW + 2 * SECOND)


@pytest.mark.parametrize(
    ("server", "ours"),
    [
        (0, 0),
        (2, 0),
        (-1, 0),
        (-4, 3),
        (5, -3),
    ],
)
def test_only_what_the_time_of_asking_cannot_explain_is_skew(server: int, ours: int) -> None:
    found = skew(NOW + server * SECOND, NOW, NOW + 2 * SECOND)
    assert found == ours * SECOND


@pytest.mark.parametrize(
    ("off", "health", "says"),
    [
        (timedelta(0), OK, ""),
        (timedelta(seconds=30), OK, ""),
        (timedelta(seconds=40), WARN, "s behind source aws"),
        (timedelta(seconds=-40), WARN, "s ahead of source aws"),
        (timedelta(minutes=16), FAIL, "s behind source aws"),
        (timedelta(minutes=-16), FAIL, "s ahead of source aws"),
    ],
)
def test_the_clock_is_compared_with_what_servers_told(off: timedelta, health: Health, says: str) -> None:
    probe = clock_probe([told(NOW + off), told(None)], NOW)
    assert probe.health is health
    assert says in probe.breaks
    assert bool(probe.fix) is (health is not OK)


def test_the_worst_of_several_servers_counts() -> None:
    assert clock_probe([told(NOW), told(NOW - timedelta(hours=1), "slack")], NOW).health is FAIL


def test_where_nothing_told_its_time_that_is_said() -> None:
    probe = clock_probe([told(None)], NOW)
    assert (probe.health, "nothing that was asked told its own time" in probe.subject) == (OK, True)


def test_a_machine_without_time_zones_fails() -> None:
    assert zone_probe().health is OK
    probe = zone_probe(set)
    assert (probe.health, "tzdata" in probe.fix) == (FAIL, True)


@pytest.mark.parametrize(
    ("free", "health"),
    [(LITTLE_BYTES, OK), (LITTLE_BYTES - 1, WARN), (NO_BYTES, WARN), (NO_BYTES - 1, FAIL), (0, FAIL)],
)
def test_a_disk_that_fills_up_is_said_with_the_setting_that_moves(
    tmp_path: Path, free: int, health: Health
) -> None:
    folders = [("ledger.path", tmp_path / "not/made/yet"), ("state.url", tmp_path)]
    (probe,) = disk_probes(folders, lambda _: free)  # one disk, said once
    assert probe.health is health
    assert ("`ledger.path`" in probe.fix) is (health is not OK)


@pytest.mark.parametrize(
    ("url", "health"),
    [
        ("https://hc.example/abc", OK),
        ("http://127.0.0.1:8000/abc", OK),
        ("http://hc.example/abc", WARN),
        ("ftp://hc.example/abc", FAIL),
        ("hc.example/abc", FAIL),
        ("https://[abc", FAIL),
        ("", FAIL),
    ],
)
def test_of_the_heartbeat_only_the_form_is_judged_and_nothing_shown(url: str, health: Health) -> None:
    probe = heartbeat_probe("${env:BEAT}", url)
    assert probe.health is health
    assert "abc" not in repr(probe)
    assert bool(probe.breaks and probe.fix) is (health is not OK)


def test_a_folder_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert may_write(tmp_path / "new" / "folder")
    assert not may_write(tmp_path / "file")
