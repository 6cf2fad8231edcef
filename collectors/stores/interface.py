"""What a place of files is: it lists, it opens, and it notices change."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader
from typing import Protocol

from collectors.interface import Probe
from domain.errors import SourceError


class ChangedError(SourceError):
    """A file is no longer what it was when it was listed; reading it again may succeed."""

    code = "file_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file as a listing shows it.

    Attributes:
        key: path below the root of its store, with `/` between its parts; hostile text.
        size: bytes, as stored.
        stamp: differs whenever the content may differ; made from what a listing shows.
        modified: when it was written last (UTC).
    """

    key: str
    size: int
    stamp: str
    modified: datetime


class Store(Protocol):
    """One configured folder or bucket prefix; nothing outside it is ever read."""

    @property
    def root(self) -> str:
        """Give the root as the user wrote it, safe to show."""
        ...

    def path_of(self, key: str) -> str:
        """Give the full path of a file, safe to show."""
        ...

    def files(self) -> list[Stored]:
        """List every file below the root, sorted by key.

        Raises:
            SourceError: the listing failed or is incomplete.
        """
        ...

    def again(self, key: str) -> Stored | None:
        """Look at one file anew; None if it is gone.

        Raises:
            SourceError: it could not be looked at.
        """
        ...

    def opened(self, file: Stored) -> AbstractContextManager[BufferedReader]:
        """Open a file for random reading.

        Raises:
            ChangedError: when opened or closed, it is not (any more) what the listing showed.
            SourceError: it cannot be read.
            StorageError: there is no room for a copy of it.
        """
        ...

    def done(self, file: Stored) -> None:
        """Take note that a file was read for good; copies of it may go."""
        ...

    def tag_of(self, file: Stored, handle: BufferedReader) -> str:
        """Give what proves the content unchanged: a content hash, or the store's own ETag."""
        ...

    def probe(self) -> list[Probe]:
        """Look, read-only, whether listing and reading are allowed."""
        ...
