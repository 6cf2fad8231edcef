"""The audit log in the state database: rows are added, one after the other, and never changed.

The database itself refuses changes (triggers of migration 0004). Rows are added in the
transaction of the act they tell of, so that neither is there without the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, UniqueConstraint, insert, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from config.secrets import redact
from domain.audit import BEGIN, Act, Broken, Entry, Head, canonical, first_broken, hash_of
from domain.text import printable, shortened
from ledger.database import Database
from ledger.models import Base

LONGEST = 500
"""Characters kept of any one text."""

_ADVISORY = 0x617564  # "aud": under which PostgreSQL lets one writer add at a time
_BATCH = 1_000


class AuditRow(Base):
    """One row of the audit log."""

    __tablename__ = "audit"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    surface: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[str]
    previous: Mapped[str]
    hash: Mapped[str]

    __table_args__ = (UniqueConstraint("previous"),)


_TABLE = AuditRow.__table__
_COLUMNS = tuple(_TABLE.c)


class AuditLog:
    """The audit log of one state database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, act: Act, at: datetime) -> Entry:
        """Add what was done, in a transaction of its own."""
        with self._database.session() as session:
            return append(session, act, at)

    def entries(self, *, since: datetime | None = None, limit: int | None = None) -> list[Entry]:
        """List the newest rows, the newest first."""
        query = select(*_COLUMNS).order_by(_TABLE.c.seq.desc()).limit(limit)
        if since is not None:
            query = query.where(_TABLE.c.at >= since)
        with self._database.connection(read=True) as connection:
            return [Entry(**row) for row in connection.execute(query).mappings()]

    def head(self) -> Head:
        """Give the newest row's number and hash."""
        with self._database.connection(read=True) as connection:
            return head_of(connection)

    def verify(self, heads: Sequence[tuple[int, str]] = ()) -> tuple[Head, Broken | None]:
        """Recompute the whole chain; give where it ends, and the first row that does not fit."""
        query = select(*_COLUMNS).order_by(_TABLE.c.seq)
        with (
            self._database.connection(read=True) as connection,
            connection.execution_options(yield_per=_BATCH).execute(query) as result,
        ):
            return first_broken((Entry(**row) for row in result.mappings()), heads)


def append(session: Session, act: Act, at: datetime) -> Entry:
    """Add what was done to the chain, as part of the transaction in which it is done."""
    return append_on(session.connection(), act, at)


def append_on(connection: Connection, act: Act, at: datetime) -> Entry:
    """Add what was done to the chain; whoever else adds waits until this transaction ends."""
    if connection.dialect.name != "sqlite":  # SQLite's transactions are one at a time anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY})
    head = head_of(connection)
    made = Entry(
        seq=head.count + 1,
        at=at,
        actor=_safe(act.by.name),
        surface=act.by.surface.value,
        action=act.action,
        subject=_safe(act.subject),
        detail=canonical(
            {key: _safe(one) if isinstance(one, str) else one for key, one in act.detail.items()}
        ),
        previous=head.hash,
        hash="",
    )
    values = {column.name: getattr(made, column.name) for column in _COLUMNS} | {"hash": hash_of(made)}
    connection.execute(insert(AuditRow).values(**values))
    return Entry(**values)


def head_of(connection: Connection) -> Head:
    """Give the newest row's number and hash, as a transaction sees them."""
    newest = connection.execute(
        select(_TABLE.c.seq, _TABLE.c.hash).order_by(_TABLE.c.seq.desc()).limit(1)
    ).one_or_none()
    return Head(count=newest.seq, hash=newest.hash) if newest is not None else Head(count=0, hash=BEGIN)


def _safe(text: str) -> str:
    """Give text without secrets that are known, and without characters that steer."""
    return shortened(printable(redact(text)), LONGEST)
