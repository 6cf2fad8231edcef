"""The state database as lines of JSON, the same for SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import IO, Any

from sqlalchemy import (
    Connection,
    DateTime,
    Integer,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)

from domain.audit import Act
from ledger import access_models as _access_models
from ledger import audit
from ledger.database import HEAD, Database, upgrade
from ledger.models import Base, LeaseRow

LEFT_OUT = frozenset({"session", "sign_in_link", "secret"})
"""What lets somebody in or signs for us never leaves the database: people sign in again."""

_BATCH = 1_000
_TABLES = (_access_models.TokenRow, audit.AuditRow)  # imported, so that their tables are among the others


def dump(database: Database) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Give every table with its rows as lines, all as of one instant."""
    with database.connection(read=True) as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in LEFT_OUT:
                yield table.name, _lines(connection, table)


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    query = select(table).order_by(*table.primary_key)  # the audit log only takes rows in order
    rows = connection.execution_options(yield_per=_BATCH).execute(query).mappings()
    for row in rows:
        yield json.dumps(dict(row), default=_plain, ensure_ascii=True).encode() + b"\n"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"no way to write {type(value).__name__} to a backup")


def is_empty(database: Database) -> bool:
    """Tell whether the state database knows no source yet."""
    with database.connection(read=True) as connection:
        return not database.version(connection) or not connection.scalar(text("SELECT count(*) FROM source"))


def held_leases(database: Database, now: datetime) -> list[str]:
    """Say who holds which lease at the moment."""
    with database.connection(read=True) as connection:
        if not inspect(connection).has_table("lease"):
            return []
        query = select(LeaseRow.name, LeaseRow.holder).where(LeaseRow.expires_at > now)
        return [f"{name} by {holder}" for name, holder in connection.execute(query)]


def load(
    database: Database, version: str, tables: Mapping[str, IO[bytes]], now: datetime, restored: Act
) -> int:
    """Make the database hold exactly these rows, brought up to date; give their number.

    The rows go into the schema that they were dumped from, which is then migrated. Its audit
    log goes on with `restored` and with the head of the log that was there before.
    """
    with database.connection() as connection:
        before = audit.head_of(connection) if inspect(connection).has_table("audit") else ""
        _drop_everything(connection)
        upgrade(connection, version)
        schema = MetaData()
        schema.reflect(connection)
        count = 0
        for table in schema.sorted_tables:
            if table.name in tables:
                count += _insert(connection, table, tables[table.name])
        upgrade(connection, HEAD)
        # Whoever held a lease when the backup was made does not hold it now.
        connection.execute(update(LeaseRow).values(expires_at=now, epoch=LeaseRow.epoch + 1))
        detail = {**restored.detail, "before": str(before), "rows": count}
        audit.append_on(connection, replace(restored, detail=detail), now)
    return count


def _drop_everything(connection: Connection) -> None:
    present = MetaData()
    present.reflect(connection)
    present.drop_all(connection)


def _insert(connection: Connection, table: Table, lines: IO[bytes]) -> int:
    count = 0
    batch: list[dict[str, Any]] = []
    times = [column.name for column in table.columns if isinstance(column.type, DateTime)]
    zoned = connection.dialect.name != "sqlite"
    for line in lines:
        row = json.loads(line)
        for name in times:
            if row.get(name) is not None:
                moment = datetime.fromisoformat(row[name]).astimezone(UTC)
                row[name] = moment if zoned else moment.replace(tzinfo=None)
        batch.append(row)
        if len(batch) == _BATCH:
            connection.execute(insert(table), batch)
            count += len(batch)
            batch.clear()
    if batch:
        connection.execute(insert(table), batch)
        count += len(batch)
    if zoned and "id" in table.columns and isinstance(table.columns["id"].type, Integer):
        newest = select(func.coalesce(func.max(table.columns["id"]), 0) + 1).scalar_subquery()
        connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), newest, False)))
    return count
