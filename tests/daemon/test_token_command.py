"""`costd token`: made once, shown once, ended when it should."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from acme import Acme

from daemon.commands.token import ROLES, parse_expiry
from daemon.local_user import local_user
from domain.errors import UsageError
from domain.identity import Role
from ledger.tokens import TOKEN

NOW = datetime(2026, 6, 20, 6, tzinfo=UTC)


@pytest.fixture
def company(acme: Acme) -> Acme:
    acme.configure("aws")
    return acme


def test_the_command_knows_every_role() -> None:
    assert set(ROLES) == {role.value for role in Role}


def test_a_token_is_all_that_is_printed_to_standard_output(company: Acme) -> None:
    ran = company.costd("token", "create", "grafana", "--role", "agent", "--team", "ml", "--expires", "7d")
    assert ran.status == 0, ran.err
    match = TOKEN.fullmatch(ran.out.strip())
    assert match
    assert f"Token {match[1]} (agent) works until 2026-06-27 06:00 UTC" in ran.err


def test_a_token_is_shown_once(company: Acme) -> None:
    made = company.costd("token", "create", "ci", "--output", "json").json
    listed = company.costd("token", "list", "--output", "json")
    assert made["token"].rpartition("_")[2] not in listed.out
    (row,) = listed.json["rows"]
    assert row == {key: value for key, value in made.items() if key not in {"schema", "token"}}
    assert row["created_by"] == local_user()
    assert (row["role"], row["state"], row["expires_at"]) == ("viewer", "active", "2026-09-18T06:00:00Z")


def test_the_list_says_what_still_works(company: Acme) -> None:
    text = company.costd("token", "create", "old", "--expires", "1h").out.strip()
    company.costd("token", "create", "new", "--expires", "never")
    ran = company.costd("token", "list", now="2026-06-20T08:00Z")
    shown = {words[1]: words[2:5] for words in (line.split() for line in ran.lines) if len(words) > 4}
    assert shown["old"] == ["viewer", "expired", "2026-06-20"]
    assert shown["new"] == ["viewer", "active", "never"]
    assert company.costd("token", "revoke", text).out.startswith(
        f"Token {text.split('_')[1]} (old) is revoked"
    )
    states = {
        row["name"]: row["state"] for row in company.costd("token", "list", "--output", "ndjson").ndjson
    }
    assert states == {"old": "revoked", "new": "active"}


def test_no_tokens_say_how_to_make_one(company: Acme) -> None:
    assert "costd token create NAME" in company.costd("token", "list").out


def test_an_unknown_token_cannot_be_revoked(company: Acme) -> None:
    ran = company.costd("token", "revoke", "nope")
    assert ran.status == 2
    assert "costd token list" in ran.err


@pytest.mark.parametrize(
    "args",
    [
        ("create", "x", "--role", "owner"),
        ("create", "x", "--expires", "soon"),
        ("create", "x", "--expires", "0d"),
        ("create", "x", "--expires", "2020-01-01"),
        ("create", "x\x1b[31m"),
        ("create", "x" * 101),
        ("create", " "),
        ("create", "x", "--team", "a\nb"),
        ("create",),
        ("revoke",),
    ],
)
def test_what_makes_no_sense_is_refused(company: Acme, args: tuple[str, ...]) -> None:
    assert company.costd("token", *args).status == 2


def test_an_end_is_a_length_of_time_a_day_an_instant_or_never() -> None:
    assert parse_expiry("never", NOW) is None
    assert parse_expiry("90m", NOW) == NOW + timedelta(minutes=90)
    assert parse_expiry("2026-07-01", NOW) == datetime(2026, 7, 1, tzinfo=UTC)
    assert parse_expiry("2026-07-01T12:00+02:00", NOW) == datetime(2026, 7, 1, 10, tzinfo=UTC)
    with pytest.raises(UsageError, match="already past"):
        parse_expiry("2026-06-20T06:00Z", NOW)
