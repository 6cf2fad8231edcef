"""A state database of every earlier version comes up to date with all it holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

import ledger
from domain.audit import PROGRAM, Act
from domain.errors import StorageError
from ledger.audit import AuditLog
from ledger.database import HEAD, upgrade
from ledger.state import State

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
ROWS = (
    "INSERT INTO source (name, type, freshness, reason, notes) VALUES ('aws', '', 'fresh', '', '[]')",
    "INSERT INTO lease (name, holder, epoch, expires_at) VALUES ('daemon', 'old', 7, '2026-11-01')",
)
FOLDER = Path(ledger.__file__).parent / "migrations"


def versions() -> list[str]:
    """Name every schema there ever was, the oldest first."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config).walk_revisions()
    return [script.revision for script in scripts][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/costd.db" if is_sqlite else request.getfixturevalue("postgres_url")
    state = State(url)
    yield state
    state.close()


def test_the_newest_is_the_one_that_the_program_asks_for() -> None:
    assert versions()[-1] == HEAD


@pytest.mark.parametrize("version", versions())
def test_a_database_of_an_earlier_version_keeps_its_rows_and_takes_new_ones(
    state: State, version: str
) -> None:
    with state.database.connection() as connection:
        upgrade(connection, version)
        for statement in ROWS:
            connection.execute(text(statement))
    state.open()
    state.open()
    with state.database.connection() as connection:
        assert state.database.version(connection) == HEAD
    assert [source.name for source in state.sources()] == ["aws"]
    assert state.lease("daemon", "new", NOW - NOW, NOW).epoch == 8
    log = AuditLog(state.database)
    log.append(Act(by=PROGRAM, action="a", subject="b", detail={}), NOW)
    assert [entry.action for entry in log.entries()] == ["a", "leader.changed"]
    assert log.verify()[1] is None
    with pytest.raises(StorageError, match="append-only"), state.database.connection() as connection:
        connection.execute(text("UPDATE audit SET actor = 'x'"))
