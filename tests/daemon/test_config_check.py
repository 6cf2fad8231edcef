from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon import cli
from daemon.assemble import open_settings
from daemon.serve import listen
from domain.errors import ConfigError

GOOD = """\
mode: observe
sources:
  - {type: demo, name: a, provider: aws, every: 90m}
ownership: {rules: [{when: {account: "1"}, team: x}]}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the configuration is, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "costd.yaml"


def check(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    status = cli.run(["config", "check", *args])
    captured = capsys.readouterr()
    assert captured.err == ""
    return status, captured.out


def test_a_good_configuration_is_summed_up(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(GOOD, encoding="utf-8")
    status, shown = check(capsys)
    assert status == 0
    assert shown.splitlines() == [
        "costd.yaml is fine",
        "  mode       observe",
        "  timezone   UTC",
        "  sources    a (demo, every 1h30m)",
        "  ownership  1 rule, 0 accounts, 0 shared pools; team from tag team or owner",
        f"  ledger     {path.parent}/var/ledger",
        f"  state      sqlite:///{path.parent}/var/costd.db",
        "next: costd collect",
    ]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("path")
def test_the_next_command_names_the_same_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, "-c", "demo")[1].splitlines()[-1] == "next: costd -c demo collect"


def test_an_address_that_serving_would_refuse_is_an_error_with_its_line(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(GOOD + "http:\n  port: 80\n  host: 0.0.0.0\n", encoding="utf-8")
    status, shown = check(capsys)
    assert status == 2
    told = shown.splitlines()[0]
    assert told.startswith(
        "costd.yaml:7: http.host: 0.0.0.0 can be reached from other machines, and `http.auth`"
    )
    assert "set `http.auth: token`" in told
    with pytest.raises(ConfigError, match="can be reached from other machines"):
        listen(open_settings(path).http, move_on=False)
    path.write_text(GOOD + "http: {host: 0.0.0.0, auth: token}\n", encoding="utf-8")
    assert check(capsys)[0] == 0


def test_every_error_and_warning_is_one_line_and_the_status_is_2(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text("mode: x\npolicies: []\nsources:\n  - {type: demo, name: a, provider: ibm}\n", "utf-8")
    status, shown = check(capsys)
    assert status == 2
    assert shown.splitlines() == [
        "costd.yaml:1: mode: must be 'observe', 'propose' or 'act'",
        "costd.yaml:4: sources[0].provider: must be 'aws', 'gcp' or 'azure'",
        "warning: costd.yaml:2: `policies` is read by a later version; this one ignores it",
        "",
        "costd.yaml: 2 errors, 1 warning",
        "next: correct the lines above and run it again",
    ]


def test_warnings_alone_are_no_failure(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(f"groups: {{}}\n{GOOD}", encoding="utf-8")
    status, shown = check(capsys)
    assert status == 0
    assert "costd.yaml is fine (1 warning)" in shown


def test_json_has_the_same_findings(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("mode: x\ngroups: {}\n", encoding="utf-8")
    status, shown = check(capsys, "--output", "json")
    found = json.loads(shown)
    assert status == 2
    assert found["schema"] == "costd.config-check/1"
    assert found["ok"] is False
    assert found["summary"] is None
    assert [(f["line"], f["key"]) for f in found["errors"]] == [(1, "mode")]
    assert [(f["line"], f["key"]) for f in found["warnings"]] == [(2, "groups")]
    path.write_text(GOOD, encoding="utf-8")
    found = json.loads(check(capsys, "--output", "json")[1])
    assert found["ok"] is True
    assert found["summary"]["sources"] == "a (demo, every 1h30m)"


def test_files_that_rules_name_are_looked_at(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(f"{GOOD.rstrip()[:-1]}, catalogs: [none.yaml]}}\n", encoding="utf-8")
    status, shown = check(capsys)
    assert status == 2
    assert "none.yaml cannot be read" in shown
    (path.parent / "none.yaml").write_text("kind: [", encoding="utf-8")
    status, shown = check(capsys)
    assert status == 0
    assert "warning: costd.yaml: ownership:" in shown


def test_every_named_file_that_cannot_be_read_is_told_and_those_a_pattern_caught_are_left_out(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path.parent / "cat").mkdir()
    (path.parent / "cat" / "latin.yaml").write_bytes(b"kind: \xe4")
    named = "catalogs: [one.yaml, 'cat/*.yaml'], codeowners: [{repository: a/b, path: two}]"
    path.write_text(f"{GOOD.rstrip()[:-1]}, {named}}}\n", encoding="utf-8")
    status, shown = check(capsys)
    assert status == 2
    assert "one.yaml cannot be read" in shown
    assert "two cannot be read" in shown
    assert "2 errors" in shown
    path.write_text(f"{GOOD.rstrip()[:-1]}, catalogs: ['cat/*.yaml']}}\n", encoding="utf-8")
    status, shown = check(capsys)
    assert status == 0
    assert "latin.yaml: catalogue file " in shown
    assert "latin.yaml is not UTF-8 text; save it as UTF-8" in shown


def test_a_missing_configuration_is_an_error_on_stderr(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["config", "check"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: no configuration at {path}\nhint: ")


def test_the_check_needs_no_credentials(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(
        'ledger: {path: "s3://nowhere-at-all/x", s3: {endpoint_url: "http://127.0.0.1:1", '
        'access_key_id: "${env:NOT_SET_A}", secret_access_key: "${env:NOT_SET_B}"}}\n' + GOOD,
        encoding="utf-8",
    )
    status, shown = check(capsys)
    assert status == 0
    assert "environment variable NOT_SET_A is not set" in shown


def test_the_schema_is_printed_for_editors(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "costd.yaml"
    assert cli.run(["config", "schema", "--output", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("# Settings\n")
