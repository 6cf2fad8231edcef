"""What works behind the pages; nothing until `costd run` began it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.together import Nowhere, Together

if TYPE_CHECKING:
    from daemon.leader import Leader
    from daemon.schedule import Schedule


@dataclass(slots=True, kw_only=True)
class Runtime:
    """The working parts of a daemon, filled in while it starts.

    Attributes:
        leader: whether this daemon works or waits; None where only pages are served.
        schedule: its jobs; None where only pages are served.
        progress: where it is shown how far sources have come that are collected.
    """

    leader: Leader | None = None
    schedule: Schedule | None = None
    progress: Together = field(default_factory=Nowhere)
