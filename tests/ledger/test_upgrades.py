"""What earlier versions wrote still opens, and still says the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from upgrades import agrees, fill, fixture, revisions, tables, told

from domain.errors import StorageError
from ledger.database import HEAD, upgrade
from ledger.state import State


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.peer)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the URL of an empty database, of either kind."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path}/costd.db"
    return lambda: str(request.getfixturevalue("postgres_url"))


def test_the_newest_migration_is_the_head() -> None:
    assert revisions()[-1] == HEAD
    assert revisions() == [f"{number:04d}" for number in range(1, len(revisions()) + 1)]


@pytest.mark.parametrize("revision", revisions())
def test_state_of_every_earlier_schema_opens_and_says_the_same(revision: str, url: Callable[[], str]) -> None:
    state = State(url())
    with state.database.connection() as connection:
        upgrade(connection, revision)
        assert fill(connection, revision) == tables(connection), "every table needs rows"
        assert state.database.version(connection) == revision
    state.open()
    with state.database.connection() as connection:
        assert state.database.version(connection) == HEAD
    for earlier in [name for name in revisions() if name <= revision]:
        wanted, found = fixture(earlier)["told"], told(earlier, state)
        assert wanted, f"what {earlier} must tell is missing; it tells {found}"
        assert agrees(wanted, found), found
    state.close()


def test_a_row_that_a_migration_lost_would_be_noticed(tmp_path: Path) -> None:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    with state.database.connection() as connection:
        upgrade(connection, "0001")
        fill(connection, "0001")
        connection.execute(text("UPDATE delivery SET sums = '{}' WHERE id = '01B'"))
    state.open()
    assert not agrees(fixture("0001")["told"], told("0001", state))
    state.close()


def test_state_that_a_newer_costd_wrote_is_refused_and_left_alone(url: Callable[[], str]) -> None:
    state = State(url())
    state.open()
    with state.database.connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("CREATE TABLE of_the_future (x INTEGER)"))
    with pytest.raises(StorageError, match="written by a newer costd") as caught:
        state.open()
    assert "upgrade costd" in caught.value.hint
    with state.database.connection() as connection:
        assert "of_the_future" in tables(connection)
        assert state.database.version(connection) == "9999"
    state.close()
