"""The digest through an hour without Slack, a storm of 429, a revoked token and kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from slack_peer import TOKEN, Fault, SlackPeer, missing, serving

from daemon import assemble
from daemon.digest_jobs import DigestSender, NotSentError, digest_jobs
from daemon.digest_troubles import digest_troubles
from daemon.pipeline import collect
from daemon.progress import Silent
from daemon.rooms import Rooms
from domain.errors import CostdError
from ledger.audit import AuditLog
from ledger.outbox import Outbox

pytestmark = pytest.mark.peer
# The peer stamps messages with the real time, by which a crashed sender searches for its own.
NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251  # the peer's clock is real
MINUTE = timedelta(minutes=1)

CONFIG = """\
mode: act
timezone: UTC
sources: [{{type: demo, name: demo-gcp, provider: gcp, seed: 7}}]
slack: {{bot_token: "${{env:SLACK_BOT_TOKEN}}", base_url: "{base}"}}
digests: [{{channel: {channel}, at: "{at:%H:%M}", days: daily}}]
"""

SEND = """\
import sys
from datetime import datetime
from daemon import assemble
from daemon.clock import FixedClock
from daemon.digest_jobs import digest_jobs
from daemon.rooms import Rooms

clock = FixedClock(at=datetime.fromisoformat(sys.argv[2]))
rooms = Rooms(settings=assemble.open_settings(sys.argv[1]), clock=clock)
digest, retry = digest_jobs(rooms, epoch=lambda: 0)
(digest if sys.argv[3] == "due" else retry).run()
"""


@dataclass
class Hands:
    """A clock whose hands a test moves."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class Post:
    """One company, one daemon and one fresh channel."""

    peer: SlackPeer
    rooms: Rooms
    config: Path
    channel: str
    clock: Hands

    def ready(self, channel: str) -> Post:
        """Give the same company with another channel."""
        text = self.config.read_text(encoding="utf-8").replace(self.channel, channel)
        self.config.write_text(text, encoding="utf-8")
        clock = Hands()
        rooms = Rooms(settings=assemble.open_settings(self.config), clock=clock)
        self.channel = channel
        return Post(peer=self.peer, rooms=rooms, config=self.config, channel=channel, clock=clock)

    def live(self, span: timedelta, retry: Callable[[], None]) -> list[str]:
        """Let minutes pass as the schedule does; give what went wrong."""
        failed = []
        end = self.clock.at + span
        while self.clock.at < end:
            self.clock.at += MINUTE
            try:
                retry()
            except CostdError as error:
                failed.append(str(error))
        return failed

    def keys(self) -> list[str]:
        return [message["metadata"]["event_payload"]["key"] for message in self.peer.messages(self.channel)]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    if why := missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("survival")
    with serving(folder) as peer:
        config = folder / "costd.yaml"
        text = CONFIG.format(base=peer.base_url, channel="C0000000", at=NOW - 2 * MINUTE)
        config.write_text(text, encoding="utf-8")
        clock = Hands()
        rooms = Rooms(settings=assemble.open_settings(config), clock=clock)
        for done in collect(rooms, progress=Silent()):
            assert not done.error
        yield Post(peer=peer, rooms=rooms, config=config, channel="C0000000", clock=clock)


