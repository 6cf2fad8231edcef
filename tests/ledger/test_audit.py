"""The audit log only grows, no two writers fork it, and whatever is changed in it is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from config.secrets import strike
from domain.audit import BEGIN, PROGRAM, Act, Actor, Head, Surface, canonical, hash_of
from domain.errors import StorageError
from domain.identity import Role
from domain.message import Post, PostState
from ledger.audit import LONGEST, AuditLog, append
from ledger.backup import backup
from ledger.charges import ChargeLedger
from ledger.outbox import Outbox
from ledger.restore import restore
from ledger.sessions import Sessions
from ledger.state import State
from ledger.tokens import NewToken, Tokens

NOW = datetime(2026, 11, 20, 8, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
LEE = Actor(name="os:lee", surface=Surface.CLI)


def an_act(number: int = 1, **detail: object) -> Act:
    return Act(by=LEE, action="token.created", subject=f"token:{number}", detail=detail)


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/costd.db" if is_sqlite else request.getfixturevalue("postgres_url")
    state = State(url)
    state.open()
    yield state
    state.close()


@pytest.fixture
def log(state: State) -> AuditLog:
    return AuditLog(state.database)


def three(log: AuditLog) -> None:
    for number in range(3):
        log.append(an_act(number, name=f"n-{number}", rows=number, forced=True, nothing=None), NOW)


def meddle(state: State, *statements: str) -> None:
    """Change rows as somebody does who owns the database and takes its triggers away."""
    with state.database.connection() as connection:
        if state.database.is_sqlite:
            for name in ("audit_no_update", "audit_no_delete", "audit_grows"):
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
        for statement in statements:
            connection.execute(text(statement))


def test_an_empty_log_is_whole(log: AuditLog) -> None:
    assert log.verify() == (Head(count=0, hash=BEGIN), None)
    assert log.entries() == []


def test_a_row_is_hashed_with_the_one_before_it_by_a_rule_that_anybody_can_follow(log: AuditLog) -> None:
    three(log)
    newest, middle, first = log.entries()
    assert (first.previous, middle.previous, newest.previous) == (BEGIN, first.hash, middle.hash)
    told = (
        '{"action":"token.created","actor":"os:lee","at":"2026-11-20T08:00:00.123456Z",'
        '"detail":{"forced":true,"name":"n-0","nothing":null,"rows":0},'
        f'"previous":"{BEGIN}","seq":1,"subject":"token:0","surface":"cli","v":1}}'
    )
    assert first.hash == sha256(told.encode()).hexdigest()
    assert log.head() == Head(count=3, hash=newest.hash)
    assert str(log.head()) == f"3:{newest.hash[:12]}"
    assert log.verify([(2, middle.hash[:12])]) == (log.head(), None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'nobody' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 3",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT seq, at, 'x', surface, action, subject, detail, 'p', hash FROM audit",
    ],
)
def test_the_database_refuses_every_change(state: State, log: AuditLog, statement: str) -> None:
    three(log)
    before = log.entries()
    with pytest.raises(StorageError), state.database.connection() as connection:
        connection.execute(text(statement))
    assert log.entries() == before


def test_rows_cannot_be_replaced_or_all_be_cleared_at_once(state: State, log: AuditLog) -> None:
    three(log)
    replacing = (
        "INSERT OR REPLACE INTO audit "
        "SELECT seq, at, 'x', surface, action, subject, detail, previous, hash FROM audit WHERE seq = 2"
    )
    clearing = replacing if state.database.is_sqlite else "TRUNCATE audit"
    with pytest.raises(StorageError, match="append-only"), state.database.connection() as connection:
        connection.execute(text(clearing))
    assert log.verify()[1] is None


def test_many_writers_make_one_chain(log: AuditLog) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append(an_act(number), NOW), range(40)))
    head, broken = log.verify()
    assert (head.count, broken) == (40, None)
    assert len({entry.previous for entry in log.entries()}) == 40


def test_an_act_that_is_undone_leaves_no_row(state: State, log: AuditLog) -> None:
    def undone() -> None:
        with state.database.session() as session:
            append(session, an_act(), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        undone()
    assert log.head().count == 0


@pytest.mark.parametrize(
    ("statement", "row", "reason"),
    [
        ("UPDATE audit SET actor = 'os:eve' WHERE seq = 2", 2, "was changed"),
        ("UPDATE audit SET surface = 'http' WHERE seq = 1", 1, "was changed"),
        ("UPDATE audit SET subject = 'token:9' WHERE seq = 3", 3, "was changed"),
        ("UPDATE audit SET detail = '{}' WHERE seq = 2", 2, "was changed"),
        ("UPDATE audit SET detail = replace(detail, ',', ', ') WHERE seq = 2", 2, "was changed"),
        ("UPDATE audit SET detail = 'x' WHERE seq = 2", 2, "was changed"),
        ("UPDATE audit SET at = '2026-11-20 08:00:00.123457' WHERE seq = 2", 2, "was changed"),
        ("DELETE FROM audit WHERE seq = 1", 1, "is missing"),
        ("DELETE FROM audit WHERE seq = 2", 2, "is missing"),
        ("UPDATE audit SET previous = 'x' WHERE seq = 3", 3, "does not follow"),
    ],
)
def test_whatever_is_changed_is_found_at_its_row(
    state: State, log: AuditLog, statement: str, row: int, reason: str
) -> None:
    three(log)
    meddle(state, statement)
    head, broken = log.verify()
    assert broken is not None
    assert (broken.seq, head.count) == (row, row - 1)
    assert reason in broken.reason


def rewritten(state: State, log: AuditLog) -> None:
    """Take the last row off and write another in its place, hashed as it should be."""
    meddle(state, "DELETE FROM audit WHERE seq = 3")
    log.append(an_act(99), NOW)


def taken_off(state: State, _log: AuditLog) -> None:
    meddle(state, "DELETE FROM audit WHERE seq = 3")


@pytest.mark.parametrize(("forge", "reason"), [(rewritten, "was shown as"), (taken_off, "shown once")])
def test_a_head_that_was_shown_betrays_what_the_chain_alone_cannot(
    state: State, log: AuditLog, forge: Callable[[State, AuditLog], None], reason: str
) -> None:
    three(log)
    shown = (3, log.head().hash[:12])
    forge(state, log)
    assert log.verify()[1] is None
    broken = log.verify([shown])[1]
    assert broken is not None
    assert (broken.seq, reason in broken.reason) == (3, True)


def test_no_secret_and_no_control_character_gets_in(log: AuditLog) -> None:
    strike("xoxb-canary-77")
    entry = log.append(
        Act(
            by=LEE, action="a", subject="x\x1b[2J\0", detail={"reason": "token xoxb-canary-77 " + "y" * 9999}
        ),
        NOW,
    )
    assert "canary" not in entry.detail
    assert "\x1b" not in entry.subject
    assert len(json.loads(entry.detail)["reason"]) == LONGEST
    assert log.verify()[1] is None


def test_lone_surrogates_and_foreign_letters_are_hashed_as_they_are_stored(log: AuditLog) -> None:
    log.append(Act(by=LEE, action="a", subject="wéb \ud800 東京", detail={"k": "é\udfff"}), NOW)
    (entry,) = log.entries()
    assert entry.hash == hash_of(entry)
    assert log.verify()[1] is None


def test_listing_takes_the_newest_since_an_instant(log: AuditLog) -> None:
    for hours in range(4):
        log.append(an_act(hours), NOW + hours * HOUR)
    assert [entry.seq for entry in log.entries(limit=2)] == [4, 3]
    assert [entry.seq for entry in log.entries(since=NOW + 2 * HOUR)] == [4, 3]


def told(log: AuditLog) -> list[tuple[str, str, str, str]]:
    return [(one.actor, one.surface, one.action, one.subject) for one in reversed(log.entries())]


def test_making_and_revoking_a_token_is_recorded_once(state: State, log: AuditLog) -> None:
    tokens = Tokens(state.database)
    token, secret = tokens.create(NewToken(name="portal", role=Role.AGENT, created_by="os:lee"), NOW)
    tokens.revoke(token.id, NOW, by=LEE)
    tokens.revoke(token.id, NOW, by=LEE)
    assert told(log) == [
        ("os:lee", "cli", "token.created", f"token:{token.id}"),
        ("os:lee", "cli", "token.revoked", f"token:{token.id}"),
    ]
    assert secret.rpartition("_")[2] not in canonical([entry.detail for entry in log.entries()])


def test_a_sign_in_link_is_recorded_when_it_is_used_and_not_when_it_fails(
    state: State, log: AuditLog
) -> None:
    sessions = Sessions(state.database)
    code = sessions.open_link("os:lee", Role.ADMIN, NOW, HOUR)
    assert sessions.use_link("wrong", NOW) is None
    assert sessions.use_link(code, NOW, peer="127.0.0.1") is not None
    assert sessions.use_link(code, NOW) is None
    assert told(log) == [("os:lee", "http", "link.used", "os:lee")]
    assert json.loads(log.entries()[0].detail) == {"role": "admin", "from": "127.0.0.1"}
    assert code not in log.entries()[0].detail


def test_a_change_of_leader_is_recorded_and_other_leases_are_not(state: State, log: AuditLog) -> None:
    state.lease("collect:aws", "one", HOUR, NOW)
    first = state.lease("daemon", "one", HOUR, NOW)
    state.renew(first, HOUR, NOW)
    state.lease("daemon", "two", HOUR, NOW + HOUR)
    assert [json.loads(entry.detail) for entry in reversed(log.entries())] == [
        {"holder": "one", "before": "", "epoch": 1},
        {"holder": "two", "before": "one", "epoch": 2},
    ]


@pytest.mark.parametrize("end", [one for one in PostState if one is not PostState.INTENDED])
def test_how_a_message_ended_is_recorded_unless_there_was_nothing_to_say(
    state: State, log: AuditLog, end: PostState
) -> None:
    outbox = Outbox(state.database)
    post = Post(kind="digest 09:00", channel="C0123456", day=date(2026, 11, 20))
    intent = outbox.claim(post, epoch=0, now=NOW, until=NOW + HOUR)
    outbox.end(intent, end, "why", at=NOW)
    if end is PostState.SKIPPED:
        assert told(log) == []
        return
    assert told(log) == [("costd", "daemon", "message.ended", post.key)]
    assert json.loads(log.entries()[0].detail) == {"state": end.value, "tries": 1, "reason": "why"}


def test_the_chain_goes_on_after_a_restore_and_names_what_it_replaced(
    state: State, log: AuditLog, tmp_path: Path
) -> None:
    ledger = ChargeLedger(str(tmp_path / "ledger"))
    three(log)
    kept = log.entries()
    Tokens(state.database).create(NewToken(name="portal", role=Role.AGENT, created_by="os:lee"), NOW)
    backup(ledger, state, tmp_path / "costd.tar", now=NOW)
    log.append(an_act(7), NOW)
    lost = log.head()
    restore(tmp_path / "costd.tar", ledger, state, now=NOW + HOUR, force=True, by=LEE)
    newest, created, *rest = log.entries()
    assert rest == kept
    assert (newest.seq, newest.actor, newest.action, newest.subject) == (
        5,
        "os:lee",
        "restore.done",
        "costd.tar",
    )
    assert json.loads(newest.detail)["before"] == str(lost)
    assert newest.previous == created.hash
    assert log.verify()[1] is None
    assert [token.name for token in Tokens(state.database).list()] == ["portal"]
    with pytest.raises((StorageError, SQLAlchemyError)), state.database.connection() as connection:
        connection.execute(text("DELETE FROM audit"))
    log.append(Act(by=PROGRAM, action="a", subject="b", detail={}), NOW + HOUR)
    assert log.verify()[1] is None
