"""Whoever collects maintains the ledger once a day; damage is told at the start."""

from __future__ import annotations

from pathlib import Path

import pytest
from acme import Acme
from builders import a_charge


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    acme = Acme(folder=tmp_path)
    acme.configure("aws")
    return acme


def bill(acme: Acme, cost: str) -> None:
    acme.bill("aws", a_charge(BilledCost=cost, EffectiveCost=cost))


def runs(acme: Acme) -> int:
    from ledger.state import State

    (database,) = acme.folder.rglob("*.db")
    state = State(f"sqlite:///{database}")
    found = [job.runs for job in state.jobs() if job.name == "maintain"]
    state.close()
    return found[0] if found else 0


def test_a_collection_maintains_the_ledger_once_a_day(acme: Acme) -> None:
    for day, expected in ((12, 1), (12, 1), (13, 2), (14, 3)):
        bill(acme, f"1.{day}")
        assert acme.costd("collect", now=f"2026-06-{day}T06:00Z").status == 0
        assert runs(acme) == expected


def test_damage_is_told_and_the_next_collection_repairs_it(acme: Acme) -> None:
    bill(acme, "1")
    acme.costd("collect", now="2026-06-12T06:00Z")
    (file,) = (path for path in acme.folder.rglob("*.parquet") if "/charges/source=" in str(path))
    file.unlink()
    damaged = acme.costd("status", now="2026-06-12T06:00Z")
    assert (damaged.status, damaged.out) == (1, "")
    assert "2026-06 of aws is damaged: 1 of its files are missing" in damaged.err
    assert acme.costd("collect", now="2026-06-12T07:00Z").status == 0
    assert "damaged" not in acme.costd("status", now="2026-06-12T07:00Z").err


def test_a_backup_is_made_and_brought_back(acme: Acme, tmp_path: Path) -> None:
    bill(acme, "1.5")
    acme.costd("collect", now="2026-06-12T06:00Z")
    before = acme.costd("report", "--by", "source", "--output", "json", now="2026-06-12T06:00Z").out
    made = acme.costd("backup", str(tmp_path / "costd.tar"), now="2026-06-12T06:00Z")
    assert made.status == 0
    assert "1 deliveries" in made.out
    assert f"costd restore {tmp_path}/costd.tar" in made.out
    assert acme.costd("backup", str(tmp_path / "costd.tar"), now="2026-06-12T06:00Z").status == 2
    refused = acme.costd("restore", str(tmp_path / "costd.tar"), now="2026-06-12T06:00Z")
    assert refused.status == 2
    assert "--force" in refused.err
    done = acme.costd("restore", str(tmp_path / "costd.tar"), "--force", now="2026-06-12T06:00Z")
    assert done.status == 0
    assert "1 billing periods with 1 charges add up to what was committed" in done.out
    assert "before-restore-20260612T060000Z" in done.out
    assert acme.costd("report", "--by", "source", "--output", "json", now="2026-06-12T06:00Z").out == before
