"""Digests at their times: which days, once, caught up, quiet or dropped; the demo's read back from Slack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import resources
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from digests import DIGEST, a_block, a_line
from slack_peer import TOKEN, Fault, SlackPeer, missing, serving

from alerts.channels.interface import ChannelBroken, ChannelDown
from alerts.slack_digest import digest_message
from alerts.slack_limits import faults, texts_of
from config.messages import DigestSettings
from daemon import assemble
from daemon.cli import run
from daemon.digest import gather
from daemon.digest_jobs import DigestSender, NotSentError, digest_jobs, retry_all, stays_quiet
from daemon.pipeline import attribute, collect
from daemon.progress import Silent
from daemon.rooms import Rooms
from domain.message import PostState
from domain.show import money_text
from ledger.outbox import Outbox

MONDAY, FRIDAY = date(2026, 11, 16), date(2026, 11, 20)


def a_digest(**fields: object) -> DigestSettings:
    return DigestSettings.model_validate({"channel": "C0123456", **fields})


def test_quiet_needs_every_change_below_both_and_never_skips_a_monday() -> None:
    quiet = a_digest(quiet={"below_money": 50, "below_percent": "5%"})
    still = replace(DIGEST, blocks=(a_block(lines=(a_line("ml", "1000", "40"),)),))
    assert stays_quiet(quiet, still, FRIDAY)
    assert not stays_quiet(a_digest(), still, FRIDAY)
    assert not stays_quiet(quiet, still, MONDAY)
    assert not stays_quiet(quiet, replace(still, folded=2), FRIDAY)
    assert not stays_quiet(quiet, replace(still, partial=True), FRIDAY)
    assert not stays_quiet(quiet, replace(still, blocks=()), FRIDAY)
    assert not stays_quiet(quiet, DIGEST, FRIDAY)
    unlike = replace(still.blocks[0], usual=None)
    assert not stays_quiet(quiet, replace(still, blocks=(unlike,)), FRIDAY)
    share = a_block("EUR", (a_line("ml", "100", "40"),))
    assert not stays_quiet(quiet, replace(still, blocks=(*still.blocks, share)), FRIDAY)


def test_a_limit_of_zero_means_that_nothing_is_quiet() -> None:
    never = a_digest(quiet={"below_money": 0, "below_percent": "0%"})
    still = replace(DIGEST, blocks=(a_block(lines=(a_line("ml", "1000", "0"),)),))
    assert not stays_quiet(never, still, FRIDAY)


@dataclass
class Hands:
    """A clock whose hands a test moves."""

    at: datetime

    def now(self) -> datetime:
        return self.at


NINE = datetime(2026, 11, 20, 8, tzinfo=UTC)
"""Nine in the morning in Berlin."""


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackPeer]:
    if why := missing():
        pytest.skip(why)
    with serving(tmp_path_factory.mktemp("slack")) as server:
        yield server


CONFIG = """\
slack: {{bot_token: "${{env:SLACK_BOT_TOKEN}}", base_url: "{base}"}}
digests:
  - {{channel: {all}, at: "09:00", days: Mon-Fri}}
  - {{channel: {ml}, at: "09:00", days: Mon-Fri, teams: [ml]}}
