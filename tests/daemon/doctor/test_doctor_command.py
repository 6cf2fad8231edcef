"""`costd doctor` as its users meet it: every source and sink, read-only, with the fix."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest
from acme import Acme
from builders import a_charge

from collectors.interface import Health, Probe
from collectors.stores.folder import FolderStore

FIELDS = ["check", "health", "subject", "breaks", "fix"]


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    return Acme(folder=tmp_path).collected(a_charge(start="2026-06-10", hours=24, Tags={"team": "web"}))


def test_a_healthy_installation_is_all_fine(acme: Acme) -> None:
    ran = acme.costd("doctor", "--output", "json")
    assert ran.status == 0, ran.out
    document = ran.json
    assert (document["schema"], document["ok"]) == ("costd.doctor/1", True)
    assert document["counts"] == {"ok": len(document["rows"]), "warn": 0, "fail": 0}
    assert all(list(row) == FIELDS for row in document["rows"])
    areas = [row["check"] for row in document["rows"]]
    assert list(dict.fromkeys(areas)) == [
        "configuration",
        "source aws",
        "ledger",
        "state",
        "disk",
        "owners",
        "clock",
    ]


def test_the_documented_schema_is_what_is_printed(acme: Acme, root: Path) -> None:
    page = (root / "docs" / "first-hour.md").read_text(encoding="utf-8")
    schema = json.loads(page.split("```json\n", 1)[1].split("```", 1)[0])
    jsonschema.validate(acme.costd("doctor", "--output", "json").json, schema)


def test_looking_changes_no_file(acme: Acme) -> None:
    before = tree(acme.folder)
    acme.costd("doctor")
    assert tree(acme.folder) == before
    fresh = Acme(folder=acme.folder / "fresh")
    fresh.folder.mkdir()
    fresh.configure("aws")
    fresh.costd("doctor")
    assert [path.name for path in fresh.folder.iterdir()] == ["costd.yaml"]


def test_a_missing_folder_fails_with_the_fix_and_status_1(acme: Acme) -> None:
    acme.configure("aws", "azure")
    ran = acme.costd("doctor")
    assert ran.status == 1
    assert "FAIL  source azure" in ran.out
    assert "      breaks: " in ran.out
    assert "      do:     create it, mount it, or correct `path` of this source\n" in ran.out
    assert ran.lines[-1].startswith("1 failure, ")


def test_warnings_alone_are_status_0(acme: Acme) -> None:
    acme.configure("aws", more="budgets: []\n")
    ran = acme.costd("doctor")
    assert ran.status == 0
    assert "warn  configuration" in ran.out


def test_named_sources_are_looked_at_alone(acme: Acme) -> None:
    acme.configure("aws", "azure")
    ran = acme.costd("doctor", "aws", "--output", "json")
    assert {row["check"] for row in ran.json["rows"]} == {"source aws", "clock"}
    assert ran.status == 0
    unknown = acme.costd("doctor", "asw")
    assert (unknown.status, 'did you mean "aws"?' in unknown.err) == (2, True)


def test_the_share_without_a_team_is_a_warning_with_the_key_to_add(acme: Acme) -> None:
    acme.bill(
        "aws",
        a_charge(start="2026-06-10", hours=24, ResourceId="a", Tags={"team": "web"}),
        a_charge(start="2026-06-11", hours=24, ResourceId="b", Tags={"Team-Name": "web"}),
    )
    acme.costd("collect")
    rows = acme.costd("doctor", "--output", "json").json["rows"]
    (owners,) = [row for row in rows if row["check"] == "owners"]
    assert (owners["health"], "50.0 %" in owners["subject"]) == ("warn", True)
    assert "ownership.keys.team: add 'Team-Name'" in owners["fix"]


def test_hostile_names_steer_no_terminal(acme: Acme, tmp_path: Path) -> None:
    hostile = tmp_path / "aws" / "\x1b[31mred\u202e.csv"
    (tmp_path / "aws" / "bill.csv").rename(hostile)
    for output in ("table", "json", "csv", "markdown"):
        out = acme.costd("doctor", "--output", output).out
        assert "red" in out
        assert "\x1b" not in out
        assert "\u202e" not in out


def test_a_source_that_hangs_holds_up_nothing(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    stop = Event()

    def hangs(_: FolderStore) -> list[Probe]:
        stop.wait(20)
        return [Probe(subject="late", health=Health.OK)]

    monkeypatch.setattr(FolderStore, "probe", hangs)
    ran = acme.costd("doctor", "--timeout", "2", "--output", "json")
    stop.set()
    by_area = {row["check"]: row for row in ran.json["rows"]}
    assert by_area["source aws"]["breaks"] == "no answer within 2 s"
    assert by_area["ledger"]["health"] == "ok"
    assert ran.status == 1


def test_every_sink_is_looked_at_and_no_secret_shown(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_HOOK", "https://hooks.slack.com/services/T0/B0/canary-7f3a")
    monkeypatch.setenv("T_BEAT", "http://beat.example/canary-7f3b")
    monkeypatch.setenv("T_BOT", "xoxb-canary-7f3c")
    acme.configure(
        "aws",
        more='slack: {bot_token: "${env:T_BOT}", base_url: "http://127.0.0.1:1/api/"}\n'
        'digests: [{channel: "#costs"}, {webhook: "${env:T_HOOK}"}]\n'
        'heartbeat: {url: "${env:T_BEAT}"}\n',
    )
    ran = acme.costd("doctor", "--output", "json")
    by_area = {row["check"]: row for row in ran.json["rows"]}
    assert by_area["slack"]["health"] == "fail"
    assert "cannot be reached" in by_area["slack"]["breaks"]
    assert (by_area["webhook"]["health"], by_area["heartbeat"]["health"]) == ("ok", "warn")
    assert "canary" not in ran.out + ran.err


def test_the_demo_is_fine_before_it_ever_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    from daemon.cli import run

    assert run(["-c", "demo", "doctor"]) == 0
    assert list(tmp_path.iterdir()) == []
