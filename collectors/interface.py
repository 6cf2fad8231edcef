"""What a collector is: its settings, a probe, and a fetch that knows no database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from domain.delivery import Cursor, Fetch
from domain.ports import Progress
from domain.probe import Health, Probe

__all__ = ["Collector", "Health", "Probe"]


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
