"""Making the next thing while the last one is used."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

_END = object()


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Give the items in order, one made in advance by a thread; errors come when their turn comes.

    Decoding and normalising leave Python's lock alone, so that reading costs the ledger
    hardly any time where there is a second core.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading") as pool:
        made = pool.submit(next, items, _END)
        try:
            while (item := made.result()) is not _END:
                made = pool.submit(next, items, _END)
                yield item  # type: ignore[misc]  # mypy cannot tell that it is not the mark of the end
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(items, Generator):
                items.close()
