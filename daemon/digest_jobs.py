"""When each digest is due and of which days, and how it gets to its channel once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from daemon.digest_due import LATE, Due, day_of, due_by_hand, last_due, trigger_of
from daemon.jobs import Job
from daemon.local_user import local_actor
from daemon.triggers import every
from domain.audit import PROGRAM, Actor
from domain.errors import CostdError
from domain.message import Intent, Post, PostState

if TYPE_CHECKING:
    from alerts.channels.interface import Channel
    from alerts.digest import Digest
    from alerts.dispatch import Dispatcher, Thread
    from config.messages import DigestSettings
    from config.settings import Settings
    from daemon.rooms import Rooms
    from domain.ports import Outbox

RETRY_EVERY = timedelta(minutes=1)
_MONDAY = 0


class NotSentError(CostdError):
    """Digests could not be sent while they were worth sending."""

    code = "digest_not_sent"


def digest_jobs(rooms: Rooms, *, epoch: Callable[[], int]) -> list[Job]:
    """Give one job per configured digest, and one that tries again what Slack did not take.

    `epoch` is that of the leadership of this process.
    """
    ids: dict[str, str] = {}
    senders = [
        DigestSender(rooms, digest, epoch, ids=ids, name=f"digest:{place}")
        for place, digest in enumerate(rooms.settings.digests, start=1)
    ]
    if not senders:
        return []
    jobs = [
        Job(name=sender.name, run=sender.send_due, trigger=sender.trigger, catch_up=LATE)
        for sender in senders
    ]
    retry = every(RETRY_EVERY, rooms.clock.now())
    return [*jobs, Job(name="digests:retry", run=lambda: retry_all(senders), trigger=retry)]


def retry_all(senders: list[DigestSender]) -> None:
    """Try again every digest that waits; one that fails leaves the others alone.

    Raises:
        NotSentError: with everything that went wrong.
    """
    failed = []
    for sender in senders:
        try:
            sender.retry()
        except CostdError as error:
            failed.append(str(error))
    if failed:
        raise NotSentError("; ".join(failed), hint="see docs/connect-slack.md")


class DigestSender:
    """One configured digest.

    Args:
        rooms: what to ask.
        digest: where it goes, when, and of what.
        epoch: gives the epoch of this process's leadership, 0 if people send.
        ids: ids of channels by name, as far as they were looked up in this process.
        name: of the job that sends it, by which it is known whether it ever ran.
    """

    def __init__(
        self,
        rooms: Rooms,
        digest: DigestSettings,
        epoch: Callable[[], int],
        *,
        ids: dict[str, str] | None = None,
        name: str = "",
    ) -> None:
        self.name = name
        self._since = rooms.clock.now()
        self._ids = ids
        self._rooms = rooms
        self._digest = digest
        self._epoch = epoch
        self._zone = digest.timezone or rooms.settings.timezone
        self.trigger = trigger_of(digest, self._zone)

    def send_due(self) -> None:
        """Send what was due last, unless it was sent.

        Raises:
            ChannelDown: Slack takes nothing right now; `retry` sends it later.
            ChannelBroken: the channel refuses for good, until somebody repairs something.
        """
        due = last_due(self._digest, self._zone, self._rooms.clock.now())
        if due is not None and due.folded:
            self.send(due)

    def retry(self) -> None:
        """Send the newest digest that waits or was never begun, and give up those that are too old.

        Raises:
            NotSentError: some were given up.
        """
        now = self._rooms.clock.now()
        due = last_due(self._digest, self._zone, now)
        outbox, post = self._outbox(), self.post(due.day if due is not None else day_of(now))
        known = outbox.intents(post.kind, post.channel)
        waiting = [intent for intent in known if intent.state is PostState.INTENDED]
        if due is not None and self._is_wanted(due, known):
            self.send(due)
        old = [intent for intent in waiting if due is None or intent.post.day != due.day]
        for intent in old:
            outbox.end(intent, PostState.DROPPED, f"too late; {intent.reason}".rstrip("; "), at=now)
        if old:
            days = ", ".join(f"{intent.post.day} ({intent.reason or 'unknown'})" for intent in old)
            raise NotSentError(f"the digest to {post.channel} was not sent: {days}")

    def _is_wanted(self, due: Due, known: list[Intent]) -> bool:
        """Tell whether a digest waits to be sent, or was never begun although somebody was there to.

        The latter is left by a daemon that died, or whose database was away, at that very moment.
        """
        begun = [intent for intent in known if intent.post.day == due.day]
        if begun:
            now = self._rooms.clock.now()
            return any(one.state is PostState.INTENDED and one.not_before <= now for one in begun)
        ran = any(job.name == self.name and job.started_at for job in self._rooms.state.jobs())
        return due.folded > 0 and (ran or due.at >= self._since)

    def send(self, due: Due, *, by_hand: str = "") -> Post:
        """Send a digest, once; `by_hand` names one that a person sends beside the scheduled one."""
        from alerts.dispatch import Dispatcher

        outbox = self._outbox(by=local_actor() if by_hand else PROGRAM)
        dispatcher: Dispatcher = Dispatcher(outbox, self._rooms.clock, epoch=self._epoch)
        channel = channel_of(self._rooms.settings, self._digest, self._ids)
        post = self.post(due.day)
        if by_hand:
            post = replace(post, kind=f"{post.kind}, {by_hand}")
        dispatcher.send(post, channel, lambda: self._made(due, by_hand=bool(by_hand)))
        return post

    def send_by_hand(self) -> Post:
        """Send it now whatever the hour, beside the scheduled one; nothing that fails is tried again.

        Raises:
            ChannelDown: Slack takes nothing right now.
            ChannelBroken: the channel refuses for good.
        """
        now = self._rooms.clock.now().astimezone(self._zone)
        return self.send(due_by_hand(self._digest, self._zone, now), by_hand=f"by hand {now:%H:%M:%S.%f}")

    def post(self, day: date) -> Post:
        """Name the message that tells of a UTC day."""
        of = f" of {','.join(self._digest.teams)}" if self._digest.teams else ""
        place = self._digest.channel or str(self._digest.webhook)
        return Post(kind=f"digest {self._digest.at}{of}", channel=place, day=day)

    def _outbox(self, *, by: Actor = PROGRAM) -> Outbox:
        from ledger.outbox import Outbox as StoredOutbox

        return StoredOutbox(self._rooms.state.database, by=by)

    def _made(self, due: Due, *, by_hand: bool) -> Thread | None:
        from alerts.dispatch import Thread
        from alerts.slack_digest import digest_message, thread_messages
        from daemon.digest import Asked, gather_asked
        from daemon.pipeline import attribute

        settings = self._digest
        asked = Asked(cost=settings.cost, teams=settings.teams, folded=max(due.folded, 1), latest=due.day)
        digest = gather_asked(self._rooms, attribute(self._rooms), asked)
        if not by_hand and stays_quiet(settings, digest, due.local):
            return None
        return Thread(message=digest_message(digest), replies=thread_messages(digest))


def stays_quiet(settings: DigestSettings, digest: Digest, day: date) -> bool:
    """Tell whether so little moved that nothing is sent.

    Mondays, folded days, partial digests and those without a comparison are always sent.
    """
    quiet = settings.quiet
    if quiet is None or digest.folded > 1 or day.weekday() == _MONDAY or digest.partial or not digest.blocks:
        return False
    for block in digest.blocks:
        if block.usual is None:
            return False
        change = abs(block.total - block.usual)
        if change >= quiet.below_money or change >= quiet.below_percent * abs(block.usual):
            return False
    return True


def channel_of(settings: Settings, digest: DigestSettings, ids: dict[str, str] | None = None) -> Channel:
    """Give the channel of a digest; `ids` keeps what names were looked up.

    Raises:
        ConfigError: its token or webhook cannot be read.
    """
    if digest.webhook is not None:
        from alerts.channels.slack_webhook import SlackWebhook

        return SlackWebhook(str(digest.webhook), digest.webhook.reveal())
    from alerts.channels.slack import SlackChannel

    token = settings.slack.bot_token
    return SlackChannel(
        digest.channel or "", token.reveal() if token else "", base_url=settings.slack.base_url, ids=ids
    )
