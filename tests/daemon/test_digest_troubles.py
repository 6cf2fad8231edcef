"""What Slack did not take is told where people look, until the next digest arrives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from acme import Acme
from builders import a_charge
from door import NOW, Site, site
from pages_read import HTML, words

from domain.message import Post, PostState
from ledger.outbox import Outbox

DIGESTS = """\
slack: {bot_token: "${env:SLACK_BOT_TOKEN}"}
digests: [{channel: C0123456, at: "09:00"}]
"""
YESTERDAY, TODAY = date(2026, 6, 18), date(2026, 6, 19)
REFUSED = "Slack refuses messages for C0123456: token_revoked"


@pytest.fixture
def told(acme: Acme) -> Iterator[Site]:
    acme.collected(a_charge(), more=DIGESTS)
    made = site(acme)
    yield made
    made.services.close()


def end(made: Site, day: date, state: PostState, reason: str = "") -> None:
    outbox = Outbox(made.services.state.database)
    post = Post(kind="digest 09:00", channel="C0123456", day=day)
    intent = outbox.claim(post, epoch=0, now=NOW, until=NOW)
    if state is PostState.INTENDED:
        outbox.later(intent, at=NOW, unsure=False, reason=reason)
    else:
        outbox.end(intent, state, reason, at=NOW)


def shown(made: Site) -> str:
    return words(made.client().get("/sources", headers=HTML).text)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (PostState.BROKEN, "was refused and is not tried again: Slack refuses"),
        (PostState.UNKNOWN, "may not have arrived, and nobody can look: Slack refuses"),
        (PostState.DROPPED, "was given up: Slack refuses"),
        (PostState.INTENDED, "waits to be tried again (1 try so far): Slack refuses"),
    ],
)
def test_what_did_not_arrive_is_told_once_by_status_and_page(
    acme: Acme, told: Site, state: PostState, said: str
) -> None:
    end(told, TODAY, state, REFUSED)
    document = acme.costd("status", "--output", "json").json
    (line,) = document["messages"]
    assert line.startswith("the digest of Fri 19 Jun to C0123456 ")
    assert said in line
    assert "docs/connect-slack.md" in line
    assert said in " ".join(acme.costd("status").out.split())
    assert shown(told).count(said) == 1


@pytest.mark.parametrize("state", [PostState.SENT, PostState.SKIPPED])
def test_once_the_next_one_arrives_nothing_is_told(acme: Acme, told: Site, state: PostState) -> None:
    end(told, YESTERDAY, PostState.BROKEN, REFUSED)
    end(told, TODAY, state)
    assert acme.costd("status", "--output", "json").json["messages"] == []
    assert "Not sent" not in shown(told)


def test_before_the_first_digest_and_without_any_nothing_is_told(acme: Acme, told: Site) -> None:
    assert acme.costd("status", "--output", "json").json["messages"] == []
    acme.configure("aws")
    assert acme.costd("status", "--output", "json").json["messages"] == []
    assert "Not sent" not in shown(told)


def test_a_reason_with_markup_stays_text(told: Site) -> None:
    end(told, TODAY, PostState.BROKEN, "<img src=x onerror=alert(1)>")
    page = told.client().get("/sources", headers=HTML).text
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
