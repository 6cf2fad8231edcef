"""Storage that fails, told in the words of whoever has to repair it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from domain.errors import ConflictError, StorageError


@contextmanager
def storage_errors(verb: str, uri: str) -> Iterator[None]:
    """Translate what delta-rs, polars and the system say while a table is read or written.

    Raises:
        ConflictError: a concurrent commit excludes ours.
        StorageError: the table cannot be reached, read or written.
    """
    from deltalake.exceptions import CommitFailedError, DeltaError

    try:
        yield
    except CommitFailedError as error:
        raise ConflictError(f"somebody else wrote to {uri} meanwhile: {error}") from error
    except (DeltaError, OSError) as error:
        raise _failed(verb, uri, error) from error
    except pl.exceptions.PolarsError as error:
        # polars tells a failing disk as an error of computing, with the system's words in it.
        if "os error" not in str(error) and "object store" not in str(error).lower():
            raise
        raise _failed(verb, uri, error) from error


def _failed(verb: str, uri: str, error: Exception) -> StorageError:
    text = str(error)
    if getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in text:
        return StorageError(
            f"the disk under {uri} is full; the ledger still has what it had",
            hint="free some space there and collect again",
        )
    return StorageError(
        f"cannot {verb} the ledger table {uri}: {text}",
        hint="check that `ledger.path` can be reached and written; `costd doctor` looks at both",
    )
