"""Storage that fails, told in the words of whoever has to repair it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from domain.errors import ConflictError, StorageError
from domain.text import shortened

_LONGEST = 400
_PAINT = re.compile(r"\x1b\[[0-9;]*m|\u21b3")
_S3_ANSWER = re.compile(r"(?:<\?xml[^>]*\?>\s*)?<Error>(?P<inside>.*?)</Error>", re.DOTALL)


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
        raise ConflictError(f"somebody else wrote to {uri} meanwhile: {_in_one_line(str(error))}") from error
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
        f"cannot {verb} the ledger table {uri}: {_in_one_line(text)}",
        hint="check that `ledger.path` can be reached and written; `costd doctor` looks at both",
    )


def _in_one_line(text: str) -> str:
    """Give what a library says without its colours, its tree and the XML of an object store."""

    def said(answer: re.Match[str]) -> str:
        found = (re.search(f"<{name}>(.*?)</{name}>", answer["inside"]) for name in ("Code", "Message"))
        return ": ".join(one[1] for one in found if one)

    lines = _S3_ANSWER.sub(said, _PAINT.sub("", text)).splitlines()
    return shortened("; ".join(line.strip() for line in lines if line.strip()), _LONGEST)
