"""State databases as every earlier schema left them, and what they must still say.

`tests/data/state/<revision>.json` belongs to the migration of that name. It holds

- `rows`: rows of every table that the migration makes or changes, by table, as they lie in
  the database (instants as ISO text in UTC);
- `told`: what `READINGS[<revision>]` must give for them, in this version and every later one.

A migration without such a file fails `tests/ledger/test_upgrades.py`. To make one: write the
rows, add a reading, run the test, and check what it says it got before you paste it as `told`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, insert, inspect

from ledger.audit import AuditLog
from ledger.outbox import Outbox
from ledger.sessions import Sessions
from ledger.state import State
from ledger.tokens import Tokens

FOLDER = Path(__file__).parents[1] / "data" / "state"
NOW = datetime(2026, 7, 2, 7, tzinfo=UTC)
TOKEN = "costd_" + "k3v5q2xa" + "_" + "a" * 52  # its hash is in the rows of 0002
SESSION = "b" * 52

Told = dict[str, Any]


def revisions() -> list[str]:
    """Name every migration there is, oldest first."""
    from ledger.migrations import versions

    return sorted(file.name[:4] for file in Path(versions.__path__[0]).glob("[0-9]*.py"))


def fixture(revision: str) -> Told:
    """Give the rows of a revision and what must be told of them."""
    path = FOLDER / f"{revision}.json"
    assert path.exists(), f"migration {revision} needs rows in {path}: see {Path(__file__).name}"
    found: Told = json.loads(path.read_text(encoding="utf-8"))
    return found


def fill(connection: Connection, revision: str) -> set[str]:
    """Put the rows of a revision and those before it into a schema of that revision; name the tables."""
    rows: dict[str, list[Told]] = {}
    for one in [name for name in revisions() if name <= revision]:
        rows |= fixture(one)["rows"]
    schema = MetaData()
    schema.reflect(connection)
    for table in schema.sorted_tables:
        for row in rows.get(table.name, []):
            assert set(row) == set(table.c.keys()), f"{table.name} of {revision}: rows with every column"
            connection.execute(
                insert(table).values({name: _value(table.c[name].type, row[name]) for name in row})
            )
    return {name for name in rows if rows[name]}


def tables(connection: Connection) -> set[str]:
    """Name the tables there are."""
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def _value(kind: Any, value: Any) -> Any:
    if value is None or kind.__class__.__name__ not in {"DATETIME", "TIMESTAMP", "DateTime"}:
        return value
    moment = datetime.fromisoformat(value)
    return moment if getattr(kind, "timezone", False) else moment.replace(tzinfo=None)


def _plain(value: Any) -> Any:
    """Give a value as JSON has it."""
    return json.loads(json.dumps(value, default=str))


def _sources(state: State) -> Told:
    return {
        "sources": [asdict(one) for one in state.sources()],
        "periods": [asdict(one) for one in state.periods()],
        "attempts": [asdict(one) for one in state.attempts("aws", "2026-06")],
        "quarantine": [asdict(one) for one in state.quarantine()],
        "quarantined_files": [asdict(one) for one in state.quarantined_files()],
        "jobs": [asdict(one) for one in state.jobs()],
        "lease": asdict(lease) if (lease := state.held("collect:aws", NOW)) else None,
    }


def _access(state: State) -> Told:
    tokens, sessions = Tokens(state.database), Sessions(state.database)
    found, identity = tokens.find(TOKEN, NOW), sessions.session(SESSION, NOW)
    return {
        "tokens": [asdict(one) for one in tokens.list()],
        "found": found.name if found else None,
        "session": asdict(identity) if identity else None,
        "link": asdict(used) if (used := sessions.use_link("c" * 52, NOW)) else None,
        "key": sessions.key("csrf").hex(),
    }


def _messages(state: State) -> Told:
    return {"intents": [asdict(one) for one in Outbox(state.database).intents("digest", "C0123456")]}


def _audit(state: State) -> Told:
    log = AuditLog(state.database)
    first = sorted(log.entries(), key=lambda entry: entry.seq)[:1]
    _, broken = log.verify([(entry.seq, entry.hash) for entry in first])
    return {"first": [asdict(entry) for entry in first], "broken": broken}


def _own_costs(state: State) -> Told:
    from ledger.own_costs import OwnCosts

    costs = OwnCosts(lambda: state.database)
    at = datetime(2026, 7, 1, 12, tzinfo=UTC)
    return {
        "spent": [asdict(one) for one in costs.spent(since=at.date())],
        "left": costs.left("aws", "Cost Explorer", limit=50, now=at),
    }


READINGS: Mapping[str, Callable[[State], Told]] = {
    "0001": _sources,
    "0002": _access,
    "0003": _messages,
    "0004": _audit,
    "0005": _own_costs,
}
"""What each revision's rows are read back with: the public interface of the state."""


def told(revision: str, state: State) -> Told:
    """Read back what a revision brought."""
    assert revision in READINGS, f"migration {revision} needs a reading in {Path(__file__).name}"
    found: Told = _plain(READINGS[revision](state))
    return found


def agrees(wanted: Any, found: Any) -> bool:
    """Tell whether everything wanted is found; later versions may tell more."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and agrees(wanted[key], found[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(agrees, wanted, found))
    return bool(wanted == found)
