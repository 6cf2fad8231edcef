"""A small memory of answers: the ones used last, and no more than fit."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Recent(Generic[Kept]):
    """The answers used last, up to a total size; safe to use from every thread.

    Args:
        most: total size kept, in whatever unit `keep` is told; a single answer larger than a
            quarter of it is not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._size = 0
        self._kept: OrderedDict[Hashable, tuple[Kept, int]] = OrderedDict()

    @property
    def size(self) -> int:
        """Give the total size of what is kept."""
        return self._size

    def find(self, key: Hashable) -> Kept | None:
        """Give what is kept under a key, and keep it longer."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key: Hashable, value: Kept, size: int) -> None:
        """Keep a value; the ones not used for longest give way."""
        if size * 4 > self._most:
            return
        with self._lock:
            _, before = self._kept.pop(key, (None, 0))
            self._kept[key] = (value, size)
            self._size += size - before
            while self._size > self._most:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._size -= dropped
