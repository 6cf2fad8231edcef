"""`costd collect`: whole periods or nothing, one bad source apart, and twice the same."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from acme import Acme
from builders import a_charge

from daemon import collect
from daemon.collect_run import Run
from daemon.holder import is_gone, this_process
from domain.errors import SourceError
from ledger.state import State


def usage(day: int = 10, **columns: object) -> dict[str, object]:
    return a_charge(start=f"2026-06-{day:02d}", **columns)


def test_what_is_new_is_stored_and_told_per_period_and_currency(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", usage(), usage(BillingCurrency="EUR", BilledCost="7"), a_charge(start="2026-05-02"))
    ran = acme.costd("collect", "--output", "json")
    assert ran.status == 0
    rows = [
        (row["period"], row["result"], row["currency"], row["billed"], row["rows"])
        for row in ran.json["rows"]
    ]
    assert rows == [
        ("2026-05", "replaced", "USD", "1.25", 1),
        ("2026-06", "replaced", "EUR", "7", 2),
        ("2026-06", "replaced", "USD", "1.25", None),
    ]


def test_collecting_twice_changes_nothing_and_says_unchanged(acme: Acme) -> None:
    acme.collected(usage())
    before = acme.costd("report", "--output", "ndjson").out
    ran = acme.costd("collect", "--output", "json")
    assert [row["result"] for row in ran.json["rows"]] == ["unchanged"]
    assert acme.costd("report", "--output", "ndjson").out == before
    assert "unchanged" in acme.costd("collect").out


def test_one_bad_source_leaves_the_others_alone(acme: Acme) -> None:
    acme.configure("bad", "good")
    acme.bill("good", usage())
    ran = acme.costd("collect")
    assert ran.status == 6
    assert "failed" in ran.out
    assert "bad failed:" in ran.out
    assert "replaced" in ran.out


def test_all_bad_is_failed_and_the_state_says_so(acme: Acme) -> None:
    acme.configure("bad")
    assert acme.costd("collect").status == 1
    status = acme.costd("status", "--output", "json")
    assert status.status == 5
    assert status.json["rows"][0]["state"] == "failed"
    assert status.json["rows"][0]["reason"]


def test_only_the_named_sources_are_collected(acme: Acme) -> None:
    acme.configure("aws", "gcp")
    acme.bill("aws", usage())
    acme.bill("gcp", usage())
    ran = acme.costd("collect", "gcp", "--output", "json")
    assert {row["source"] for row in ran.json["rows"]} == {"gcp"}
    wrong = acme.costd("collect", "gcpp")
    assert wrong.status == 2
    assert 'did you mean "gcp"?' in wrong.err


def test_a_delivery_that_lost_days_is_refused_until_it_is_forced(acme: Acme) -> None:
    acme.collected(*(usage(day) for day in range(1, 11)))
    acme.bill("aws", usage(1))
    ran = acme.costd("collect")
    assert ran.status == 1
    assert "refused" in ran.out
    assert "--force" in ran.out
    assert acme.costd("report", "--output", "ndjson").ndjson[0]["cost"] == "12"
    status = acme.costd("status")
    assert status.status == 5
    assert "refused by gate" in status.out
    assert acme.costd("collect", "--force").status == 0
    assert acme.costd("report", "--output", "ndjson").ndjson[0]["cost"] == "1.2"
    assert "stored by force" in acme.costd("status").out


def test_unreadable_rows_are_counted_and_listed_with_file_line_and_reason(acme: Acme) -> None:
    acme.configure("aws")
    path = acme.bill("aws", *(usage(ResourceId=f"i-{at}") for at in range(200)))
    lines = path.read_text().splitlines()
    lines[3] = lines[3].replace("1.25", "twelve", 1)
    path.write_text("\n".join(lines) + "\n")
    ran = acme.costd("collect")
    assert ran.status == 0
    assert "aws: 1 row could not be read" in ran.out
    listed = acme.costd("status", "--quarantine", "--output", "json").json
    (row,) = listed["rows"]
    assert row["line"] == 4
    assert row["file"].endswith("bill.csv")
    assert "twelve" in row["reason"] + row["excerpt"]
    report = acme.costd("report", "--output", "json").json
    assert report["unread"] == [{"source": "aws", "rows": 1}]
    assert report["complete"] is False
    assert "unreadable rows: 1 of aws" in acme.costd("report").out


def test_a_source_somebody_else_collects_is_left_to_them(acme: Acme) -> None:
    acme.collected(usage())
    state = State(f"sqlite:///{acme.folder}/var/costd.db")
    state.open()
    now = datetime(2026, 6, 20, 6, tzinfo=UTC)
    lease = state.lease("collect:aws", this_process(), timedelta(minutes=5), now)
    ran = acme.costd("collect")
    assert ran.status == 1
    assert "is held by" in ran.out
    state.release(lease, now)
    assert acme.costd("collect").status == 0
    state.close()


def test_a_killed_collector_on_this_host_is_not_waited_for(acme: Acme) -> None:
    acme.collected(usage())
    state = State(f"sqlite:///{acme.folder}/var/costd.db")
    state.open()
    now = datetime(2026, 6, 20, 6, tzinfo=UTC)
    dead = f"{socket.gethostname()}:{2**22 + 1}:77"
    state.lease("collect:aws", dead, timedelta(minutes=5), now)
    assert acme.costd("collect").status == 0
    state.close()


def test_holders_elsewhere_and_unknown_ones_count_as_alive() -> None:
    assert not is_gone(this_process())
    assert not is_gone("elsewhere:1:1")
    assert not is_gone("nonsense")
    assert is_gone(this_process() + "0")


def test_a_mirror_that_a_crash_left_behind_is_mended(acme: Acme) -> None:
    acme.collected(usage())
    state = State(f"sqlite:///{acme.folder}/var/costd.db")
    state.open()
    state.rebuild([])
    assert not state.periods()[0].delivery_id
    assert acme.costd("status").status == 0
    assert state.periods()[0].delivery_id
    state.close()


def test_what_breaks_in_the_middle_keeps_what_was_stored(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.configure("aws")
    acme.bill("aws", usage(), a_charge(start="2026-05-02"))
    whole = collect._watched

    def breaking(*args: object) -> Iterator[object]:
        yield from whole(*args)  # type: ignore[arg-type]  # passed on
        raise SourceError("the bucket went away", hint="look at the network")

    monkeypatch.setattr(collect, "_watched", breaking)
    ran = acme.costd("collect")
    assert ran.status == 1
    assert "the bucket went away" in ran.out
    assert "look at the network" in ran.out
    monkeypatch.undo()
    assert acme.costd("collect").status == 0


def test_a_place_without_bills_is_named(acme: Acme) -> None:
    acme.configure("aws")
    folder = acme.folder / "aws"
    folder.mkdir(exist_ok=True)
    (folder / "page.csv").write_text("<html>please sign in</html>")
    ran = acme.costd("collect")
    assert ran.status == 5
    assert f"aws: no FOCUS export file was found in {folder}" in ran.out


def test_an_empty_configuration_says_what_to_do(acme: Acme) -> None:
    acme.configure()
    ran = acme.costd("collect")
    assert ran.status == 0
    assert "costd demo" in ran.out


def test_progress_goes_to_stderr_and_never_into_the_rows(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", usage())
    ran = acme.costd("collect", "--output", "ndjson")
    assert "aws" in ran.err
    assert ran.ndjson[0]["source"] == "aws"


def test_a_defect_in_one_collector_stops_no_other_source(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    acme.configure("odd", "good")
    acme.bill("odd", usage())
    acme.bill("good", usage())
    whole = collect._store

    def breaking(run: Run, *args: object) -> object:
        if run.name == "odd":
            raise KeyError("a mistake of ours")
        return whole(run, *args)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(collect, "_store", breaking)
    ran = acme.costd("collect")
    assert ran.status == 6
    assert "odd failed: costd itself failed" in ran.out
    assert "a mistake of ours" in ran.err
    assert "good    2026-06  replaced" in ran.out
