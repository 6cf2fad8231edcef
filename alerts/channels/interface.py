"""What every channel does, and the two ways in which it can fail."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Protocol

from alerts.slack_blocks import SlackMessage
from domain.errors import CostdError
from domain.probe import Health, Probe

__all__ = ["Channel", "ChannelBroken", "ChannelDown", "Health", "Probe", "pause_of"]

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def pause_of(retry_after: str) -> timedelta | None:
    """Read the seconds of a `Retry-After`; None for what is no number that anybody means."""
    return timedelta(seconds=int(retry_after)) if _SECONDS.fullmatch(retry_after) else None


class ChannelDown(CostdError):  # noqa: N818  # it is a state of the channel, and reads as one
    """A channel cannot be reached right now; trying again later helps.

    Attributes:
        retry_after: how long it asked to be left alone, None if it did not say.
        unsure: the message may have arrived all the same.
    """

    code = "channel_down"

    def __init__(self, message: str, *, retry_after: timedelta | None = None, unsure: bool = True) -> None:
        super().__init__(message, hint="costd tries again by itself while the message is worth sending")
        self.retry_after = retry_after
        self.unsure = unsure


class ChannelBroken(CostdError):  # noqa: N818  # it is a state of the channel, and reads as one
    """A channel refuses for good: somebody has to repair something before it takes a message."""

    code = "channel_broken"


class Channel(Protocol):
    """A place that messages go to."""

    name: str
    """What it is called in messages and in the state; never a secret."""

    can_look: bool
    """It can be searched for what arrived, and has threads."""

    def post(self, message: SlackMessage, *, key: str, thread: str = "") -> str:
        """Send a message and give the channel's name of it, "" if it gives none.

        Raises:
            ChannelDown: not now.
            ChannelBroken: not before somebody repairs something.
        """
        ...

    def find(self, key: str, *, since: datetime, thread: str = "") -> str:
        """Give the channel's name of the message that was sent under a key, "" if none arrived.

        Raises:
            ChannelDown: not now.
            ChannelBroken: not before somebody repairs something.
        """
        ...

    def probe(self) -> list[Probe]:
        """Look whether a message would arrive, without sending one; `costd doctor` shows what it gives.

        It does not raise: what is wrong is a `Probe` with what breaks and the exact fix.
        """
        ...
