"""What a collector is: its settings, a probe, and a fetch that knows no database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from io import BufferedReader
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from domain.delivery import Cursor, Fetch
from domain.ports import Progress
from domain.probe import Health, Probe

if TYPE_CHECKING:
    import polars as pl

    from domain.usage import UsageFetch

__all__ = [
    "Collector",
    "Exporting",
    "Health",
    "Original",
    "PriceFeed",
    "Priced",
    "Probe",
    "UsageCollector",
]


class Collector(Protocol):
    """One configured source of charges.

    A class `XCollector` in `collectors/x.py` also has `Settings` (a pydantic model with
    `type`, `name`, `every` from `config.settings.SourceEnvelope`) as a class attribute and
    is built by `daemon/assemble.py`.
    """

    name: str

    def probe(self) -> list[Probe]:
        """Look, read-only, at everything a fetch needs; `costd doctor` shows what it gives.

        It writes nothing to the source, asks little of it, and does not raise: what is wrong
        is a `Probe` with what breaks and the exact fix.
        """
        ...

    def fetch(self, cursors: Mapping[str, Cursor], *, progress: Progress) -> Fetch:
        """Read what is new since the cursors (per billing period) were stored.

        Raises:
            SourceError: the source as a whole could not be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One file of an export, as the provider wrote it.

    Attributes:
        path: as the user knows it, safe to show.
        size: bytes as stored.
        opened: opens it for random reading.
    """

    path: str
    size: int
    opened: Callable[[], AbstractContextManager[BufferedReader]]


@runtime_checkable
class UsageCollector(Protocol):
    """One configured source of usage: what ran on a cluster, hour by hour, and no money.

    Built and probed like a `Collector`; instead of charges it gives whole hours.
    """

    name: str

    def probe(self) -> list[Probe]:
        """Look, read-only, at everything a fetch needs; as `Collector.probe`."""
        ...

    def fetch_usage(self, cursor: Cursor, *, progress: Progress) -> UsageFetch:
        """Give the whole hours since the cursor of the last stored batch, oldest first.

        Raises:
            SourceError: the source as a whole cannot be read.
        """
        ...


@runtime_checkable
class Exporting(Protocol):
    """A collector whose charges come from files; `costd sanitise` copies them."""

    def originals(self, periods: Collection[str] | None = None) -> Iterator[Original]:
        """Give the files that a collection would read now, and no others.

        With `periods` (`YYYY-MM`), only those of these billing months, and those whose month is not known.

        Raises:
            SourceError: they cannot be listed.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Prices from one place.

    Attributes:
        origin: the list, with its place and version; the same text is the same list.
        prices: rows of `domain.price.BOOK_SCHEMA`; `seen_at` is for the book to say.
        notes: things worth showing.
    """

    origin: str
    prices: pl.DataFrame
    notes: tuple[str, ...] = ()


class PriceFeed(Protocol):
    """Somebody who publishes prices."""

    name: str

    def prices(self, newest: Mapping[str, datetime]) -> Iterator[Priced]:
        """Give what is new since the book knew `newest`: per origin, from when its newest price holds.

        Raises:
            SourceError: the prices cannot be had; those given before are whole.
        """
        ...
