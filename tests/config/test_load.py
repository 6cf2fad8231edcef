"""What is wrong with a configuration is said at once, with line, key and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from config.fault import Fault
from config.load import Loaded, Origin, describe, load
from config.secrets import Secret
from config.settings import LATER_KEYS, Mode, Settings
from config.source import SourceEnvelope
from config.units import Location
from domain.errors import ConfigError


class FolderSettings(SourceEnvelope):
    type: Literal["folder"] = Field(default="folder", description="Always `folder`.")
    path: Location = Field(description="Where.")
    token: Secret | None = Field(default=None, description="A secret.")
    rows: int = Field(default=3, ge=1, le=10, description="A count.")
    deep: bool = Field(default=False, description="A flag.")


MODELS: dict[str, Callable[[], type[SourceEnvelope]]] = {"folder": lambda: FolderSettings}


def loaded(text: str, folder: Path = Path("/etc/costd")) -> Loaded:
    return load(Origin(name="costd.yaml", folder=folder, text=text), MODELS)


def errors(text: str) -> dict[str, Fault]:
    result = loaded(text)
    assert result.settings is None
    return {fault.key: fault for fault in result.errors}


def settings(text: str) -> Settings:
    return loaded(text).usable()


def test_an_empty_mapping_is_the_defaults_below_the_folder_of_the_file() -> None:
    found = settings("mode: observe")
    assert found.mode is Mode.OBSERVE
    assert str(found.timezone) == "UTC"
    assert found.ledger.path == "/etc/costd/var/ledger"
    assert found.state.url == "sqlite:////etc/costd/var/costd.db"
    assert found.sources == ()
    assert found.folder == Path("/etc/costd")


def test_a_source_is_read_by_the_settings_of_its_type() -> None:
    found = settings("sources: [{type: folder, name: a, path: ./x, every: 90m, rows: 4, deep: true}]")
    (source,) = found.sources
    assert isinstance(source, FolderSettings)
    assert (source.path, source.rows, source.deep) == ("/etc/costd/x", 4, True)
    assert source.every.total_seconds() == 5400


def test_bare_account_numbers_keep_their_leading_zeros() -> None:
    found = settings("ownership: {rules: [{when: {account: 012345678901}, team: NO}]}")
    (rule,) = found.ownership.rules
    assert rule.when.account == ("012345678901",)
    assert rule.team == "NO"


def test_sections_whose_lines_are_all_comments_count_as_absent() -> None:
    assert settings("sources:\n  # - {type: folder}\nownership:\n").sources == ()


BAD = """\
mode: actt
timezone: Mars/Olympus
ledger:
  path: gs://bucket
  keep_versions: 0
  max_loss: 7
