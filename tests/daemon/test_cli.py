from __future__ import annotations

import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import click
import pytest

from daemon import cli
from daemon.invocation import Invocation
from domain.errors import CostdError, IncompleteError, UsageError

Use = Callable[[Callable[[Invocation], object]], list[Invocation]]


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Puts a function in the place of `costd status`; gives the calls it got."""
    monkeypatch.delenv("COSTD_CONFIG", raising=False)

    def use(body: Callable[[Invocation], object]) -> list[Invocation]:
        calls: list[Invocation] = []

        @click.command()
        @click.pass_obj
        def command(run: Invocation) -> object:
            calls.append(run)
            return body(run)

        module = types.ModuleType("daemon.commands.status")
        module.command = command  # type: ignore[attr-defined]  # what the group looks for
        monkeypatch.setitem(sys.modules, "daemon.commands.status", module)
        return calls

    return use


def nothing(_run: Invocation) -> None:
    """Do nothing, successfully."""


@pytest.mark.parametrize("name", [name for part in cli.COMMANDS.values() for name in part])
def test_every_listed_command_exists_and_teaches_in_its_help(name: str) -> None:
    command = import_module(f"daemon.commands.{name.replace('-', '_')}").command
    assert isinstance(command, click.Command)
    assert command.help
    undocumented = [
        p.name for p in command.params if isinstance(p, click.Option) and not (p.help or p.hidden)
    ]
    assert undocumented == []


def test_every_command_module_is_listed(root: Path) -> None:
    listed = {name.replace("-", "_") for part in cli.COMMANDS.values() for name in part}
    found = {
        p.stem
        for p in (root / "daemon" / "commands").glob("*.py")
        if "command =" in (t := p.read_text("utf-8")) or "def command(" in t
    }
    assert found <= listed


@pytest.mark.parametrize(
    "args",
    [
        ["-c", "x.yaml", "status"],
        ["status", "-c", "x.yaml"],
        ["-c", "y.yaml", "status", "--config", "x.yaml"],
    ],
)
def test_the_configuration_may_be_named_before_or_after_the_command(status: Use, args: list[str]) -> None:
    calls = status(nothing)
    assert cli.run(args) == 0
    assert calls[0].config == "x.yaml"


def test_the_environment_names_the_configuration_unless_an_option_does(
    status: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = status(nothing)
    monkeypatch.setenv("COSTD_CONFIG", "env.yaml")
    cli.run(["status"])
    cli.run(["status", "-c", "x.yaml"])
    cli.run(["-c", "demo", "status"])
    monkeypatch.delenv("COSTD_CONFIG")
    cli.run(["status"])
    assert [call.config for call in calls] == ["env.yaml", "x.yaml", "demo", "costd.yaml"]
    assert [call.is_demo for call in calls] == [False, False, True, False]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T09:00", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-11-20T09:00Z", datetime(2026, 11, 20, 9, tzinfo=UTC)),
        ("2026-11-20T09:00+01:00", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ],
)
def test_now_is_a_time_in_utc_unless_it_has_an_offset(status: Use, text: str, instant: datetime) -> None:
    calls = status(nothing)
    assert cli.run(["status", "--now", text]) == 0
    assert calls[0].now == instant
    assert calls[0].now.utcoffset() == timedelta(0)


def test_a_now_that_is_no_time_is_a_usage_error(status: Use, capsys: pytest.CaptureFixture[str]) -> None:
    status(nothing)
    assert cli.run(["status", "--now", "soon"]) == 2
    assert "2026-11-20T09:00Z" in capsys.readouterr().err
    assert cli.run(["status", "--now", "9999-12-31"]) == 2
    assert "years go from 1970 to 9998" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "expected"), [(UsageError("odd"), 2), (IncompleteError("stale"), 5), (CostdError("no"), 1)]
)
def test_an_error_ends_with_its_own_status_and_no_traceback(
    status: Use, capsys: pytest.CaptureFixture[str], error: CostdError, expected: int
) -> None:
    def fail(_run: Invocation) -> None:
        raise error

    status(fail)
    error.hint = "do this"
    assert cli.run(["status"]) == expected
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {error}\nhint: do this\n"


def test_an_error_shows_no_control_characters(status: Use, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_run: Invocation) -> None:
        raise CostdError("bad tag \x1b[31mred\x1b[0m\r\u202e", hint="see\x07")

    status(fail)
    cli.run(["status"])
    err = capsys.readouterr().err
    assert "\\x1b[31mred\\x1b[0m\\x0d\\u202e" in err
    assert not any(character in err for character in "\x1b\r\x07\u202e")


@pytest.mark.parametrize("given", [0, 3, 4, 5, 6])
def test_the_number_a_command_returns_is_the_exit_status(status: Use, given: int) -> None:
    status(lambda _run: given)
    assert cli.run(["status"]) == given


def test_a_command_may_end_through_its_context(status: Use) -> None:
    status(lambda _run: click.get_current_context().exit(6))
    assert cli.run(["status"]) == 6


def test_an_interrupt_ends_with_130(status: Use, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_run: Invocation) -> None:
        raise KeyboardInterrupt

    status(interrupted)
    assert cli.run(["status"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["reprot"], "did you mean `costd report`?"),
        (["zzz"], "`costd --help` lists the commands"),
        (["config", "chek"], "No such command 'chek'"),
        (["config", "check", "--outptu", "json"], "--output"),
        (["status", "--nope"], "`costd status --help` shows how it is used"),
        (["config", "check", "--output", "xml"], "is not one of"),
    ],
)
def test_a_wrong_command_line_is_told_with_what_was_probably_meant(
    status: Use, capsys: pytest.CaptureFixture[str], args: list[str], says: str
) -> None:
    status(nothing)
    assert cli.run(args) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert says in captured.err
    assert captured.out == ""


def test_no_command_shows_the_help_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage: costd" in captured.err


def test_the_help_has_every_command_with_one_line_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for part, commands in cli.COMMANDS.items():
        assert f"{part}:" in shown
        for name, line in commands.items():
            assert f"  {name} " in shown
            assert line in shown
    assert cli.EXAMPLES in shown


def test_the_help_of_a_command_tells_the_shared_options(
    status: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    status(nothing)
    assert cli.run(["status", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--config", "--log-level", "--now", "--help"):
        assert option in shown


def test_a_shell_can_complete_commands(root: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "daemon"],
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env={**os.environ, "_COSTD_COMPLETE": "bash_complete", "COMP_WORDS": "costd rep", "COMP_CWORD": "1"},
    )
    assert result.stdout == "plain,report\n"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("costd 0.")


def program(folder: Path, body: str) -> subprocess.Popen[str]:
    """Start a `costd status` whose work is `body`."""
    script = folder / "program.py"
    script.write_text(
        "import sys, time, types, click\nfrom daemon import cli\n"
        f"@click.command()\ndef command():\n    {body}\n"
        "sys.modules['daemon.commands.status'] = types.SimpleNamespace(command=command)\n"
        "sys.argv = ['costd', 'status']\ncli.main()\n",
        encoding="utf-8",
    )
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )


@pytest.mark.parametrize("body", ["while True: click.echo('x' * 1000)", "time.sleep(0.5); print('late')"])
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, body: str) -> None:
    with program(tmp_path, body) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if "while" in body:
            process.stdout.read(1)
        process.stdout.close()
        assert process.wait(60) == 141
        assert process.stderr.read() == ""


def test_a_mistake_of_ours_shows_its_traceback_without_secrets(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "import sys\nfrom daemon import cli\nfrom config.secrets import Secret\n"
        "def run(args):\n    raise RuntimeError(Secret('env', 'CANARY').reveal())\n"
        "cli.run = run\ncli.main()\n",
        encoding="utf-8",
    )
    result = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CANARY": "canary-9312", "PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )
    assert result.returncode == 1
    assert "RuntimeError: ***" in result.stderr
    assert "please report" in result.stderr
    assert "canary-9312" not in result.stderr


def test_ctrl_c_ends_a_real_process_with_130(tmp_path: Path) -> None:
    with program(tmp_path, "print('ready', flush=True); time.sleep(60)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err == "interrupted\n"