@pytest.fixture
def post(company: Post, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Post:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    company.peer.faults.clear()
    company.peer.calls.clear()
    return company.ready(company.peer.channel(f"s-{abs(hash(request.node.name)) % 10**9}"))


def first_try(post: Post) -> Callable[[], None]:
    """Run the digest at its time, which fails; give what tries again."""
    digest, retry = digest_jobs(post.rooms, epoch=lambda: 0)
    with pytest.raises(CostdError):
        digest.run()
    return retry.run


def test_an_hour_without_slack_delays_the_digest_and_sends_it_once(post: Post) -> None:
    post.peer.faults = [Fault(status=503, times=10_000)]
    retry = first_try(post)
    failed = post.live(timedelta(hours=1), retry)
    assert 5 <= len(post.peer.calls) <= 15
    assert all("503" in reason for reason in failed)
    (told,) = digest_troubles(post.rooms)
    assert "waits to be tried again" in told
    post.peer.faults.clear()
    assert post.live(timedelta(minutes=11), retry) == []
    assert len(post.keys()) == 1
    assert digest_troubles(post.rooms) == ()


def test_slack_away_for_too_long_is_given_up_and_reported_once(post: Post) -> None:
    post.peer.faults = [Fault(status=0, times=10_000)]
    retry = first_try(post)
    post.live(timedelta(hours=5, minutes=50), retry)
    calls = len(post.peer.calls)
    assert calls <= 45
    given_up = [said for said in post.live(timedelta(hours=2), retry) if "was not sent" in said]
    assert len(given_up) == 1
    assert len(post.peer.calls) <= calls + 1
    (told,) = digest_troubles(post.rooms)
    assert "was given up" in told
    assert post.keys() == []
    newest = AuditLog(post.rooms.state.database).entries(limit=1)[0]
    assert (newest.action, '"state":"dropped"' in newest.detail) == ("message.ended", True)


def test_a_revoked_token_is_reported_and_not_tried_again(post: Post) -> None:
    post.peer.faults = [Fault(error="token_revoked", times=10_000)]
    retry = first_try(post)
    assert post.live(timedelta(hours=7), retry) == []
    assert post.peer.calls == ["chat.postMessage"]
    (told,) = digest_troubles(post.rooms)
    assert "token_revoked" in told


@pytest.mark.parametrize(("asked", "kept"), [(1800, timedelta(minutes=30)), (86_400, timedelta(hours=1))])
def test_a_storm_of_429_is_left_alone_for_as_long_as_it_asks(post: Post, asked: int, kept: timedelta) -> None:
    post.peer.faults = [
        Fault(status=429, error="ratelimited", headers={"Retry-After": str(asked)}, times=10_000)
    ]
    retry = first_try(post)
    post.live(kept - MINUTE, retry)
    assert post.peer.calls == ["chat.postMessage"]
    post.peer.faults.clear()
    post.live(2 * MINUTE, retry)
    assert len(post.keys()) == 1


def sent_by_a_process(post: Post, at: datetime, job: str) -> subprocess.Popen[bytes]:
    """Run one job of the daemon in a process of its own."""
    command = [sys.executable, "-c", SEND, str(post.config), at.isoformat(), job]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "SLACK_BOT_TOKEN": TOKEN, "PYTHONPATH": str(root)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


@pytest.mark.parametrize("nth", [1, 2, 3], ids=["after the message", "after a reply", "after the last reply"])
def test_kill_9_between_post_and_record_neither_doubles_nor_loses_anything(post: Post, nth: int) -> None:
    process = sent_by_a_process(post, NOW, "due")
    seen = 0

    def kill(method: str) -> Fault | None:
        """Carry the call out, but kill the sender before it hears of it."""
        nonlocal seen
        seen += method == "chat.postMessage"
        if method != "chat.postMessage" or seen != nth:
            return None
        return Fault(status=0, after=True, before_answer=lambda: os.kill(process.pid, signal.SIGKILL))

    post.peer.fault = kill  # type: ignore[method-assign]  # the peer decides when the sender dies
    try:
        assert process.wait(60) == -signal.SIGKILL
    finally:
        del post.peer.fault
        process.stderr.close()  # type: ignore[union-attr]  # it is a pipe
    assert len(post.keys()) == 1
    (left,) = Outbox(post.rooms.state.database).intents(f"digest {NOW - 2 * MINUTE:%H:%M}", post.channel)
    assert left.state == "intended"
    for minutes in (1, 6):  # it is left alone while its sender might still be at work
        again = sent_by_a_process(post, NOW + minutes * MINUTE, "retry")
        assert again.wait(60) == 0, again.stderr.read()  # type: ignore[union-attr]  # it is a pipe
        again.stderr.close()  # type: ignore[union-attr]  # it is a pipe
    assert len(post.keys()) == 1
    (message,) = post.peer.messages(post.channel)
    assert len(post.peer.replies(post.channel, message["ts"])) == 2
    (sent,) = Outbox(post.rooms.state.database).intents(left.post.kind, post.channel)
    assert sent.state == "sent"


def test_two_senders_give_up_what_is_old_and_say_it_once(post: Post) -> None:
    post.peer.faults = [Fault(status=503, times=10_000)]
    first_try(post)
    post.clock.at += timedelta(hours=8)
    one, two = (DigestSender(post.rooms, post.rooms.settings.digests[0], lambda: 0) for _ in range(2))
    with pytest.raises(NotSentError):
        one.retry()
    two.retry()
