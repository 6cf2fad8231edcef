"""Tokens, sessions and one-time links do the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from domain.errors import UsageError
from domain.identity import Identity, Right, Role, Via
from ledger.sessions import Sessions
from ledger.state import State
from ledger.tokens import TOKEN, NewToken, Token, Tokens, is_news

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEE = Identity(subject="os:lee", role=Role.ADMIN, via=Via.SESSION)


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/costd.db"
    else:
        url = request.getfixturevalue("postgres_url")
    state = State(url)
    state.open()
    yield state
    state.close()


@pytest.fixture
def tokens(state: State) -> Tokens:
    return Tokens(state.database)


@pytest.fixture
def sessions(state: State) -> Sessions:
    return Sessions(state.database)


def a_token(tokens: Tokens, **fields: object) -> tuple[Token, str]:
    asked = {"name": "grafana", "role": Role.VIEWER, "created_by": "os:lee", **fields}
    return tokens.create(NewToken(**asked), NOW)  # type: ignore[arg-type]  # a builder


def test_a_token_is_found_by_its_text_and_by_nothing_else(tokens: Tokens) -> None:
    token, secret = a_token(tokens, role=Role.APPROVER, team="ml")
    assert TOKEN.fullmatch(secret)
    found = tokens.find(secret, NOW)
    assert found == token
    assert (token.role, token.team, token.created_by) == (Role.APPROVER, "ml", "os:lee")
    other = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    for wrong in ("", "costd_", other, secret + "a", " " + secret, secret.upper(), secret + "\n", "\ud800"):
        assert tokens.find(wrong, NOW) is None, wrong


def test_nothing_in_the_database_lets_anybody_in(state: State, tokens: Tokens, sessions: Sessions) -> None:
    _, secret = a_token(tokens)
    code = sessions.open_link("os:lee", Role.ADMIN, NOW, HOUR)
    session = sessions.open_session(LEE, NOW, HOUR)
    with state.database.session(read=True) as reader:
        stored = " ".join(
            str(row)
            for table in ("token", "session", "sign_in_link")
            for row in reader.execute(text(f"SELECT * FROM {table}"))  # noqa: S608  # three fixed names
        )
    for value in (secret, secret.rpartition("_")[2], code, session):
        assert value not in stored


def test_every_token_is_256_random_bits(tokens: Tokens) -> None:
    secrets = {a_token(tokens)[1] for _ in range(20)}
    assert len(secrets) == 20
    assert {len(secret.rpartition("_")[2]) * 5 for secret in secrets} == {260}  # base32 of 256 bits


def test_a_token_ends_at_its_time(tokens: Tokens) -> None:
    token, secret = a_token(tokens, expires_at=NOW + HOUR)
    assert tokens.find(secret, NOW + HOUR - timedelta(seconds=1)) is not None
    assert tokens.find(secret, NOW + HOUR) is None
    assert token.state(NOW + HOUR) == "expired"


def test_a_revoked_token_is_refused_at_once_and_its_sessions_end(tokens: Tokens, sessions: Sessions) -> None:
    token, secret = a_token(tokens)
    session = sessions.open_session(LEE, NOW, HOUR, token=token)
    assert sessions.session(session, NOW) is not None

    revoked = tokens.revoke(token.id, NOW)

    assert revoked.state(NOW) == "revoked"
    assert tokens.find(secret, NOW) is None
    assert sessions.session(session, NOW) is None
    assert tokens.revoke(token.id, NOW + HOUR).revoked_at == NOW
    assert [one.id for one in tokens.list()] == [token.id]


def test_revoking_what_is_not_there_says_where_to_look(tokens: Tokens) -> None:
    with pytest.raises(UsageError, match="no token 'nope'") as caught:
        tokens.revoke("nope", NOW)
    assert "costd token list" in caught.value.hint


def test_the_last_use_is_noted_to_the_minute(tokens: Tokens) -> None:
    token, _ = a_token(tokens)
    tokens.used(token, NOW)
    (noted,) = tokens.list()
    assert noted.used_at == NOW
    assert not is_news(noted, NOW + timedelta(seconds=59))
    tokens.used(noted, NOW + timedelta(seconds=59))
    assert tokens.list()[0].used_at == NOW
    tokens.used(noted, NOW + timedelta(seconds=60))
    assert tokens.list()[0].used_at == NOW + timedelta(seconds=60)


def test_of_many_tries_on_one_link_exactly_one_succeeds(sessions: Sessions) -> None:
    code = sessions.open_link("os:lee", Role.ADMIN, NOW, HOUR)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: sessions.use_link(code, NOW), range(8)))
    assert [one for one in found if one is not None] == [LEE]
    assert sessions.use_link(code, NOW) is None


def test_a_link_ends_at_its_time_and_an_unknown_one_signs_nobody_in(sessions: Sessions) -> None:
    code = sessions.open_link("os:lee", Role.ADMIN, NOW, HOUR)
    assert sessions.use_link(code, NOW + HOUR) is None
    assert sessions.use_link("", NOW) is None
    assert sessions.use_link(code + "a", NOW) is None
    assert sessions.use_link(code, NOW) == LEE


def test_a_session_lasts_until_its_time_or_until_it_is_closed(sessions: Sessions) -> None:
    secret = sessions.open_session(LEE, NOW, HOUR)
    assert sessions.session(secret, NOW + HOUR - timedelta(seconds=1)) == LEE
    assert sessions.session(secret, NOW + HOUR) is None
    sessions.close_session(secret)
    sessions.close_session(secret)
    assert sessions.session(secret, NOW) is None


def test_a_session_never_outlives_the_token_that_opened_it(tokens: Tokens, sessions: Sessions) -> None:
    token, _ = a_token(tokens, expires_at=NOW + HOUR)
    secret = sessions.open_session(LEE, NOW, 12 * HOUR, token=token)
    assert sessions.session(secret, NOW + HOUR) is None


def test_what_ended_is_swept_when_something_new_begins(state: State, sessions: Sessions) -> None:
    sessions.open_session(LEE, NOW, HOUR)
    sessions.open_link("os:lee", Role.ADMIN, NOW, HOUR)
    sessions.open_session(LEE, NOW + HOUR, HOUR)
    sessions.open_link("os:lee", Role.ADMIN, NOW + HOUR, HOUR)
    with state.database.session(read=True) as reader:
        assert reader.execute(text("SELECT count(*) FROM session")).scalar() == 1
        assert reader.execute(text("SELECT count(*) FROM sign_in_link")).scalar() == 1


def test_every_process_gets_the_same_key(state: State, sessions: Sessions) -> None:
    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(lambda _: Sessions(state.database).key("forms"), range(8)))
    assert keys == {sessions.key("forms")}
    assert {len(key) for key in keys} == {32}
    assert sessions.key("other") not in keys


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.VIEWER, {Right.READ}),
        (Role.AGENT, {Right.READ, Right.PROPOSE}),
        (Role.APPROVER, {Right.READ, Right.PROPOSE, Right.APPROVE}),
        (Role.ADMIN, set(Right)),
    ],
)
def test_a_role_allows_what_it_says_and_no_more(role: Role, rights: set[Right]) -> None:
    somebody = Identity(subject="x", role=role, via=Via.TOKEN)
    assert {right for right in Right if somebody.may(right)} == rights


@pytest.mark.parametrize("role", list(Role))
def test_whoever_nobody_stands_behind_may_only_read(role: Role) -> None:
    nobody = Identity(subject="local", role=role, via=Via.LOCAL, known=False)
    assert {right for right in Right if nobody.may(right)} == {Right.READ}
