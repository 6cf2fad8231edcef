"""The state database does the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

import ledger
from domain.delivery import Coverage, Delivery, Freshness, PeriodResult, Rejected, Verdict
from domain.errors import ConflictError, StorageError
from ledger.database import HEAD
from ledger.models import UtcDateTime
from ledger.quarantine import KEPT_ROWS
from ledger.state import State

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/var/costd.db"
    else:
        url = request.getfixturevalue("postgres_url")
    state = State(url)
    state.open()
    yield state
    state.close()


def a_delivery(number: int = 1, **fields: object) -> Delivery:
    defaults: dict[str, object] = {
        "id": f"01ID{number:04d}",
        "source": "aws",
        "billing_period": "2026-06",
        "seen_at": NOW,
        "manifest_hash": f"h{number}",
        "rows": 10,
        "rejected": 2,
        "sums": {"USD": {"BilledCost": Decimal("12.000000000001")}},
        "residuals": {},
        "days": 3,
        "first_day": "2026-06-01",
        "last_day": "2026-06-03",
        "version": number,
        "through": NOW - HOUR,
        "focus_version": "1.2",
        "notes": ("column x_Extra was not kept",),
    }
    return Delivery(**(defaults | fields))  # type: ignore[arg-type]  # a builder of any field


def a_result(delivery: Delivery | None = None, **fields: object) -> PeriodResult:
    defaults: dict[str, object] = {
        "source": "aws",
        "billing_period": "2026-06",
        "verdict": Verdict.REPLACED,
        "delivery": delivery,
    }
    return PeriodResult(**(defaults | fields))  # type: ignore[arg-type]  # a builder of any field


def covered(freshness: Freshness = Freshness.FRESH, **fields: object) -> Coverage:
    return Coverage(source="aws", freshness=freshness, **fields)  # type: ignore[arg-type]  # a builder


def test_remembers_how_a_fetch_ended(state: State) -> None:
    state.record_attempt("aws", "focus_files", NOW)
    state.record_fetch(covered(), [a_result(a_delivery())], notes=["read 3 files"], at=NOW + HOUR)
    (source,) = state.sources()
    assert (source.name, source.type, source.freshness) == ("aws", "focus_files", Freshness.FRESH)
    assert (source.attempted_at, source.succeeded_at) == (NOW, NOW + HOUR)
    assert source.delivered_through == NOW - HOUR
    assert source.notes == ("read 3 files",)
    assert source.rejected == 2
    (period,) = state.periods("aws")
    assert (period.billing_period, period.verdict, period.rows) == ("2026-06", Verdict.REPLACED, 10)
    assert period.sums == {"USD": {"BilledCost": Decimal("12.000000000001")}}
    assert period.notes == ("column x_Extra was not kept",)
    assert state.periods("gcp") == []


def test_a_failed_fetch_keeps_when_it_last_worked(state: State) -> None:
    state.record_fetch(covered(), [a_result(a_delivery())], at=NOW)
    state.record_fetch(covered(Freshness.FAILED, reason="bucket is gone"), [], at=NOW + HOUR)
    (source,) = state.sources()
    assert (source.freshness, source.reason) == (Freshness.FAILED, "bucket is gone")
    assert source.succeeded_at == NOW


def test_what_the_source_says_about_its_reach_wins_over_the_rows(state: State) -> None:
    state.record_fetch(covered(delivered_through=NOW), [a_result(a_delivery())], at=NOW)
    assert state.sources()[0].delivered_through == NOW


def test_a_refusal_is_remembered_beside_what_is_stored(state: State) -> None:
    stored = a_delivery()
    state.record_fetch(covered(), [a_result(stored)], at=NOW)
    refused = a_result(stored, verdict=Verdict.REFUSED, gate="loss", reason="it lost 2 days")
    state.record_fetch(covered(), [refused], at=NOW + HOUR)
    (period,) = state.periods()
    assert (period.verdict, period.gate, period.reason) == (Verdict.REFUSED, "loss", "it lost 2 days")
    assert (period.delivery_id, period.rows) == (stored.id, 10)
    assert [attempt.verdict for attempt in state.attempts("aws", "2026-06")] == ["refused", "replaced"]


def test_a_refused_first_delivery_has_a_period_without_data(state: State) -> None:
    state.record_fetch(covered(), [a_result(None, verdict=Verdict.REFUSED, gate="parsed")], at=NOW)
    (period,) = state.periods()
    assert (period.delivery_id, period.rows, period.sums) == ("", 0, {})


def test_attempts_are_bounded(state: State) -> None:
    for number in range(30):
        state.record_fetch(
            covered(), [a_result(a_delivery(), verdict=Verdict.UNCHANGED)], at=NOW + number * HOUR
        )
    attempts = state.attempts("aws", "2026-06")
    assert len(attempts) == 20
    assert attempts[0].at == NOW + 29 * HOUR


def test_rebuilds_the_mirror_from_the_log(state: State) -> None:
    state.record_attempt("aws", "focus_files", NOW)
    state.record_fetch(covered(), [a_result(a_delivery(9, source="aws"))], at=NOW)
    state.rebuild([a_delivery(1), a_delivery(2, rows=11), a_delivery(3, source="gcp", rows=5)])
    assert {(period.source, period.rows, period.version) for period in state.periods()} == {
        ("aws", 11, 2),
        ("gcp", 5, 3),
    }
    assert [(source.name, source.type) for source in state.sources()] == [("aws", "focus_files"), ("gcp", "")]
    state.rebuild([])
    assert {period.delivery_id for period in state.periods()} == {""}


def test_quarantine_counts_all_rows_and_keeps_a_bounded_number(state: State) -> None:
    rejected = [Rejected(file="a.csv", line=line, reason="no amount") for line in range(KEPT_ROWS + 5, 0, -1)]
    rejected.append(Rejected(file="b.csv", line=7, reason="bad \x00 byte", excerpt="x\ud800y"))
    state.record_fetch(covered(), [a_result(a_delivery())], rejected, at=NOW)
    files = state.quarantined_files()
    assert [(file.file, file.rejected, file.kept) for file in files] == [
        ("a.csv", KEPT_ROWS + 5, KEPT_ROWS),
        ("b.csv", 1, 1),
    ]
    rows = state.quarantine("aws", limit=KEPT_ROWS + 10)
    assert len(rows) == KEPT_ROWS + 1
    assert [row.line for row in rows[:3]] == [1, 2, 3]
    assert (rows[-1].reason, rows[-1].excerpt) == ("bad  byte", "x?y")
    assert len(state.quarantine(limit=5)) == 5


def test_quarantined_rows_give_way_when_their_period_is_delivered_anew(state: State) -> None:
    bad = Rejected(file="june.csv", line=3, reason="no amount")
    state.record_fetch(covered(), [a_result(a_delivery(1))], [bad], at=NOW)
    state.record_fetch(covered(), [a_result(a_delivery(1), verdict=Verdict.UNCHANGED)], at=NOW + HOUR)
    assert len(state.quarantine()) == 1
    other = a_result(a_delivery(2, billing_period="2026-07"), billing_period="2026-07")
    state.record_fetch(covered(), [other], at=NOW + HOUR)
    assert len(state.quarantine()) == 1
    state.record_fetch(covered(), [a_result(a_delivery(3))], at=NOW + 2 * HOUR)
    assert state.quarantine() == []
    assert state.quarantined_files() == []


def test_only_one_holds_a_lease(state: State) -> None:
    first = state.lease("collect:aws", "host-1:17", HOUR, NOW)
    assert (first.epoch, first.expires_at) == (1, NOW + HOUR)
    with pytest.raises(ConflictError, match="held by host-1:17 until 2026-07-02 07:00:00 UTC"):
        state.lease("collect:aws", "host-2:4", HOUR, NOW + HOUR - timedelta(seconds=1))
    assert state.lease("collect:gcp", "host-2:4", HOUR, NOW).epoch == 1


def test_of_many_who_ask_at_once_one_gets_the_lease(state: State) -> None:
    def ask(number: int) -> str:
        try:
            return state.lease("collect:aws", f"process-{number}", HOUR, NOW).holder
        except ConflictError:
            return ""

    with ThreadPoolExecutor(6) as pool:
        holders = [holder for holder in pool.map(ask, range(6)) if holder]
    assert len(holders) == 1
    assert state.held("collect:aws", NOW) is not None


def test_an_expired_lease_can_be_taken_and_the_epoch_grows(state: State) -> None:
    first = state.lease("collect:aws", "one", HOUR, NOW)
    second = state.lease("collect:aws", "two", HOUR, NOW + HOUR)
    assert second.epoch == first.epoch + 1
    with pytest.raises(ConflictError, match="two has it now"):
        state.renew(first, HOUR, NOW + HOUR)
    state.release(first, NOW + HOUR)
    with pytest.raises(ConflictError):
        state.lease("collect:aws", "three", HOUR, NOW + HOUR)


def test_a_released_lease_is_free_and_its_epoch_is_not_used_again(state: State) -> None:
    first = state.lease("collect:aws", "one", HOUR, NOW)
    state.release(first, NOW)
    assert state.lease("collect:aws", "two", HOUR, NOW).epoch == 2


def test_a_lease_can_be_prolonged_while_nobody_else_took_it(state: State) -> None:
    first = state.lease("collect:aws", "one", HOUR, NOW)
    longer = state.renew(first, HOUR, NOW + 2 * HOUR)
    assert (longer.epoch, longer.expires_at) == (first.epoch, NOW + 3 * HOUR)


def test_jobs_say_how_they_last_went(state: State) -> None:
    state.job_started("maintain", NOW)
    state.job_finished("maintain", NOW + HOUR)
    state.job_started("maintain", NOW + 2 * HOUR)
    state.job_finished("maintain", NOW + 3 * HOUR, "disk full")
    (job,) = state.jobs()
    assert (job.runs, job.error, job.succeeded_at) == (2, "disk full", NOW + HOUR)


def test_models_and_migrations_agree(state: State) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(ledger.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
    with state.database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)


def test_opening_again_changes_nothing(state: State) -> None:
    state.record_attempt("aws", "focus_files", NOW)
    state.open()
    assert len(state.sources()) == 1


def test_a_database_of_a_newer_costd_is_refused(state: State) -> None:
    with state.database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer costd") as caught:
        state.open()
    assert "upgrade costd" in caught.value.hint


def test_refuses_a_time_without_a_zone() -> None:
    from sqlalchemy.dialects import sqlite

    with pytest.raises(ValueError, match="without a zone"):
        UtcDateTime().process_bind_param(NOW.replace(tzinfo=None), sqlite.dialect())


def test_an_unreachable_database_says_which_and_hides_the_password() -> None:
    state = State("postgresql://costd:s3cret@127.0.0.1:1/costd")
    with pytest.raises(StorageError) as caught:
        state.open()
    assert "127.0.0.1" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_many_processes_may_open_a_new_database_at_once(tmp_path: Path, root: Path) -> None:
    code = (
        "import sys; from ledger.state import State; s = State(sys.argv[1]); s.open();"
        "s.record_attempt(sys.argv[2], 'focus_files', __import__('datetime').datetime(2026, 7, 1, "
        "tzinfo=__import__('datetime').UTC)); print(len(s.sources()) > 0)"
    )
    url = f"sqlite:///{tmp_path}/costd.db"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, url, f"s{number}"], cwd=root, stdout=subprocess.PIPE, text=True
        )
        for number in range(4)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in running] == ["True"] * 4
    state = State(url)
    assert len(state.sources()) == 4
    state.close()


def test_sqlite_is_durable_and_lets_readers_in(tmp_path: Path) -> None:
    state = State(f"sqlite:///{tmp_path}/costd.db")
    state.open()
    with state.database.engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15000}
    with state.database.session() as session:
        session.execute(text("DELETE FROM source"))
        assert state.sources() == []  # another connection reads while this one writes
    state.close()


def test_a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot make the folder") as raised:
        State(f"sqlite:///{tmp_path}/var/state/costd.db").open()
    assert "state.url" in raised.value.hint
