"""What is sent to people: places, times and rates as they are written, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from config.load import Loaded, Origin, load
from config.messages import DAYS
from config.settings import Settings

BOT = 'slack: {bot_token: "${env:SLACK_BOT_TOKEN}"}\n'


def loaded(text: str) -> Loaded:
    return load(Origin(name="costd.yaml", folder=Path(), text=text), {})


def usable(text: str) -> Settings:
    return loaded(text).usable()


def refused(text: str) -> str:
    return " ".join(f"{fault.key}: {fault.message} ({fault.hint})" for fault in loaded(text).errors)


def test_a_digest_of_the_design_is_read() -> None:
    (digest,) = usable(BOT + 'digests: [{channel: C0123456, at: "09:00", days: Mon-Fri}]').digests
    assert (digest.channel, digest.at, digest.days) == ("C0123456", "09:00", DAYS[:5])
    assert digest.quiet is None
    assert digest.fold


@pytest.mark.parametrize("name", ["#finops", "#Cloud-Costs", "#team_ml-2", "#équipe"])
def test_a_channel_may_be_named(name: str) -> None:
    (digest,) = usable(BOT + f'digests: [{{channel: "{name}"}}]').digests
    assert digest.channel == name.lower()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("daily", DAYS),
        ("Mon", ("mon",)),
        ("Fri-Mon", ("mon", "fri", "sat", "sun")),
        ("wed, MON", ("mon", "wed")),
    ],
)
def test_days_are_read_as_people_write_them(text: str, days: tuple[str, ...]) -> None:
    (digest,) = usable(BOT + f'digests: [{{channel: C0123456, days: "{text}"}}]').digests
    assert digest.days == days


@pytest.mark.parametrize(
    ("digest", "says"),
    [
        ('channel: "#fin ops"', "its name in quotes"),
        ("channel: general", 'write "#general", in quotes'),
        ('channel: C0123456, at: "24:00"', "not a time of day"),
        ("channel: C0123456, at: 9", "digests[0].at"),
        ("channel: C0123456, days: Mun", "not days of the week"),
        ("channel: C0123456, timezone: Mars", "not a time zone"),
        ("channel: C0123456, webhook: '${env:HOOK}'", "exactly one place"),
        ("days: daily", "exactly one place"),
        ('webhook: "https://hooks.slack.com/services/T/B/x"', "must name a secret"),
        ('channel: C0123456, quiet: {below_money: "-1"}', "must not be negative"),
        ("channel: C0123456, quiet: {below_money: lots}", "not an amount"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_write(digest: str, says: str) -> None:
    assert says in refused(BOT + f"digests: [{{{digest}}}]")


def test_a_name_without_quotes_is_a_comment_and_that_is_said() -> None:
    assert "# begins a comment" in refused(BOT + "digests:\n  - channel: #general\n    at: '09:00'\n")


def test_a_channel_without_a_token_is_refused() -> None:
    assert "there is no bot token" in refused("digests: [{channel: C0123456}]")
    assert usable('digests: [{webhook: "${env:HOOK}"}]').digests


def test_two_digests_that_would_be_taken_for_one_are_refused() -> None:
    assert "two `digests` are the same" in refused(
        BOT + "digests: [{channel: C0123456}, {channel: C0123456}]"
    )
    assert usable(BOT + "digests: [{channel: C0123456}, {channel: C0123456, teams: [ml]}]").digests


def test_rates_are_exact_and_dated() -> None:
    fx = usable('fx: {to: EUR, rates: [{currency: USD, on: 2026-11-01, rate: "0.92"}]}').fx
    assert fx is not None
    assert fx.rates[0].rate == Decimal("0.92")
    assert "fx.to" in refused("fx: {to: euro}")
