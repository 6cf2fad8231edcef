"""Connections to the state database, and its migrations.

SQLite runs in write-ahead mode with immediate transactions, so that daemon and CLI work
side by side and no transaction has to be retried half way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from domain.errors import StorageError

HEAD = "0005"
"""Newest migration; a test compares it with the folder."""

BUSY_MS = 15_000
_CONNECT_SECONDS = 10
"""How long a server may take to answer at all; libpq itself would wait for ever."""

_READ = "costd_read"
_ADVISORY = 0x636F737464  # "costd": the key under which PostgreSQL lets one process migrate


class Database:
    """One state database: its engine, its sessions, its schema."""

    def __init__(self, url: str) -> None:
        self.url = _with_driver(make_url(url))
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine: Engine | None = None

    @property
    def name(self) -> str:
        """Name the database without credentials."""
        return self.url.render_as_string(hide_password=True)

    @property
    def engine(self) -> Engine:
        """Give the engine, made at first use.

        Raises:
            StorageError: the driver is not installed, or the folder cannot be made.
        """
        if self._engine is None:
            self._engine = self._connectable()
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def session(self, *, read: bool = False) -> Iterator[Session]:
        """Run one transaction; it is durable once the block ended without an error.

        One that only reads waits for no writer.

        Raises:
            StorageError: the database cannot be reached, read or written.
        """
        try:
            engine = self.engine.execution_options(**{_READ: read})
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            raise self._failed("use", error) from error

    @contextmanager
    def connection(self, *, read: bool = False) -> Iterator[Connection]:
        """Run one transaction below the models; one that only reads sees a single instant.

        Raises:
            StorageError: the database cannot be reached, read or written.
        """
        options: dict[str, Any] = {_READ: read}
        if read and not self.is_sqlite:
            options["isolation_level"] = "REPEATABLE READ"
        try:
            with self.engine.execution_options(**options).begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise self._failed("use", error) from error

    def migrate(self) -> None:
        """Bring the schema to `HEAD`, one process at a time.

        Raises:
            StorageError: the database cannot be reached, or a newer costd wrote it.
        """
        with self.connection() as connection:
            if self.version(connection) == HEAD:
                return
        with self.connection() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY})
            if self.version(connection) != HEAD:
                upgrade(connection)

    def version(self, connection: Connection) -> str:
        """Name the migration that the schema is at, "" for an empty database."""
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""

    def _connectable(self) -> Engine:
        if not self.is_sqlite:
            try:
                # Pinged, so that a server that was restarted is met by new connections at once.
                return create_engine(
                    self.url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_SECONDS}
                )
            except ModuleNotFoundError as error:
                raise StorageError(
                    f"the driver for {self.name} is not installed", hint="pip install 'costd[postgres]'"
                ) from error
        if self.url.database and self.url.database != ":memory:":
            folder = Path(self.url.database).parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(
                    f"cannot make the folder {folder} of the state database: {error.strerror or error}",
                    hint="check `state.url`, and that the user who runs costd may write there",
                ) from error
        engine = create_engine(self.url, connect_args={"timeout": BUSY_MS / 1000})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin)
        return engine

    def _failed(self, verb: str, error: SQLAlchemyError) -> StorageError:
        cause = getattr(error, "orig", None) or error
        return StorageError(
            f"cannot {verb} the state database {self.name}: {str(cause).strip()}",
            hint="check `state.url`, that its folder or server can be reached, and that the disk is not full",
        )


def _with_driver(url: URL) -> URL:
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy's own begin is replaced below: sqlite3 must not open transactions by itself.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def upgrade(connection: Connection, version: str = HEAD) -> None:
    """Run the migrations up to a version, in the transaction of the connection.

    Raises:
        StorageError: a newer costd made the schema, or the version.
    """
    # Alembic takes 100 ms to load, so only a database that needs it pays.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, version)
    except CommandError as error:
        raise StorageError(
            f"the state database was written by a newer costd ({error})",
            hint="upgrade costd, or restore a backup of this version",
        ) from error
