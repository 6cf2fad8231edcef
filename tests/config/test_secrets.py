from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from config import secrets
from config.secrets import Secret, redact, strike
from domain.errors import ConfigError

CANARY = "canary-7f3a9+/=x"


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_struck", set())


class Holder(BaseModel):
    key: Secret


def test_a_variable_is_read_late(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Holder(key="${env:COSTD_TEST_KEY}").key  # type: ignore[arg-type]  # as YAML gives it
    monkeypatch.setenv("COSTD_TEST_KEY", CANARY)
    assert secret.reveal() == CANARY


def test_a_file_is_read_relative_to_the_configuration_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{CANARY}\n", encoding="utf-8")
    secret = TypeAdapter(Secret).validate_python("${file:key}", context={"folder": tmp_path})
    assert secret.reveal() == CANARY


@pytest.mark.parametrize(
    "value", [CANARY, "", f"{CANARY}${{env:X}}", "${env:}", "${vault:x}", "${env:A B}", None, 7, ["${env:X}"]]
)
def test_anything_but_a_reference_is_refused_without_repeating_it(value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Holder(key=value)  # type: ignore[arg-type]  # on purpose
    details = json.dumps(caught.value.errors(include_input=False, include_url=False), default=str)
    assert CANARY not in details
    assert "${env:NAME}" in details


def test_the_value_is_in_no_text_of_a_secret_or_its_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTD_TEST_KEY", CANARY)
    holder = Holder(key="${env:COSTD_TEST_KEY}")  # type: ignore[arg-type]  # as YAML gives it
    holder.key.reveal()
    shown = f"{holder!r} {holder.key} {holder.model_dump()} {holder.model_dump_json()}"
    assert CANARY not in shown
    assert "${env:COSTD_TEST_KEY}" in shown


def test_a_missing_variable_is_named_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COSTD_TEST_KEY", raising=False)
    secret = Secret("env", "COSTD_TEST_KEY")
    assert secret.missing() == "environment variable COSTD_TEST_KEY is not set"
    with pytest.raises(ConfigError, match="COSTD_TEST_KEY is not set"):
        secret.reveal()


def test_a_missing_empty_or_odd_file_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "key"
    secret = Secret("file", str(path))
    assert "does not exist" in secret.missing()
    with pytest.raises(ConfigError, match="cannot be read"):
        secret.reveal()
    path.write_bytes(b"\n")
    with pytest.raises(ConfigError, match="is empty"):
        secret.reveal()
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        secret.reveal()
    path.write_bytes(b"x" * 70_000)
    with pytest.raises(ConfigError, match="larger than 64 KiB"):
        secret.reveal()


def test_a_file_that_every_user_can_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("x", encoding="utf-8")
    path.chmod(0o644)
    assert "every user" in Secret("file", str(path)).exposed()
    path.chmod(0o640)
    assert Secret("file", str(path)).exposed() == ""
    assert Secret("env", "HOME").exposed() == ""


def test_a_revealed_secret_is_struck_out_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTD_TEST_KEY", CANARY)
    Secret("env", "COSTD_TEST_KEY").reveal()
    for form in (CANARY, quote(CANARY), quote(CANARY, safe=""), json.dumps(CANARY), repr(CANARY)):
        assert redact(f"a {form} b").strip('"').replace("'", "").replace('"', "") == "a *** b"


def test_the_password_in_a_secret_url_is_struck_out_alone_too() -> None:
    strike("postgresql://costd:p%40ss-word@db/costd")
    assert redact("password p@ss-word, p%40ss-word") == "password ***, ***"


def test_a_secret_that_only_looks_like_a_url_is_struck_out_whole() -> None:
    strike("x://[half")
    assert redact("is x://[half") == "is ***"


def test_every_line_of_a_key_file_is_struck_out() -> None:
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----"
    strike(pem)
    assert redact(f"bad line: hkiG9w0BAQEFAASC; {pem!r}") == "bad line: ***; '***'"


def test_the_longer_of_two_secrets_is_struck_first() -> None:
    strike("abc")
    strike("abc-and-more")
    assert redact("abc-and-more abc") == "*** ***"


def test_secrets_in_the_same_place_are_equal() -> None:
    assert Secret("env", "A") == Secret("env", "A")
    assert len({Secret("env", "A"), Secret("env", "A"), Secret("file", "A")}) == 2


def test_an_unreadable_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    path.write_text("x", encoding="utf-8")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root, who runs some tests, reads everything
    assert "cannot be read" in Secret("file", str(path)).missing()
