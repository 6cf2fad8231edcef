"""What commits to a table say about themselves: read once, later only what was added since."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING, Any

from domain.errors import StorageError
from ledger.commit import METADATA

if TYPE_CHECKING:
    from ledger.store import Table

FORMAT = 1
"""Version of the texts; a reader refuses a newer one."""


_FEW = 64
"""Commits looked at first; mostly the one that is wanted is among them."""


def told(**fields: Any) -> str:
    """Give the text that a commit carries."""
    return json.dumps({"format": FORMAT, **fields}, sort_keys=True)


class Logbook:
    """The newest text per key; threads may share it."""

    def __init__(self, table: Table, *key: str) -> None:
        """Take the names of the fields that are the key."""
        self._table = table
        self._key = key
        self._lock = Lock()
        self._newest: dict[tuple[str, ...], dict[str, Any]] = {}
        self._read_to = -1

    def newest(self) -> dict[tuple[str, ...], dict[str, Any]]:
        """Give by key what the newest commit with that key says.

        Raises:
            StorageError: the log cannot be read, or a newer costd wrote it.
        """
        opened = self._table.open()
        if opened is None:
            return {}
        version = int(opened.version())
        with self._lock:
            if version > self._read_to:
                for commit in reversed(self._table.log(opened, version - self._read_to)):
                    self._take(json.loads(commit.get(METADATA) or "{}"))
                self._read_to = version
            return dict(self._newest)

    def latest(self, *key: str) -> dict[str, Any] | None:
        """Give what the newest commit with a key says; of a long log only the end is read.

        Raises:
            StorageError: the log cannot be read, or a newer costd wrote it.
        """
        opened = self._table.open()
        limit, commits = _FEW, 0 if opened is None else int(opened.version()) + 1
        while opened is not None:
            for commit in self._table.log(opened, limit):
                text = self._checked(json.loads(commit.get(METADATA) or "{}"))
                if text and tuple(str(text[name]) for name in self._key) == key:
                    return text
            if limit >= commits:
                break
            limit *= _FEW
        return None

    def _checked(self, text: dict[str, Any]) -> dict[str, Any]:
        if text and text["format"] > FORMAT:
            raise StorageError(
                f"{self._table.uri} was written by a newer costd", hint="upgrade costd on this machine"
            )
        return text

    def _take(self, text: dict[str, Any]) -> None:
        if self._checked(text):
            key = tuple(str(text[name]) for name in self._key)
            self._newest[key] = text
