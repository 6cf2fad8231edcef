from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from config import secrets
from config.secrets import Secret
from daemon import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(secrets, "_struck", set())
    yield
    logs.configure("warning")
    structlog.reset_defaults()


def events(captured: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in captured.splitlines()]


def test_an_event_is_one_json_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.get_logger().info("source_collected", source="azure", rows=3, ok=True, note=None)
    captured = capsys.readouterr()
    assert captured.out == ""
    (event,) = events(captured.err)
    assert list(event)[:3] == ["timestamp", "level", "event"]
    assert event.pop("timestamp")
    run_id = event.pop("run_id")
    assert isinstance(run_id, str)
    assert len(run_id) == 8
    assert event == {
        "level": "info", "event": "source_collected", "source": "azure", "rows": 3, "ok": True, "note": None
    }  # fmt: skip


def test_all_events_of_a_run_share_its_id_and_runs_differ(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        logs.configure("info")
        logs.get_logger().info("a")
        logs.get_logger().info("b")
    ids = [event["run_id"] for event in events(capsys.readouterr().err)]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_a_terminal_gets_key_value_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("info")
    logs.get_logger().info("action_blocked", guard="pdb", reason="two words")
    line = stream.getvalue()
    assert "event=action_blocked" in line
    assert 'guard=pdb reason="two words"' in line


def test_only_the_level_and_above_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    for level, expected in (("debug", 4), ("info", 3), ("warning", 2), ("error", 1)):
        logs.configure(level)
        log = logs.get_logger()
        log.debug("d")
        log.info("i")
        log.warning("w")
        log.error("e")
        assert len(events(capsys.readouterr().err)) == expected


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_a_secret_is_struck_out_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]
) -> None:
    shown = stream()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COSTD_TEST_KEY", 'canary"quo/ted')
    value = Secret("env", "COSTD_TEST_KEY").reveal()
    logs.configure("debug")
    log = logs.get_logger()
    log.info("a", key=value, nested={"deep": [value]}, url=f"https://u:{value}@h/")
    log.info(value)
    try:
        int(value)
    except ValueError:
        log.exception("failed")
    assert "canary" not in shown.getvalue()
    assert shown.getvalue().count("***") >= 5


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_control_characters_of_data_are_escaped(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]
) -> None:
    shown = stream()
    monkeypatch.setattr(sys, "stderr", shown)
    logs.configure("info")
    logs.get_logger().info("a", tag="=cmd\x1b]0;owned\x07\nforged event\r\u202e", other=["\x1b[2J"])
    text = shown.getvalue()
    assert text.count("\n") == 1
    assert not any(character in text for character in "\x1b\x07\r\u202e")


def test_what_libraries_log_goes_the_same_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COSTD_TEST_KEY", "canary-123")
    value = Secret("env", "COSTD_TEST_KEY").reveal()
    logs.configure("debug")
    library = logging.getLogger("some.sdk")
    library.warning("request with %s", value)
    library.debug("whole request: %s", "body")
    (event,) = events(capsys.readouterr().err)
    assert event["event"] == "library_log"
    assert event["library"] == "some.sdk"
    assert event["message"] == "request with ***"


def test_configuring_twice_does_not_log_twice(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.configure("info")
    logging.getLogger("some.sdk").error("once")
    assert len(events(capsys.readouterr().err)) == 1


def test_a_library_error_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        int("deep")
    except ValueError:
        logging.getLogger("some.sdk").exception("failed")
    (event,) = events(capsys.readouterr().err)
    assert "ValueError: invalid literal" in str(event["exception"])


def test_a_safe_text_keeps_its_lines() -> None:
    assert logs.safe("a\nb\x1b[0m\tc") == "a\nb\\x1b[0m\\tc"
