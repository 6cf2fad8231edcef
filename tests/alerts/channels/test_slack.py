"""The digest in a real Slack API: read back block by block, once, whatever fails on the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from digests import DIGEST, TROUBLED
from slack_peer import TOKEN, Fault, SlackPeer, missing, serving

from alerts.channels.interface import ChannelBroken, ChannelDown, Health
from alerts.channels.slack import EVENT, SlackChannel
from alerts.dispatch import CLAIM, Dispatcher, Thread
from alerts.slack_digest import digest_message, thread_messages
from alerts.slack_limits import faults
from domain.message import Post, PostState
from ledger.outbox import Outbox
from ledger.state import State

pytestmark = pytest.mark.peer
NAMES = (f"digest-{number}" for number in itertools.count())
THREAD = Thread(message=digest_message(DIGEST), replies=thread_messages(DIGEST))


@dataclass
class Hands:
    """A clock whose hands a test moves."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))  # noqa: TID251  # the peer's clock is real

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackPeer]:
    if why := missing():
        pytest.skip(why)
    with serving(tmp_path_factory.mktemp("slack")) as peer:
        yield peer


@pytest.fixture
def peer(server: SlackPeer) -> SlackPeer:
    server.faults.clear()
    server.calls.clear()
    return server


@dataclass
class Desk:
    """One daemon's way to one fresh channel."""

    peer: SlackPeer
    state: State
    clock: Hands = field(default_factory=Hands)
    paused: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.channel = self.peer.channel(next(NAMES))
        self.post = Post(kind="digest 09:00", channel=self.channel, day=date(2026, 11, 20))

    def slack(self, channel: str = "") -> SlackChannel:
        return SlackChannel(
            channel or self.channel, TOKEN, base_url=self.peer.base_url, sleep=self.paused.append
        )

    def send(self, thread: Thread | None = THREAD) -> PostState:
        dispatcher = Dispatcher(Outbox(self.state.database), self.clock)
        return dispatcher.send(self.post, self.slack(), lambda: thread)

    @property
    def keys(self) -> list[str]:
        found = self.peer.messages(self.channel)
        return [message["metadata"]["event_payload"]["key"] for message in found]


@pytest.fixture
def desk(peer: SlackPeer, tmp_path: Path) -> Iterator[Desk]:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    yield Desk(peer=peer, state=state)
    state.close()


@pytest.mark.parametrize("digest", [DIGEST, TROUBLED], ids=["reference", "troubled"])
def test_what_is_posted_is_read_back_block_by_block(desk: Desk, digest: object) -> None:
    thread = (
        THREAD
        if digest is DIGEST
        else Thread(message=digest_message(TROUBLED), replies=thread_messages(TROUBLED))
    )
    assert desk.send(thread) is PostState.SENT
    (message,) = desk.peer.messages(desk.channel)
    assert message["text"] == thread.message.text
    assert message["metadata"] == {"event_type": EVENT, "event_payload": {"key": desk.post.key}}
    assert len(message["blocks"]) == len(thread.message.blocks)
    for block, sent in zip(message["blocks"], thread.message.json(), strict=True):
        assert {key: block[key] for key in sent} == sent
    assert not faults(message["text"], message["blocks"])
    replies = desk.peer.replies(desk.channel, message["ts"])
    assert [reply["blocks"] for reply in replies] == [reply.json() for _, reply in thread.replies]


def test_a_second_run_posts_nothing(desk: Desk) -> None:
    assert [desk.send(), desk.send()] == [PostState.SENT, PostState.SENT]
    assert desk.keys == [desk.post.key]
    assert desk.peer.calls.count("chat.postMessage") == 3


def test_two_daemons_at_once_post_once(desk: Desk) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: desk.send(), range(8)))
    assert desk.keys == [desk.post.key]
    assert desk.peer.calls.count("chat.postMessage") == 3


def test_tables_that_are_refused_are_sent_as_text(desk: Desk) -> None:
    desk.peer.faults = [Fault(method="chat.postMessage", error="invalid_blocks")]
    assert desk.send() is PostState.SENT
    (message,) = desk.peer.messages(desk.channel)
    assert message["blocks"] == THREAD.message.simple_json()


def test_where_all_blocks_are_refused_the_text_still_arrives(desk: Desk) -> None:
    desk.peer.faults = [Fault(method="chat.postMessage", error="invalid_blocks", times=2)]
    assert desk.send() is PostState.SENT
    (message,) = desk.peer.messages(desk.channel)
    assert message["text"] == THREAD.message.text
    assert not message.get("blocks")


