"""A channel's name is looked up for its user; where that fails, the message says what to do."""

from __future__ import annotations

import pytest
from fake_slack import SCOPES, FakeSlack, a_channel

from alerts.channels.interface import ChannelBroken, ChannelDown
from alerts.channels.slack_names import id_of

COSTS = a_channel("cloud-costs", "C0COSTS1")
SECRET = a_channel("board", "G0BOARD1", is_private=True)


def advice(slack: FakeSlack, name: str) -> str:
    with pytest.raises(ChannelBroken, match="Slack shows the app no channel") as caught:
        id_of(slack, name)
    return caught.value.hint


def test_public_and_private_channels_are_found() -> None:
    assert id_of(FakeSlack(COSTS, SECRET), "#cloud-costs") == "C0COSTS1"
    assert id_of(FakeSlack(COSTS, SECRET), "#board") == "G0BOARD1"


def test_every_page_is_read_and_no_more_than_needed() -> None:
    many = [a_channel(f"team-{number}", f"C{number:08}") for number in range(25)]
    slack = FakeSlack(*many, page=10)
    assert id_of(slack, "#team-24") == "C00000024"
    assert slack.asked == ["conversations.list"] * 3
    slack.asked.clear()
    assert id_of(slack, "#team-3") == "C00000003"
    assert slack.asked == ["conversations.list"]


def test_an_unknown_name_gives_the_nearest_and_the_invitation() -> None:
    found = advice(FakeSlack(COSTS, SECRET), "#cloud-cost")
    assert 'did you mean "#cloud-costs"?' in found
    assert "/invite @costd" in found
    assert "did you mean" not in advice(FakeSlack(COSTS), "#zzz")


def test_a_renamed_channel_is_recognised() -> None:
    slack = FakeSlack(a_channel("spend", "C0COSTS1", previous_names=["cloud-costs"]))
    assert 'it was renamed: write "#spend"' in advice(slack, "#cloud-costs")


def test_a_missing_scope_is_named() -> None:
    without_private = FakeSlack(COSTS, SECRET, scopes=SCOPES - {"groups:read"})
    assert id_of(without_private, "#cloud-costs") == "C0COSTS1"
    assert "add the scope groups:read" in advice(without_private, "#board")
    without_public = FakeSlack(COSTS, SECRET, scopes=SCOPES - {"channels:read"})
    assert id_of(without_public, "#board") == "G0BOARD1"
    assert "add the scope channels:read" in advice(without_public, "#cloud-costs")
    blind = FakeSlack(COSTS, scopes=frozenset({"chat:write"}))
    assert "channels:read and groups:read" in advice(blind, "#cloud-costs")


def test_while_slack_cannot_be_asked_nothing_counts_as_sent() -> None:
    slack = FakeSlack(COSTS)
    slack.refusals["conversations.list"] = "ratelimited"
    with pytest.raises(ChannelDown) as caught:
        id_of(slack, "#cloud-costs")
    assert caught.value.unsure is False
    slack.refusals["conversations.list"] = "token_revoked"
    with pytest.raises(ChannelBroken, match="token_revoked"):
        id_of(slack, "#cloud-costs")


def test_hostile_names_are_shown_harmlessly() -> None:
    found = advice(FakeSlack(a_channel("cost\x1b[31ms\u202e", "C1")), "#costs")
    assert "\x1b" not in found
    assert "\u202e" not in found