fx: {{to: EUR, rates: [{{currency: USD, on: 2026-01-01, rate: "0.9"}}]}}
"""


@pytest.fixture(scope="module")
def company(peer: SlackPeer, tmp_path_factory: pytest.TempPathFactory) -> Rooms:
    """The whole demo company as it is packaged, and two channels that want its digest."""
    folder = tmp_path_factory.mktemp("company")
    channels = {"all": peer.channel("all-costs"), "ml": peer.channel("ml-costs")}
    packaged = resources.files("config").joinpath("defaults/demo.yaml").read_text(encoding="utf-8")
    own = CONFIG.format(base=peer.base_url, **channels)
    (folder / "costd.yaml").write_text(f"{packaged}\n{own}", encoding="utf-8")
    rooms = Rooms(settings=assemble.open_settings(folder / "costd.yaml"), clock=Hands(NINE))
    for done in collect(rooms, progress=Silent()):
        assert not done.error
    return rooms


@pytest.fixture
def rooms(company: Rooms, monkeypatch: pytest.MonkeyPatch, peer: SlackPeer) -> Rooms:
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    peer.faults.clear()
    peer.calls.clear()
    return company


def at(rooms: Rooms, now: datetime) -> None:
    assert isinstance(rooms.clock, Hands)
    rooms.clock.at = now


def told(message: dict[str, Any]) -> str:
    return "\n".join(texts_of(message["blocks"]))


@pytest.mark.peer
def test_the_demo_digest_arrives_and_is_read_back_block_by_block(rooms: Rooms, peer: SlackPeer) -> None:
    at(rooms, NINE)
    everyone, ml, _retry = digest_jobs(rooms, epoch=lambda: 0)
    for job in (everyone, everyone, ml):
        job.run()
    first, second = rooms.settings.digests
    (message,) = peer.messages(first.channel or "")
    kinds = [block["type"] for block in message["blocks"]]
    assert kinds == ["context", "header", "context", "table", "data_visualization", "section", "context"]
    assert not faults(message["text"], message["blocks"])
    assert "DEMO: a simulated company" in told(message)
    assert "in all about €" in told(message)
    chart = message["blocks"][4]["chart"]
    assert len(chart["axis_config"]["categories"]) == 14
    assert chart["series"][-1]["name"] == "unallocated"
    services, how = peer.replies(first.channel or "", message["ts"])
    assert "Largest services of each team" in services["text"]
    assert "costd report --by team,day" in told(how)
    (own,) = peer.messages(second.channel or "")
    table = table_of(own)
    assert [row[0] for row in table] == ["Team", "ml", "total"]
    assert table[1][1] == table[2][1]
    assert "Cloud cost of ml" in told(own)


@pytest.mark.peer
def test_every_block_of_the_demo_digest_is_what_was_rendered_and_adds_up_to_the_report(
    rooms: Rooms, peer: SlackPeer
) -> None:
    at(rooms, NINE)
    digest_jobs(rooms, epoch=lambda: 0)[0].run()
    (message,) = peer.messages(rooms.settings.digests[0].channel or "")
    digest = gather(rooms, attribute(rooms))
    rendered = digest_message(digest)
    assert message["text"] == rendered.text
    assert len(message["blocks"]) == len(rendered.blocks)
    for read, sent in zip(message["blocks"][:-1], rendered.json()[:-1], strict=True):
        assert {key: read[key] for key in sent} == sent
    footer = texts_of(message["blocks"][-1:])
    assert next(footer).startswith("effective cost, all charges · run 2026-11-20T08:00Z")
    assert len(digest.reaches) == 3
    costs: Counter[str] = Counter()
    for reach in digest.reaches:
        assert reach.day is not None
        costs.update(reported(rooms, reach.source, reach.day))  # type: ignore[arg-type]  # Decimals add up too
    shown = {row[0]: row[1] for row in table_of(message)[1:]}
    total = money_text(sum(costs.values(), Decimal(0)), "USD")
    assert shown.pop("total") == total
    assert {name: money_text(Decimal(cost), "USD") for name, cost in costs.items() if cost} == {
        name: cost for name, cost in shown.items() if cost != "$0.00"
    }


def table_of(message: dict[str, Any]) -> list[list[str]]:
    (table,) = [block for block in message["blocks"] if block["type"] == "table"]
    return [[cell["text"] for cell in row] for row in table["rows"]]


def reported(rooms: Rooms, source: str, day: date) -> dict[str, Decimal]:
    """Ask the report for a day of a source, by team, shared pools spread."""
    window = ["--from", day.isoformat(), "--to", (day + timedelta(days=1)).isoformat()]
    asked = ["report", "--by", "team", "--sharing", "after", "--where", f"source={source}", *window]
    out = StringIO()
    with redirect_stdout(out):
        config = str(rooms.settings.folder / "costd.yaml")
        run(["-c", config, "--now", "2026-11-20T08:00Z", *asked, "--output", "ndjson"])
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    return {row["team"] or "unallocated": Decimal(row["cost"]) for row in rows}


@pytest.mark.peer
def test_on_monday_the_weekend_is_told(rooms: Rooms, peer: SlackPeer) -> None:
    at(rooms, NINE + timedelta(days=3))
    everyone, *_ = digest_jobs(rooms, epoch=lambda: 0)
    everyone.run()
    message = peer.messages(rooms.settings.digests[0].channel or "")[-1]
    assert " to " in told(message).splitlines()[1]
    assert "3 days" in told(message)


@pytest.mark.peer
def test_what_slack_did_not_take_is_sent_later_once_and_only_the_newest(
    rooms: Rooms, peer: SlackPeer
) -> None:
    tuesday = NINE + timedelta(days=4)
    at(rooms, tuesday)
    senders = [DigestSender(rooms, rooms.settings.digests[0], lambda: 0)]
    channel = rooms.settings.digests[0].channel or ""
    before = len(peer.messages(channel))
    peer.faults = [Fault(status=503, times=1000)]
    with pytest.raises(ChannelDown):
        senders[0].send_due()
    at(rooms, tuesday + timedelta(days=1))
    with pytest.raises(ChannelDown):
        senders[0].send_due()
    peer.faults.clear()
    at(rooms, tuesday + timedelta(days=1, hours=1))
    with pytest.raises(NotSentError, match="2026-11-23"):
        retry_all(senders)
    retry_all(senders)
    assert len(peer.messages(channel)) == before + 1
    newest, old, *_ = Outbox(rooms.state.database).intents("digest 09:00", channel)
    assert (newest.state, old.state) == (PostState.SENT, PostState.DROPPED)


@pytest.mark.peer
def test_a_digest_that_was_never_begun_is_begun_when_a_daemon_is_back(rooms: Rooms, peer: SlackPeer) -> None:
    due = NINE + timedelta(days=5)
    at(rooms, due)
    _, ml, _ = digest_jobs(rooms, epoch=lambda: 0)
    rooms.state.job_started(ml.name, due)  # and then its process is killed
    channel = rooms.settings.digests[1].channel or ""
    before = len(peer.messages(channel))
    at(rooms, due + timedelta(hours=2))
    *_, retry = digest_jobs(rooms, epoch=lambda: 0)
    retry.run()
    retry.run()
    assert len(peer.messages(channel)) == before + 1


@pytest.mark.peer
def test_a_digest_that_was_due_before_anybody_was_there_is_not_sent(rooms: Rooms, peer: SlackPeer) -> None:
    at(rooms, NINE + timedelta(days=6, hours=1))
    newcomer = DigestSender(rooms, rooms.settings.digests[1], lambda: 0, name="never ran")
    newcomer.retry()
    assert peer.calls == []
    tomorrow = NINE + timedelta(days=7)
    at(rooms, tomorrow)  # its job finds the database away
    at(rooms, tomorrow + timedelta(minutes=1))
    newcomer.retry()
    assert "chat.postMessage" in peer.calls


@pytest.mark.peer
def test_one_that_is_sent_late_tells_no_day_that_the_next_one_tells(rooms: Rooms, peer: SlackPeer) -> None:
    at(rooms, NINE + timedelta(days=10))
    for done in collect(rooms, progress=Silent()):  # complete to the day before
        assert not done.error
    settings = rooms.settings.digests[0].model_copy(update={"at": "23:30", "days": ("fri",), "fold": False})
    at(rooms, datetime(2026, 11, 28, 2, tzinfo=UTC))  # due on the 27th, at 22:30 UTC
    DigestSender(rooms, settings, lambda: 0).send_due()
    message = peer.messages(settings.channel or "")[-1]
    assert message["metadata"]["event_payload"]["key"] == f"digest 23:30/{settings.channel}/2026-11-26"
    assert "Thu 26 Nov" in message["text"]


@pytest.mark.peer
def test_a_broken_channel_is_reported_once_a_day(rooms: Rooms, peer: SlackPeer) -> None:
    at(rooms, NINE + timedelta(days=11))
    sender = DigestSender(rooms, rooms.settings.digests[0], lambda: 0)
    peer.faults = [Fault(error="token_revoked", times=1000)]
    with pytest.raises(ChannelBroken, match="token_revoked"):
        sender.send_due()
    for minutes in range(0, 60, 10):
        at(rooms, NINE + timedelta(days=11, minutes=minutes))
        sender.retry()
    assert peer.calls == ["chat.postMessage"]


@pytest.mark.peer
def test_it_can_be_sent_by_hand_beside_the_scheduled_one(rooms: Rooms, peer: SlackPeer) -> None:
    config = str(rooms.settings.folder / "costd.yaml")
    channels = [digest.channel or "" for digest in rooms.settings.digests]
    before = [len(peer.messages(channel)) for channel in channels]
    call = ["-c", config, "--now", "2026-11-20T10:00:00Z", "digest", "--send"]
    out = StringIO()
    with redirect_stdout(out):
        assert run(call) == 0
    assert out.getvalue().splitlines() == [f"sent to {channel}" for channel in channels]
    assert [len(peer.messages(channel)) for channel in channels] == [count + 1 for count in before]
    peer.faults = [Fault(error="is_archived", times=1)]
    out = StringIO()
    with redirect_stdout(out):
        assert run([*call[:3], "2026-11-20T10:00:01Z", *call[4:]]) == 6
    assert "is_archived" in out.getvalue().replace("\n", " ")


def test_without_digests_there_is_nothing_to_do(tmp_path: Path) -> None:
    (tmp_path / "costd.yaml").write_text("mode: observe\n", encoding="utf-8")
    rooms = Rooms(settings=assemble.open_settings(tmp_path / "costd.yaml"), clock=Hands(NINE))
    assert digest_jobs(rooms, epoch=lambda: 0) == []