def test_a_short_pause_that_slack_asks_for_is_kept(desk: Desk) -> None:
    desk.peer.faults = [Fault(status=429, error="ratelimited", headers={"Retry-After": "7"}, times=2)]
    assert desk.send() is PostState.SENT
    assert desk.paused == [7.0, 7.0]
    assert desk.keys == [desk.post.key]


def test_a_storm_of_429_is_not_answered_with_a_storm(desk: Desk) -> None:
    desk.peer.faults = [Fault(status=429, error="ratelimited", headers={"Retry-After": "300"}, times=99)]
    for _ in range(5):
        with pytest.raises(ChannelDown, match="right now") if _due(desk) else nullcontext():
            desk.send()
        desk.clock.at += timedelta(minutes=1)
    assert desk.peer.calls == ["chat.postMessage"]
    assert desk.paused == []
    desk.peer.faults.clear()
    desk.clock.at += timedelta(minutes=5)
    assert desk.send() is PostState.SENT
    assert desk.keys == [desk.post.key]


@pytest.mark.parametrize(
    "fault", [Fault(status=500), Fault(status=503), Fault(status=0)], ids=["500", "503", "cut off"]
)
def test_an_hour_without_slack_loses_nothing_and_doubles_nothing(desk: Desk, fault: Fault) -> None:
    desk.peer.faults = [Fault(status=fault.status, times=1000)]
    for _ in range(60):
        with pytest.raises(ChannelDown) if _due(desk) else nullcontext():
            desk.send()
        desk.clock.at += timedelta(minutes=1)
    assert 5 <= len(desk.peer.calls) <= 15
    desk.peer.faults.clear()
    desk.clock.at += timedelta(minutes=10)
    assert desk.send() is PostState.SENT
    assert desk.keys == [desk.post.key]


def _due(desk: Desk) -> bool:
    intents = Outbox(desk.state.database).intents(desk.post.kind, desk.post.channel)
    return not intents or intents[0].not_before <= desk.clock.now()


@pytest.mark.parametrize("status", [0, 500])
def test_a_message_whose_answer_was_lost_is_found_and_not_doubled(desk: Desk, status: int) -> None:
    desk.peer.faults = [Fault(method="chat.postMessage", status=status, after=True)]
    with pytest.raises(ChannelDown):
        desk.send()
    assert desk.keys == [desk.post.key]
    desk.clock.at += timedelta(minutes=1)
    assert desk.send() is PostState.SENT
    assert desk.keys == [desk.post.key]
    (message,) = desk.peer.messages(desk.channel)
    assert len(desk.peer.replies(desk.channel, message["ts"])) == len(THREAD.replies)


def test_a_reply_whose_answer_was_lost_is_not_doubled(desk: Desk) -> None:
    thread = Thread(message=THREAD.message, replies=THREAD.replies)
    desk.peer.faults = [
        Fault(method="conversations.replies", times=0),
        Fault(method="chat.postMessage", status=200, times=0),
    ]
    posts = iter([None, Fault(method="chat.postMessage", status=0, after=True)])
    plain = desk.peer.fault

    def second(method: str) -> Fault | None:
        return next(posts, None) if method == "chat.postMessage" else plain(method)

    desk.peer.fault = second  # type: ignore[method-assign]  # the second post alone loses its answer
    try:
        with pytest.raises(ChannelDown):
            desk.send(thread)
        desk.clock.at += timedelta(minutes=1)
        assert desk.send(thread) is PostState.SENT
    finally:
        del desk.peer.fault
    (message,) = desk.peer.messages(desk.channel)
    assert len(desk.peer.replies(desk.channel, message["ts"])) == len(THREAD.replies)


def test_a_process_that_dies_between_post_and_record_does_not_double(desk: Desk) -> None:
    outbox = Outbox(desk.state.database)
    intent = outbox.claim(desk.post, epoch=0, now=desk.clock.now(), until=desk.clock.now() + CLAIM)
    desk.slack().post(THREAD.message, key=intent.post.key)  # and then it is killed
    assert desk.send() is PostState.INTENDED
    desk.clock.at += CLAIM
    assert desk.send() is PostState.SENT
    assert desk.keys == [desk.post.key]


