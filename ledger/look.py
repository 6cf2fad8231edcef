"""A look at the state database that changes nothing: no file is made, no schema migrated."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from ledger.database import HEAD, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at the state database saw.

    Attributes:
        kind: `SQLite` or `PostgreSQL`.
        name: the database without credentials.
        version: migration its schema is at, "" if it holds none, None if there is no file yet.
        head: migration this version of costd works with.
        milliseconds: how long connecting and asking took.
        writable: False if it is a file that the user of this process may not change, or whose
            folder cannot take the files SQLite needs beside it.
    """

    kind: str
    name: str
    version: str | None
    head: str
    milliseconds: float
    writable: bool = True


def look(url: str) -> Looked:
    """Connect and read the schema's version.

    Raises:
        StorageError: the database cannot be reached or read.
    """
    database = Database(url)
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    file = Path(database.url.database or "") if database.is_sqlite else None
    if file is not None and not file.exists():
        return Looked(kind=kind, name=str(file), version=None, head=HEAD, milliseconds=0.0)
    began = time.monotonic()
    try:
        with database.connection(read=True) as connection:
            version = database.version(connection)
    finally:
        database.close()
    return Looked(
        kind=kind,
        name=database.name if file is None else str(file),
        version=version,
        head=HEAD,
        milliseconds=(time.monotonic() - began) * 1000,
        writable=file is None or (os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK)),
    )
