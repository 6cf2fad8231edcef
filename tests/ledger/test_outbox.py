"""Messages are intended before they are sent, by one sender at a time, and never forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import ConflictError
from domain.message import Post, PostState
from ledger.outbox import LONGEST_WAIT, Outbox
from ledger.state import State

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
POST = Post(kind="digest 09:00", channel="C0123456", day=date(2026, 11, 20))


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/costd.db" if is_sqlite else request.getfixturevalue("postgres_url")
    state = State(url)
    state.open()
    yield state
    state.close()


@pytest.fixture
def outbox(state: State) -> Outbox:
    return Outbox(state.database)


def test_of_many_senders_one_claims(outbox: Outbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: outbox.claim(POST, epoch=0, now=NOW, until=SOON).claimed, range(16)))
    assert claims.count(True) == 1


def test_what_a_sender_left_without_a_word_is_taken_over_as_unsure(outbox: Outbox) -> None:
    first = outbox.claim(POST, epoch=0, now=NOW, until=SOON)
    assert first.claimed
    assert not first.unsure
    assert not outbox.claim(POST, epoch=0, now=SOON - timedelta(seconds=1), until=SOON).claimed
    second = outbox.claim(POST, epoch=0, now=SOON, until=SOON + timedelta(minutes=5))
    assert second.claimed
    assert second.unsure
    with pytest.raises(ConflictError, match="taken over"):
        outbox.arrived(first, "1.1")


def test_what_was_refused_for_sure_is_tried_again_without_looking(outbox: Outbox) -> None:
    first = outbox.claim(POST, epoch=0, now=NOW, until=SOON)
    outbox.later(first, at=NOW + timedelta(minutes=1), unsure=False, reason="busy")
    assert not outbox.claim(POST, epoch=0, now=NOW, until=SOON).claimed
    again = outbox.claim(POST, epoch=0, now=NOW + timedelta(minutes=1), until=SOON)
    assert again.claimed
    assert not again.unsure
    assert again.first_at == NOW


@pytest.mark.parametrize("end", [state for state in PostState if state is not PostState.INTENDED])
def test_what_ended_is_never_sent_again(outbox: Outbox, end: PostState) -> None:
    intent = outbox.claim(POST, epoch=0, now=NOW, until=SOON)
    outbox.arrived(intent, "1.1")
    outbox.end(intent, end, "because", at=NOW)
    later = outbox.claim(POST, epoch=0, now=NOW + timedelta(days=2), until=NOW + timedelta(days=3))
    assert not later.claimed
    assert (later.state, later.ts, later.reason) == (end, "1.1", "because")


def test_a_clock_that_was_set_back_blocks_nothing_for_long(outbox: Outbox) -> None:
    outbox.claim(POST, epoch=0, now=NOW + timedelta(days=1), until=NOW + timedelta(days=1, minutes=5))
    assert outbox.claim(POST, epoch=0, now=NOW, until=SOON).claimed


def test_no_claim_reaches_further_than_the_longest_wait(outbox: Outbox) -> None:
    intent = outbox.claim(POST, epoch=0, now=NOW, until=NOW + timedelta(days=9))
    assert intent.not_before == NOW + LONGEST_WAIT


def test_who_lost_the_lease_intends_nothing(state: State, outbox: Outbox) -> None:
    lease = state.lease("daemon", "a", timedelta(minutes=1), NOW)
    assert outbox.claim(POST, epoch=lease.epoch, now=NOW, until=SOON).claimed
    state.lease("daemon", "b", timedelta(minutes=1), NOW + timedelta(minutes=2))
    other = Post(kind=POST.kind, channel=POST.channel, day=date(2026, 11, 21))
    with pytest.raises(ConflictError, match="no longer leads"):
        outbox.claim(other, epoch=lease.epoch, now=NOW, until=SOON)
    assert [intent.post for intent in outbox.intents(POST.kind, POST.channel)] == [POST]
