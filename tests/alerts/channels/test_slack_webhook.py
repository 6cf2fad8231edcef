"""A webhook: at most once, said so; its address is never told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from digests import DIGEST

from alerts.channels.interface import ChannelBroken, ChannelDown
from alerts.channels.outgoing import OutgoingError, Reply
from alerts.channels.slack_webhook import SlackWebhook
from alerts.dispatch import Dispatcher, Thread
from alerts.slack_digest import digest_message, thread_messages
from daemon.clock import FixedClock
from domain.message import Post, PostState
from ledger.outbox import Outbox
from ledger.state import State

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
POST = Post(kind="digest 09:00", channel="${env:HOOK}", day=date(2026, 11, 20))
THREAD = Thread(message=digest_message(DIGEST), replies=thread_messages(DIGEST))
ADDRESS = "https://hooks.slack.com/services/T0/B0/very-secret"


class Wire:
    """Stands where requests leave: gives the answers it was told, keeps what was sent."""

    def __init__(self, *answers: Reply | OutgoingError) -> None:
        self.answers = list(answers)
        self.sent: list[dict[str, object]] = []

    def send(self, method: str, url: str, *, headers: object = None, content: bytes = b"") -> Reply:
        assert (method, url) == ("POST", ADDRESS)
        assert headers == {"content-type": "application/json"}
        self.sent.append(json.loads(content))
        answer = self.answers.pop(0)
        if isinstance(answer, OutgoingError):
            raise answer
        return answer


def said(status: int, body: bytes = b"ok", **headers: str) -> Reply:
    return Reply(status=status, headers=headers, body=body)


def hook(wire: Wire) -> SlackWebhook:
    return SlackWebhook("${env:HOOK}", ADDRESS, outgoing=wire)  # type: ignore[arg-type]  # a fake of the wire


def send(tmp_path: Path, wire: Wire, later: timedelta = timedelta(0)) -> PostState:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    try:
        return Dispatcher(Outbox(state.database), FixedClock(at=NOW + later)).send(
            POST, hook(wire), lambda: THREAD
        )
    finally:
        state.close()


def test_it_sends_the_message_without_its_thread_once(tmp_path: Path) -> None:
    wire = Wire(said(200))
    assert [send(tmp_path, wire), send(tmp_path, wire)] == [PostState.SENT] * 2
    (sent,) = wire.sent
    assert sent["blocks"] == THREAD.message.json()
    assert sent["mrkdwn"] is False


def test_what_may_have_arrived_is_never_sent_again(tmp_path: Path) -> None:
    wire = Wire(OutgoingError("https://hooks.slack.com did not answer: it took too long"))
    with pytest.raises(ChannelDown, match="too long") as raised:
        send(tmp_path, wire)
    assert "very-secret" not in str(raised.value)
    assert send(tmp_path, wire, timedelta(hours=1)) is PostState.UNKNOWN
    assert len(wire.sent) == 1


def test_a_sender_that_died_is_not_followed_by_a_second_message(tmp_path: Path) -> None:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    Outbox(state.database).claim(POST, epoch=0, now=NOW, until=NOW + timedelta(minutes=5))
    state.close()
    wire = Wire()
    assert send(tmp_path, wire, timedelta(minutes=6)) is PostState.UNKNOWN
    assert wire.sent == []


def test_what_was_refused_for_sure_is_sent_later(tmp_path: Path) -> None:
    wire = Wire(said(429, b"", **{"retry-after": "60"}), said(200))
    with pytest.raises(ChannelDown) as raised:
        send(tmp_path, wire)
    assert raised.value.retry_after == timedelta(minutes=1)
    assert send(tmp_path, wire, timedelta(seconds=30)) is PostState.INTENDED
    assert send(tmp_path, wire, timedelta(minutes=2)) is PostState.SENT


def test_refused_blocks_become_text_and_a_dead_webhook_is_reported(tmp_path: Path) -> None:
    wire = Wire(said(400, b"invalid_blocks"), said(400, b"invalid_blocks"), said(200))
    assert send(tmp_path, wire) is PostState.SENT
    assert wire.sent[1]["blocks"] == THREAD.message.simple_json()
    assert "blocks" not in wire.sent[2]
    with pytest.raises(ChannelBroken, match="no_service") as raised:
        hook(Wire(said(404, b"no_service"))).post(THREAD.message, key="k")
    assert "Incoming Webhooks" in raised.value.hint


@pytest.mark.parametrize("after", ["9" * 40, "9" * 5000, "\u00b2", "-1", "soon"], ids=lambda text: text[:9])
def test_a_pause_that_nobody_can_mean_is_none(tmp_path: Path, after: str) -> None:
    with pytest.raises(ChannelDown) as raised:
        send(tmp_path, Wire(said(429, b"", **{"retry-after": after})))
    assert raised.value.retry_after is None


def test_a_secret_that_an_answer_repeats_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.secrets._struck", {"xoxb-1234567890"})
    with pytest.raises(ChannelBroken):
        send(tmp_path, Wire(said(404, b"no xoxb-1234567890 here")))
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    (intent,) = Outbox(state.database).intents(POST.kind, POST.channel)
    state.close()
    assert "no *** here" in intent.reason