@pytest.mark.parametrize(
    ("error", "repair"),
    [
        ("token_revoked", "install the app again"),
        ("channel_not_found", "copy the id"),
        ("is_archived", "restore it"),
        ("missing_scope", "add the scope"),
        ("something_new", "connect-slack.md"),
    ],
)
def test_a_broken_channel_is_reported_and_not_tried_for_ever(desk: Desk, error: str, repair: str) -> None:
    desk.peer.faults = [Fault(error=error, times=99)]
    with pytest.raises(ChannelBroken, match=error) as raised:
        desk.send()
    assert repair in raised.value.hint
    for _ in range(5):
        desk.clock.at += timedelta(hours=1)
        assert desk.send() is PostState.BROKEN
    assert desk.peer.calls == ["chat.postMessage"]


def test_a_channel_that_does_not_exist_is_named_with_what_to_do(desk: Desk) -> None:
    with pytest.raises(ChannelBroken, match="CNONE") as raised:
        desk.slack("CNONE").post(THREAD.message, key="k")
    assert "/invite @costd" in raised.value.hint


def test_nothing_worth_saying_is_not_sent_and_not_asked_again(desk: Desk) -> None:
    assert desk.send(None) is PostState.SKIPPED
    assert desk.send() is PostState.SKIPPED
    assert desk.keys == []


def test_a_name_is_looked_up_once_and_posted_to(desk: Desk) -> None:
    name = desk.peer.call("conversations.info", channel=desk.channel)["channel"]["name"]
    ids: dict[str, str] = {}
    slack = SlackChannel(f"#{name}", TOKEN, base_url=desk.peer.base_url, ids=ids)
    dispatcher = Dispatcher(Outbox(desk.state.database), desk.clock)
    post = Post(kind="digest 09:00", channel=f"#{name}", day=date(2026, 11, 20))
    assert dispatcher.send(post, slack, lambda: THREAD) is PostState.SENT
    assert desk.keys == [post.key]
    assert desk.peer.calls.count("conversations.list") == 1
    assert ids == {f"#{name}": desk.channel}


def test_a_name_is_looked_up_anew_when_its_channel_is_gone(desk: Desk) -> None:
    ids = {"#gone": "CGONE000"}
    slack = SlackChannel("#gone", TOKEN, base_url=desk.peer.base_url, ids=ids)
    with pytest.raises(ChannelBroken, match="channel_not_found"):
        slack.post(THREAD.message, key="k")
    assert ids == {}
    with pytest.raises(ChannelBroken, match="no channel #gone"):
        slack.post(THREAD.message, key="k")


def test_a_name_that_cannot_be_looked_up_now_is_sent_later(desk: Desk) -> None:
    desk.post = Post(kind="digest 09:00", channel="#finops", day=date(2026, 11, 20))
    desk.peer.faults = [Fault(method="conversations.list", status=0)]
    slack = SlackChannel("#finops", TOKEN, base_url=desk.peer.base_url)
    dispatcher = Dispatcher(Outbox(desk.state.database), desk.clock)
    with pytest.raises(ChannelDown):
        dispatcher.send(desk.post, slack, lambda: THREAD)
    desk.clock.at += timedelta(minutes=2)
    assert dispatcher.send(desk.post, slack, lambda: THREAD) is PostState.SENT
    assert "conversations.history" not in desk.peer.calls  # nothing can have arrived


def test_a_probe_looks_without_posting(desk: Desk) -> None:
    found = desk.slack().probe()
    assert [probe.health for probe in found] == [Health.OK, Health.OK]
    assert all(probe.server_time is not None for probe in found)
    refused = desk.slack("CNONE").probe()[-1]
    assert refused.health is Health.FAIL
    assert "channel_not_found" in refused.breaks
    desk.peer.faults = [Fault(error="token_revoked")]
    assert "install the app again" in desk.slack().probe()[0].fix
    desk.peer.faults = [Fault(status=0)]
    assert desk.slack().probe()[0].health is Health.FAIL
    assert "chat.postMessage" not in desk.peer.calls


def test_a_pause_that_nobody_can_mean_is_none(desk: Desk) -> None:
    desk.peer.faults = [Fault(status=429, error="ratelimited", headers={"Retry-After": "9" * 40}, times=9)]
    with pytest.raises(ChannelDown, match="right now") as raised:
        desk.send()
    assert raised.value.retry_after is None
