"""What doctor says of a Slack channel: each fault with what breaks and what to do, nothing posted."""

from __future__ import annotations

import pytest
from fake_slack import SCOPES, FakeSlack, a_channel

from alerts.channels.slack_names import id_of
from alerts.channels.slack_probe import SlackProbe
from alerts.channels.slack_webhook import SlackWebhook
from domain.probe import Health, Probe

OK, WARN, FAIL = Health.OK, Health.WARN, Health.FAIL
COSTS = a_channel("cloud-costs", "C0COSTS1")


def probes(slack: FakeSlack, name: str = "#cloud-costs") -> list[Probe]:
    found = SlackProbe(slack, name, lambda: id_of(slack, name) if name.startswith("#") else name).probes()
    assert all(probe.breaks and probe.fix for probe in found if probe.health is not OK)
    assert "chat.postMessage" not in slack.asked
    return found


def test_a_name_is_shown_with_its_id_and_the_line_to_write() -> None:
    token, channel = probes(FakeSlack(COSTS))
    assert (token.health, token.subject) == (OK, "token of costd in the workspace Acme")
    assert (channel.health, channel.subject) == (OK, "channel #cloud-costs is C0COSTS1, and the app is in it")
    assert "`channel: C0COSTS1`" in channel.fix


def test_an_id_is_shown_with_its_name_and_nothing_to_do() -> None:
    _, channel = probes(FakeSlack(COSTS), "C0COSTS1")
    assert (channel.subject, channel.fix) == ("channel C0COSTS1 (#cloud-costs), and the app is in it", "")


def test_without_chat_write_no_digest_is_sent() -> None:
    token = probes(FakeSlack(COSTS, scopes=SCOPES - {"chat:write"}))[0]
    assert (token.health, "chat:write" in token.fix) == (FAIL, True)


def test_the_app_must_be_in_the_channel() -> None:
    outside = a_channel("cloud-costs", "C0COSTS1", is_member=False)
    channel = probes(FakeSlack(outside))[1]
    assert (channel.health, channel.fix) == (FAIL, "in Slack, in #cloud-costs: /invite @costd")
    assert probes(FakeSlack(outside, scopes=SCOPES | {"chat:write.public"}))[1].health is WARN
    private = {**outside, "is_private": True}
    assert probes(FakeSlack(private, scopes=SCOPES | {"chat:write.public"}))[1].health is FAIL


def test_an_archived_channel_fails() -> None:
    channel = probes(FakeSlack(a_channel("cloud-costs", "C0COSTS1", is_archived=True)))[1]
    assert (channel.health, "restore it" in channel.fix) == (FAIL, True)


def test_without_history_a_lost_digest_stays_lost() -> None:
    lacking = SCOPES - {"groups:history"}
    assert "groups:history" in probes(FakeSlack(COSTS, scopes=lacking))[2].fix
    slack = FakeSlack(COSTS)
    slack.scopes = None  # a server that does not tell: it is asked for one message
    assert [probe.health for probe in probes(slack)] == [OK, OK]
    assert slack.asked[-1] == "conversations.history"
    slack.refusals["conversations.history"] = "missing_scope"
    assert probes(slack)[2].health is WARN


def test_where_the_channel_cannot_be_looked_at_that_is_a_warning() -> None:
    channel = probes(FakeSlack(COSTS, scopes=SCOPES - {"channels:read"}), "C0COSTS1")[1]
    assert (channel.health, "channels:read" in channel.fix) == (WARN, True)


@pytest.mark.parametrize("error", ["token_revoked", "invalid_auth", "internal_error"])
def test_a_refused_token_is_one_failure_with_its_repair(error: str) -> None:
    slack = FakeSlack(COSTS)
    slack.refusals["auth.test"] = error
    (only,) = probes(slack)
    assert only.health is FAIL
    assert error in only.breaks


def test_an_unknown_channel_fails_with_the_nearest() -> None:
    last = probes(FakeSlack(COSTS), "#cloud-cost")[-1]
    assert (last.health, 'did you mean "#cloud-costs"?' in last.fix) == (FAIL, True)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://hooks.slack.com/services/T000/B000/secret-part", ""),
        ("https://mattermost.example/hooks/secret-part", ""),
        ("http://hooks.slack.com/services/T000/B000/secret-part", "https://"),
        ("https://hooks.slack.com/services/T000", "not whole"),
        ("secret-part", "no URL"),
        ("https://exa mple/secret-part", "no URL"),
        ("https://[secret-part", "no URL"),
        ("", "no URL"),
    ],
)
def test_of_a_webhook_only_the_form_is_judged_and_nothing_shown(url: str, says: str) -> None:
    (probe,) = SlackWebhook("${env:HOOK}", url).probe()
    assert probe.health is (FAIL if says else OK)
    assert says in probe.breaks
    assert "secret-part" not in repr(probe)
    assert "costd digest --send" in probe.fix or "Incoming Webhooks" in probe.fix