state: {url: mysql://x}
ownershp: {}
sources:
  - {type: folder, name: a, path: x, every: -3h}
  - {type: foldr, name: b}
  - {nme: x}
  - {type: folder, name: a, path: x, rows: many, deep: perhaps}
  - just text
  - {type: folder, name: All Bills, pth: x}
ownership:
  keys: {team: [], owner: [x]}
  rules:
    - when: {account: "re:(unclosed"}
      team: a
    - {when: {acount: x}, team: b}
"""


def test_every_fault_of_every_kind_is_told_at_once_with_its_line() -> None:
    found = errors(BAD)
    assert {key: fault.line for key, fault in found.items()} == {
        "mode": 1,
        "timezone": 2,
        "ledger.path": 4,
        "ledger.keep_versions": 5,
        "ledger.max_loss": 6,
        "state.url": 7,
        "ownershp": 8,
        "sources[0].every": 10,
        "sources[1]": 11,
        "sources[2]": 12,
        "sources[3].name": 13,
        "sources[3].rows": 13,
        "sources[3].deep": 13,
        "sources[4]": 14,
        "sources[5].name": 15,
        "sources[5].path": 15,
        "sources[5].pth": 15,
        "ownership.keys.owner": 17,
        "ownership.rules[0].when.account": 19,
        "ownership.rules[1].when.acount": 21,
    }


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("mode", "must be 'observe', 'propose' or 'act'"),
        ("timezone", "Europe/Berlin"),
        ("ledger.keep_versions", "must be at least 1"),
        ("ledger.max_loss", "like `5%`"),
        ("ownershp", 'did you mean "ownership"?'),
        ("sources[0].every", "like `6h`"),
        ("sources[1]", 'unknown source type `foldr` did you mean "folder"?'),
        ("sources[2]", "has no `type` known types: folder"),
        ("sources[3].name", "already on line 10"),
        ("sources[3].rows", "must be a whole number"),
        ("sources[3].deep", "must be true or false"),
        ("sources[4]", "must be keys with values"),
        ("sources[5].path", "is missing"),
        ("sources[5].pth", 'did you mean "path"?'),
        ("ownership.rules[0].when.account", "cannot be used"),
        ("ownership.rules[1].when.acount", 'did you mean "account"?'),
    ],
)
def test_each_fault_says_what_is_wrong_and_what_to_do(key: str, says: str) -> None:
    fault = errors(BAD)[key]
    assert says in f"{fault.message} {fault.hint}".strip()


def test_the_error_lists_every_fault_as_file_line_key() -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(BAD).usable()
    lines = str(caught.value).splitlines()
    assert lines[0] == "costd.yaml cannot be used"
    assert lines[1] == "costd.yaml:1: mode: must be 'observe', 'propose' or 'act'"
    assert len(lines) == 1 + len(errors(BAD))
    assert caught.value.exit_status == 2


def test_a_double_key_is_told_beside_other_faults() -> None:
    result = loaded("mode: observe\nmode: nothing\n")
    assert [fault.line for fault in result.errors] == [2, 2]


@pytest.mark.parametrize("key", sorted(LATER_KEYS))
def test_keys_of_later_versions_are_named_in_a_warning_and_do_no_harm(key: str) -> None:
    result = loaded(f"mode: observe\n{key}: [whatever, {{is: '${{env:THERE}}'}}]\n")
    assert result.settings is not None
    told = [fault for fault in result.warnings if fault.key == key]
    assert describe(result.origin, told[0]) == (
        f"costd.yaml:2: `{key}` is read by a later version; this one ignores it"
    )


def test_a_misspelt_later_key_is_still_an_error_with_its_name() -> None:
    assert 'did you mean "policies"?' in errors("policys: []")["policys"].hint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n", "holds a list"),
        ("just words", "holds a text"),
    ],
)
def test_a_file_that_is_no_mapping_says_what_it_holds(text: str, says: str) -> None:
    (fault,) = loaded(text).errors
    assert says in fault.message
    assert "docs/getting-started.md" in fault.hint


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("sources: {a: b}", "sources", "must be a list"),
        ("ledger: here", "ledger", "must be keys with values"),
        ("ledger: [x]", "ledger", "must be keys with values"),
        ("mode: [observe]", "mode", "must be 'observe'"),
        ("ledger: {path: [x]}", "ledger.path", "must be text"),
        ("ledger: {path: }", "ledger.path", "is empty"),
        ("ledger: {s3: {endpoint_url: minio}}", "ledger.s3.endpoint_url", "http"),
        ("state: {url: }", "state.url", "is empty"),
        ("state: {url: 'sqlite://'}", "state.url", "names no database file"),
        ("state: {url: 'sqlite:///:memory:'}", "state.url", "names no database file"),
        ("state: {url: 'postgresql://[x'}", "state.url", "not a URL"),
        ("sources: [{type: folder, name: a, path: x, rows: 11}]", "sources[0].rows", "at most 10"),
        ("timezone: 5", "timezone", "not a time zone"),
        ("timezone: ../../etc/passwd", "timezone", "not a time zone"),
        ("sources: [{type: [x], name: a}]", "sources[0]", "unknown source type"),
        ("sources: [{type: folder, name: a, path: x, every: 0s}]", "sources[0].every", "longer than zero"),
        ("sources: [{type: folder, name: all, path: x}]", "sources[0].name", "meaning of its own"),
        ("sources: [{type: folder, name: -x, path: x}]", "sources[0].name", "`a-z`"),
        (f"sources: [{{type: folder, name: {'a' * 41}, path: x}}]", "sources[0].name", "1 to 40"),
        ("ledger: {max_loss: 120%}", "ledger.max_loss", "more than 100%"),
        ('"a.b\\e[31m": 1', '["a.b\\x1b[31m"]', "unknown key"),
    ],
)
def test_wrong_values_say_what_would_be_right(text: str, key: str, says: str) -> None:
    fault = errors(text)[key]
    assert says in f"{fault.message} {fault.hint}"


def test_control_characters_of_a_file_never_reach_the_terminal() -> None:
    result = loaded('"x\\e[31m": 1\nsources: [{type: "\\e]0;owned\\a", name: a}]')
    shown = "\n".join(describe(result.origin, fault) for fault in result.errors)
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_reference_outside_a_secret_field_is_an_error_that_says_so() -> None:
    found = errors(
        'timezone: "${env:TZ}"\nsources: [{type: folder, name: a, path: "${file:/x}", token: "${env:T}"}]'
    )
    assert set(found) == {"timezone", "sources[0].path"}
    assert "only read in fields that take a secret" in found["sources[0].path"].message


def test_a_literal_secret_is_refused_and_never_repeated() -> None:
    result = loaded("sources: [{type: folder, name: a, path: x, token: hunter2-canary}]")
    (fault,) = result.errors
    assert fault.key == "sources[0].token"
    assert "${env:NAME}" in fault.hint
    assert "hunter2" not in repr(result.errors)


def test_a_password_in_the_state_url_is_refused_and_never_repeated() -> None:
    for url in ("postgresql://u:hunter2@h/x", "postgresql+psycopg://h/x?password=hunter2"):
        result = loaded(f'state: {{url: "{url}"}}')
        (fault,) = result.errors
        assert "password" in fault.message
        assert "hunter2" not in repr(result.errors)


def test_the_state_url_may_be_a_secret_or_a_url_without_one() -> None:
    assert settings('state: {url: "${env:DB}"}').state.url == Secret("env", "DB")
    assert settings("state: {url: 'postgresql://h/x'}").state.url == "postgresql://h/x"


def test_keys_of_a_bucket_come_together() -> None:
    found = errors('ledger: {s3: {secret_access_key: "${env:S"}}')
    assert "ledger.s3.secret_access_key" in found
    found = errors('ledger: {s3: {secret_access_key: "${env:S}"}}')
    assert "come together" in found["ledger.s3.secret_access_key"].message
    found = errors('ledger: {s3: {access_key_id: "${env:S}"}}')
    assert any("come together" in fault.message for fault in found.values())


def test_secrets_that_are_missing_or_exposed_are_warnings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("x", encoding="utf-8")
    (tmp_path / "key").chmod(0o644)
    monkeypatch.delenv("NOT_THERE", raising=False)
    text = (
        'sources:\n- {type: folder, name: a, path: x, token: "${file:key}"}\n'
        '- {type: folder, name: b, path: x, token: "${env:NOT_THERE}"}\n'
    )
    result = loaded(text, tmp_path)
    assert [(f.line, f.key) for f in result.warnings] == [(2, "sources[0].token"), (3, "sources[1].token")]
    assert result.settings is not None


def test_no_source_at_all_is_a_warning() -> None:
    assert [fault.key for fault in loaded("mode: observe").warnings] == ["sources"]


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"no configuration at {tmp_path}/costd.yaml") as caught:
        load(Origin(name="costd.yaml", folder=tmp_path), MODELS)
    for way in ("-c FILE", "COSTD_CONFIG", "costd demo", "costd init"):
        assert way in caught.value.hint


def test_a_folder_and_an_unreadable_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        load(Origin(name=str(tmp_path), folder=tmp_path), MODELS)
    with pytest.raises(ConfigError, match=r"cannot be read: .*too long"):
        load(Origin(name=str(tmp_path / ("x" * 300)), folder=tmp_path), MODELS)
    path = tmp_path / "costd.yaml"
    path.write_text("mode: observe", encoding="utf-8")
    path.chmod(0)
    if os.geteuid() != 0:  # root reads it all the same
        with pytest.raises(ConfigError, match="Permission denied"):
            load(Origin(name=str(path), folder=tmp_path), MODELS)


def test_a_file_is_read_with_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "costd.yaml"
    path.write_bytes(b"\xef\xbb\xbfmode: propose\r\ntimezone: Asia/Tokyo\r\n")
    found = load(Origin(name=str(path), folder=tmp_path), MODELS).usable()
    assert (found.mode, str(found.timezone)) == (Mode.PROPOSE, "Asia/Tokyo")


def test_a_file_over_a_mebibyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "costd.yaml"
    path.write_bytes(b"#" * 2_000_000)
    (fault,) = load(Origin(name=str(path), folder=tmp_path), MODELS).errors
    assert "1 MiB" in fault.message


def test_a_machine_without_time_zones_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.zone.available_timezones", set)
    assert "tzdata" in errors("timezone: Moon/Base")["timezone"].hint


def test_settings_built_in_code_hold_the_same_rules() -> None:
    one = FolderSettings(name="a", path="x")
    assert Settings(sources=(one,)).sources == (one,)
    with pytest.raises(ValueError, match="share a name"):
        Settings(sources=(one, one))


def test_settings_cannot_be_changed() -> None:
    found = settings("mode: observe")
    with pytest.raises(ValueError, match="frozen"):
        found.mode = Mode.ACT  # type: ignore[misc]  # on purpose


ODD = st.text(alphabet="aé\x1b\u202e\n.[]:*&!%@", max_size=6)
KNOWN = """mode timezone ledger state sources ownership path s3 url type name every keys team rules when
    account accounts shared split aliases catalogs codeowners follow policies tag:x region max_loss
    keep_versions"""
WORDS = "folder observe UTC 6h 5% a re:( re:^(?P<n>x)$ {n} ${env:X} ml 3 s3://b sqlite:///x"
KEYS = st.sampled_from(KNOWN.split())
SCALARS = st.sampled_from(WORDS.split()) | st.none() | st.booleans() | st.integers() | ODD
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | ODD, inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_whatever_is_written_becomes_settings_or_faults_with_places(content: dict[str, object]) -> None:
    text = json.dumps(content, indent=1)
    result = loaded(text)
    assert (result.settings is None) == bool(result.errors)
    for fault in (*result.errors, *result.warnings):
        assert 0 <= fault.line <= text.count("\n") + 1
        assert fault.message
        assert describe(result.origin, fault).isprintable()
