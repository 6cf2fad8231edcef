"""What is said of the ledger and of the state database, without changing either."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from acme import Acme
from builders import a_charge

from daemon.doctor.stores import state_probe
from domain.errors import StorageError
from domain.probe import Health
from ledger.look import Looked, look
from ledger.state import State

OK, WARN, FAIL = Health.OK, Health.WARN, Health.FAIL
HEAD = "0004"


def looked(version: str | None = HEAD, *, ms: float = 1.0, writable: bool = True, name: str = "db") -> Looked:
    return Looked(kind="SQLite", name=name, version=version, head=HEAD, milliseconds=ms, writable=writable)


@pytest.mark.parametrize(
    ("seen", "health", "says"),
    [
        (looked(), OK, ""),
        (looked(""), OK, ""),
        (looked("0001"), WARN, "not yet 0004"),
        (looked("0099"), FAIL, "newer than this costd"),
        (looked(ms=900), WARN, "slow"),
        (looked(writable=False), FAIL, "not written"),
    ],
)
def test_the_state_is_judged_by_schema_speed_and_permission(seen: Looked, health: Health, says: str) -> None:
    probe = state_probe(seen)
    assert (probe.health, says in probe.breaks) == (health, True)
    assert bool(probe.fix) is (health is not OK)


def test_a_state_that_is_not_made_yet_is_fine_where_it_can_be(tmp_path: Path) -> None:
    assert state_probe(looked(None, name=str(tmp_path / "var" / "costd.db"))).health is OK
    (tmp_path / "var").touch()
    assert state_probe(looked(None, name=str(tmp_path / "var" / "costd.db"))).health is FAIL


def test_looking_at_sqlite_makes_nothing(tmp_path: Path) -> None:
    assert look(f"sqlite:///{tmp_path}/new/costd.db").version is None
    assert list(tmp_path.iterdir()) == []


def test_looking_at_sqlite_migrates_nothing(tmp_path: Path) -> None:
    file = tmp_path / "costd.db"
    sqlite3.connect(file).close()
    file.touch()
    assert look(f"sqlite:///{file}").version == ""
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    state = State(f"sqlite:///{file}")
    state.open()
    state.close()
    seen = look(f"sqlite:///{file}")
    assert (seen.version, seen.writable) == (seen.head, True)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "costd.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        look(f"sqlite:///{tmp_path}/costd.db")


def test_looking_at_postgresql_asks_and_changes_nothing(postgres_url: str) -> None:
    seen = look(postgres_url)
    assert (seen.kind, seen.version, seen.milliseconds > 0) == ("PostgreSQL", "", True)
    assert look(postgres_url).version == ""


def test_a_damaged_period_is_named_with_its_command(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path).collected(a_charge(start="2026-06-10", hours=24))
    ok = acme.costd("doctor", "--output", "json").json
    assert [row["health"] for row in ok["rows"] if row["check"] == "ledger"] == ["ok"]
    (facts,) = (tmp_path / "var/ledger/charges").rglob("*.parquet")
    facts.write_bytes(facts.read_bytes()[:100])
    ran = acme.costd("doctor", "--output", "json")
    (damage,) = [row for row in ran.json["rows"] if row["check"] == "ledger" and row["health"] == "fail"]
    assert ran.status == 1
    assert "2026-06 of aws is damaged" in damage["breaks"]
    assert damage["fix"].startswith("run `costd collect aws`")


def test_a_ledger_that_cannot_be_written_fails(tmp_path: Path) -> None:
    acme = Acme(folder=tmp_path)
    (tmp_path / "taken").touch()
    acme.configure(more="ledger: {path: ./taken/ledger}\n")
    rows = acme.costd("doctor", "--output", "json").json["rows"]
    (row,) = [row for row in rows if row["check"] == "ledger"]
    assert (row["health"], "`ledger.path`" in row["fix"]) == ("fail", True)
