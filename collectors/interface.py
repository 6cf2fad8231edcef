"""What a collector is: its settings, a probe, and a fetch that knows no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.delivery import Cursor, Fetch
from domain.ports import Progress


class Health(StrEnum):
    """Result of looking at one thing a source needs."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One read-only check: what was looked at, what breaks if it is not well, the fix.

    Attributes:
        subject: what was looked at, e.g. `folder ./exports/azure`.
        health: ok, warn or fail.
        breaks: what will not work, "" when ok.
        fix: the exact thing to do, "" when ok.
    """

    subject: str
    health: Health
    breaks: str = ""
    fix: str = ""


class Collector(Protocol):
    """One configured source of charges.

    A class `XCollector` in `collectors/x.py` also has `Settings` (a pydantic model with
    `type`, `name`, `every` from `config.settings.SourceEnvelope`) as a class attribute and
    is built by `daemon/assemble.py`.
    """

    name: str

    def probe(self) -> list[Probe]:
        """Look, read-only, at everything a fetch needs."""
        ...

    def fetch(self, cursors: Mapping[str, Cursor], *, progress: Progress) -> Fetch:
        """Read what is new since the cursors (per billing period) were stored.

        Raises:
            SourceError: the source as a whole could not be read.
        """
        ...
