"""Sends a message exactly once, as far as its channel allows.

The intent is stored before the first call and the outcome after it. Whoever finds an intent
without an outcome looks into the channel's history before sending again; where nobody can
look, nothing is sent again, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alerts.channels.interface import Channel, ChannelBroken, ChannelDown
from alerts.slack_blocks import SlackMessage
from config.secrets import redact
from domain.errors import CostdError, StorageError
from domain.message import Intent, Post, PostState
from domain.ports import Clock, Outbox

CLAIM = timedelta(minutes=5)
"""How long a sender may take before another one may take over: computing, posting, replies."""

MOST_RETRY_AFTER = timedelta(hours=1)
"""A pause that a channel asks for is kept, up to this: a digest is worth sending for hours."""

_FIRST_PAUSE = timedelta(seconds=30)
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A message and its replies, each with a name."""

    message: SlackMessage
    replies: Sequence[tuple[str, SlackMessage]] = ()


class Dispatcher:
    """Sends messages that are stored in an outbox.

    Args:
        outbox: what was meant to be sent, shared by every daemon.
        clock: the present.
        epoch: gives the epoch of this process's leadership, 0 if people send.
    """

    def __init__(self, outbox: Outbox, clock: Clock, *, epoch: Callable[[], int] = lambda: 0) -> None:
        self._outbox = outbox
        self._clock = clock
        self._epoch = epoch

    def send(self, post: Post, channel: Channel, make: Callable[[], Thread | None]) -> PostState:
        """Send what `make` gives unless it was sent; give what is known of it then.

        `make` is called once the message is claimed; None means that nothing is worth saying.

        Raises:
            ChannelDown: the channel takes nothing right now; call again later.
            ChannelBroken: the channel refuses for good; calling again sends nothing.
            ConflictError: this daemon no longer leads, or was overtaken.
        """
        now = self._clock.now()
        intent = self._outbox.claim(post, epoch=self._epoch(), now=now, until=now + CLAIM)
        if not intent.claimed:
            return intent.state
        if intent.unsure and not intent.ts and not channel.can_look:
            return self._ended(intent, PostState.UNKNOWN, "it may have arrived and nobody can look")
        try:
            return self._sent(intent, channel, make)
        except ChannelDown as down:
            self._later(intent, channel, down)
            raise
        except ChannelBroken as broken:
            self._outbox.end(intent, PostState.BROKEN, redact(str(broken)), at=self._clock.now())
            raise
        except CostdError as error:
            # Nothing was sent: what failed is ours, and may be better in a minute.
            at = self._clock.now() + _pause(intent)
            self._outbox.later(intent, at=at, unsure=intent.unsure, reason=redact(str(error)))
            raise

    def _sent(self, intent: Intent, channel: Channel, make: Callable[[], Thread | None]) -> PostState:
        ts = intent.ts
        if intent.unsure and not ts:
            ts = channel.find(intent.post.key, since=intent.first_at)
        thread = make()
        if thread is None:
            return self._ended(intent, PostState.SENT if ts else PostState.SKIPPED, "nothing moved")
        if not ts:
            ts = channel.post(thread.message, key=intent.post.key)
        try:
            if ts:
                self._outbox.arrived(intent, ts)
                self._reply(intent, channel, thread, ts)
            return self._ended(intent, PostState.SENT)
        except StorageError as error:
            # It did arrive: whoever tries again, after a database was away, looks before sending.
            raise ChannelDown(f"it was sent, and that could not be noted: {error}") from error

    def _reply(self, intent: Intent, channel: Channel, thread: Thread, ts: str) -> None:
        for name, reply in thread.replies:
            key = f"{intent.post.key}/{name}"
            if intent.tries > 1 and channel.find(key, since=intent.first_at, thread=ts):
                continue
            channel.post(reply, key=key, thread=ts)

    def _later(self, intent: Intent, channel: Channel, down: ChannelDown) -> None:
        unsure = down.unsure or intent.unsure
        if unsure and not channel.can_look:
            self._outbox.end(intent, PostState.UNKNOWN, redact(str(down)), at=self._clock.now())
            return
        pause = max(min(down.retry_after or timedelta(0), MOST_RETRY_AFTER), _pause(intent))
        self._outbox.later(intent, at=self._clock.now() + pause, unsure=unsure, reason=redact(str(down)))

    def _ended(self, intent: Intent, state: PostState, reason: str = "") -> PostState:
        said = reason if state is not PostState.SENT else ""
        self._outbox.end(intent, state, said, at=self._clock.now())
        return state


def _pause(intent: Intent) -> timedelta:
    """Give how long to wait after a try: twice as long as after the one before."""
    return min(_FIRST_PAUSE * (1 << min(intent.tries - 1, 10)), _LONGEST_PAUSE)
