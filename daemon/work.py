"""Bounded work for requests: so many computations at once, so many waiting, the rest told to come back.

A report may use every core and gigabytes. A thousand readers who ask for the same page
share one computation; a thousand different questions do not all begin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any, TypeVar

from domain.errors import CostdError

Result = TypeVar("Result")

PATIENCE_SECONDS = 60.0
"""How long a request waits for its answer; the computation goes on for the next who asks."""


class BusyError(CostdError):
    """More is asked for than can be computed now."""

    code = "busy"


class Work:
    """A small pool of threads with a bounded queue.

    Args:
        at_once: computations that run at the same time.
        waiting: further ones that may wait for their turn.
        patience: seconds a request waits for its answer.
    """

    def __init__(self, *, at_once: int, waiting: int, patience: float = PATIENCE_SECONDS) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="report")
        self._most = at_once + waiting
        self._patience = patience
        self._lock = Lock()
        self._running: dict[Hashable, Future[Any]] = {}

    @property
    def depth(self) -> int:
        """Count what runs and waits."""
        return len(self._running)

    async def run(
        self, key: Hashable, make: Callable[[], Result], *, patience: float | None = None
    ) -> Result:
        """Give what `make` gives, computed in a thread; who asks for the same key meanwhile shares it.

        Args:
            key: what is asked for.
            make: computes it.
            patience: seconds to wait for it, where they differ from those of every request.

        Raises:
            BusyError: the queue is full, or it took longer than a request waits.
        """
        shared: asyncio.Future[Result] = asyncio.wrap_future(self._begin(key, make))
        try:
            # Shielded: others may wait for the same, and whoever asks next finds it begun.
            return await asyncio.wait_for(
                asyncio.shield(shared), self._patience if patience is None else patience
            )
        except asyncio.CancelledError:
            if not shared.cancelled():
                raise  # it is the request that was given up, not the computation
            raise _stopping() from None
        except TimeoutError:
            raise BusyError(
                "the answer takes longer than a request waits",
                hint="ask again in a moment: it is still being computed; a shorter window is quicker",
            ) from None

    def close(self) -> None:
        """Begin nothing more; what waits is given up."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, key: Hashable, make: Callable[[], Result]) -> Future[Result]:
        with self._lock:
            found = self._running.get(key)
            if found is not None:
                return found
            if len(self._running) >= self._most:
                raise BusyError(
                    f"{len(self._running)} reports are being computed or wait already",
                    hint="ask again in a few seconds",
                )
            future = self._pool.submit(_contained, make)
            self._running[key] = future
        future.add_done_callback(partial(self._end, key))
        return future

    def _end(self, key: Hashable, _future: Future[Any]) -> None:
        with self._lock:
            self._running.pop(key, None)


def _contained(make: Callable[[], Result]) -> Result:
    """Compute, and turn into errors of a request what would otherwise go through the whole server.

    Raises:
        BusyError: costd was told to stop meanwhile; polars notices Ctrl-C in whatever thread computes.
    """
    try:
        return make()
    except Exception:
        raise
    except KeyboardInterrupt:
        raise _stopping() from None
    except BaseException as panic:
        raise RuntimeError(f"a library gave up: {panic}") from panic


def _stopping() -> BusyError:
    return BusyError("costd is stopping", hint="ask again when it runs")
