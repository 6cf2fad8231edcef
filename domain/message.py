"""A message on its way to people: what it is, and what is known of whether it arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message that is to be sent once.

    Attributes:
        kind: what it is, e.g. `digest 09:00`; of one kind, one a day is sent to a channel.
        channel: where it goes; never a secret.
        day: the UTC day it tells of, the last of them.
    """

    kind: str
    channel: str
    day: date

    @property
    def key(self) -> str:
        """Give its unique name, by which it is found again in a channel's history."""
        return f"{self.kind}/{self.channel}/{self.day.isoformat()}"


class PostState(StrEnum):
    """What is known of a message."""

    INTENDED = "intended"
    """It is being sent, or will be tried again."""

    SENT = "sent"
    """It arrived, and everything below it."""

    SKIPPED = "skipped"
    """There was nothing worth saying."""

    BROKEN = "broken"
    """The channel refused it for good; somebody has to repair something."""

    UNKNOWN = "unknown"
    """It may have arrived, and nobody can look; it is not sent again."""

    DROPPED = "dropped"
    """It could not be sent while it was worth sending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is stored of a message before and after it is sent.

    Attributes:
        post: the message.
        state: what is known of it.
        tries: how often it was claimed; whoever claimed last may record what happened.
        claimed: this call claimed it: send it now.
        unsure: an earlier try may have arrived without being recorded.
        ts: the channel's name of what arrived, "" if nothing is known to have.
        first_at: when it was first intended.
        not_before: nobody may claim it before this.
        reason: why it is in this state, or "".
    """

    post: Post
    state: PostState
    tries: int
    claimed: bool = False
    unsure: bool = False
    ts: str = ""
    first_at: datetime
    not_before: datetime
    reason: str = ""
