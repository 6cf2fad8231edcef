"""A throwaway PostgreSQL over a unix socket: no port, no password, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FAST = "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server and where its socket lies; it runs until it is stopped."""

    folder: str
    control: Callable[..., None]

    def url(self, database: str = "postgres") -> str:
        """Give the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://costd@/{database}?host={self.folder}"

    def stop(self) -> None:
        """Stop it whoever is connected, as upgrades do; nothing is synced here, so not harder."""
        self.control("pg_ctl", "-w", "-m", "fast", "stop")

    def start(self) -> None:
        """Start it."""
        self.control("pg_ctl", "-w", "-l", f"{self.folder}/log", "-o", f"-k {self.folder} {_FAST}", "start")

    def database(self) -> str:
        """Make an empty database that no other test has and give its URL."""
        import psycopg

        name = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(
            host=self.folder, user="costd", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)


def binaries() -> Path | None:
    """Give the folder of `initdb` and `pg_ctl`, None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


@contextmanager
def serving(programs: Path) -> Iterator[PostgresServer]:
    """Run a server until the block ends. PostgreSQL refuses root, so root runs it as nobody."""
    with tempfile.TemporaryDirectory(prefix="costd-pg-", ignore_cleanup_errors=True) as folder:
        owner = "nobody" if os.geteuid() == 0 else None
        if owner:
            os.chown(folder, pwd.getpwnam(owner).pw_uid, -1)

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [str(programs / program), "-D", f"{folder}/data", *arguments],
                user=owner,
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

        run("initdb", "-U", "costd", "-A", "trust", "-E", "UTF8", "--no-sync")
        server = PostgresServer(folder=folder, control=run)
        server.start()
        try:
            yield server
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
