"""When each digest is due and of which days, and how it gets to its channel once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from config.messages import DAYS
from daemon.jobs import Job
from daemon.local_user import local_actor
from daemon.triggers import WallClock, every
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

LATE = timedelta(hours=6)
"""How long after its time a digest is still worth sending; a later one would meet the next."""

RETRY_EVERY = timedelta(minutes=1)
_TICK = timedelta(microseconds=1)
_MONDAY = 0
_WEEK = 7


class NotSentError(CostdError):
    """Digests could not be sent while they were worth sending."""

    code = "digest_not_sent"


def digest_jobs(rooms: Rooms, *, epoch: Callable[[], int]) -> list[Job]:
    """Give one job per configured digest, and one that tries again what Slack did not take.

    `epoch` is that of the leadership of this process.
    """
    senders = [DigestSender(rooms, digest, epoch) for digest in rooms.settings.digests]
    if not senders:
        return []
    jobs = [
        Job(name=f"digest:{place}", run=sender.send_due, trigger=sender.trigger, catch_up=LATE)
        for place, sender in enumerate(senders, start=1)
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
    """

    def __init__(self, rooms: Rooms, digest: DigestSettings, epoch: Callable[[], int]) -> None:
        self._rooms = rooms
        self._digest = digest
        self._epoch = epoch
        self._zone = digest.timezone or rooms.settings.timezone
        self.trigger = trigger_of(digest, self._zone)

    def due(self, now: datetime) -> datetime | None:
        """Give when it was due last, None if that is too long ago to be worth sending."""
        found, due = None, self.trigger.get_next_fire_time(None, now - LATE)
        while due is not None and due <= now:
            found, due = due, self.trigger.get_next_fire_time(due, due + _TICK)
        return found

    def send_due(self) -> None:
        """Send what was due last, unless it was sent.

        Raises:
            ChannelDown: Slack takes nothing right now; `retry` sends it later.
            ChannelBroken: the channel refuses for good, until somebody repairs something.
        """
        due = self.due(self._rooms.clock.now())
        if due is not None:
            self.send(due.astimezone(self._zone).date())

    def retry(self) -> None:
        """Send the newest digest that waits, and give up those that are too old.

        Raises:
            NotSentError: some were given up.
        """
        now = self._rooms.clock.now()
        due = self.due(now)
        newest = due.astimezone(self._zone).date() if due is not None else None
        outbox, post = self._outbox(), self.post(newest or now.astimezone(self._zone).date())
        old: list[Intent] = []
        for intent in outbox.intents(post.kind, post.channel):
            if intent.state is not PostState.INTENDED:
                continue
            if intent.post.day != newest:
                old.append(intent)
            elif intent.not_before <= now:
                self.send(intent.post.day)
        for intent in old:
            outbox.end(intent, PostState.DROPPED, f"too late; {intent.reason}".rstrip("; "), at=now)
        if old:
            days = ", ".join(f"{intent.post.day} ({intent.reason or 'unknown'})" for intent in old)
            raise NotSentError(f"the digest to {post.channel} was not sent: {days}")

    def send(self, day: date, post: Post | None = None) -> PostState:
        """Send the digest of a local day, once."""
        from alerts.dispatch import Dispatcher

        by_hand = post is not None
        outbox = self._outbox(by=local_actor() if by_hand else PROGRAM)
        dispatcher: Dispatcher = Dispatcher(outbox, self._rooms.clock, epoch=self._epoch)
        channel = channel_of(self._rooms.settings, self._digest)
        return dispatcher.send(post or self.post(day), channel, lambda: self._made(day, by_hand=by_hand))

    def send_by_hand(self) -> Post:
        """Send it now whatever the hour, beside the scheduled one; nothing that fails is tried again.

        Raises:
            ChannelDown: Slack takes nothing right now.
            ChannelBroken: the channel refuses for good.
        """
        now = self._rooms.clock.now().astimezone(self._zone)
        scheduled = self.post(now.date())
        post = replace(scheduled, kind=f"{scheduled.kind}, by hand {now:%H:%M:%S.%f}")
        self.send(now.date(), post)
        return post

    def post(self, day: date) -> Post:
        """Name the message of a local day."""
        of = f" of {','.join(self._digest.teams)}" if self._digest.teams else ""
        place = self._digest.channel or str(self._digest.webhook)
        return Post(kind=f"digest {self._digest.at}{of}", channel=place, day=day)

    def _outbox(self, *, by: Actor = PROGRAM) -> Outbox:
        from ledger.outbox import Outbox as StoredOutbox

        return StoredOutbox(self._rooms.state.database, by=by)

    def _made(self, day: date, *, by_hand: bool) -> Thread | None:
        from alerts.dispatch import Thread
        from alerts.slack_digest import digest_message, thread_messages
        from daemon.digest import Asked, gather_asked
        from daemon.pipeline import attribute

        settings = self._digest
        asked = Asked(cost=settings.cost, teams=settings.teams, folded=folded_days(settings, day))
        digest = gather_asked(self._rooms, attribute(self._rooms), asked)
        if not by_hand and stays_quiet(settings, digest, day):
            return None
        return Thread(message=digest_message(digest), replies=thread_messages(digest))


def trigger_of(digest: DigestSettings, zone: ZoneInfo) -> WallClock:
    """Give when a digest is due."""
    hour, minute = map(int, digest.at.split(":"))
    return WallClock(zone=zone, hour=hour, minute=minute, days=",".join(digest.days))


def folded_days(digest: DigestSettings, day: date) -> int:
    """Give how many days a digest is of: as many as passed since the one before it, 1 to 7."""
    if not digest.fold:
        return 1
    sent = {DAYS.index(name) for name in digest.days}
    return next(
        back
        for back in range(1, _WEEK + 1)
        if (day - timedelta(days=back)).weekday() in sent | {day.weekday()}
    )


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


def channel_of(settings: Settings, digest: DigestSettings) -> Channel:
    """Give the channel of a digest.

    Raises:
        ConfigError: its token or webhook cannot be read.
    """
    if digest.webhook is not None:
        from alerts.channels.slack_webhook import SlackWebhook

        return SlackWebhook(str(digest.webhook), digest.webhook.reveal())
    from alerts.channels.slack import SlackChannel

    token = settings.slack.bot_token
    return SlackChannel(
        digest.channel or "", token.reveal() if token else "", base_url=settings.slack.base_url
    )
