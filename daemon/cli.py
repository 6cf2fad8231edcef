"""The command `costd`: which commands there are, the options they share, how a run ends.

Imports only the standard library, click and our error types: a command pays for what it
uses when it is called, and `costd --help` for nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from importlib import import_module
from types import TracebackType
from typing import Any

import click

from daemon.invocation import DEFAULT_CONFIG, Invocation
from daemon.times import in_range
from domain.errors import CostdError, UsageError

COMMANDS: dict[str, dict[str, str]] = {
    "Start": {
        "demo": "Play with a simulated company; nothing real is touched.",
        "run": "Collect, report and serve the pages, until told to stop.",
        "init": "Look for bills and write a first costd.yaml.",
        "doctor": "Look at every source and sink; say what breaks and the fix.",
        "config": "Check the configuration, and help editors write it.",
        "collect": "Fetch what the sources have that is new.",
        "gpu-exporter": "Serve what the GPUs of this machine do, for Prometheus.",
    },
    "Read": {
        "report": "Say what was spent, by whom, on what.",
        "digest": "Print the daily message.",
        "status": "Say how far each source reaches, and what is wrong.",
        "idle": "Say what is paid for and not used; replay idle rules.",
        "restatements": "Say what providers changed in bills they had already sent.",
        "export": "Write the charges as FOCUS files.",
        "sanitise": "Copy an export with everything that identifies you replaced.",
    },
    "Trust": {
        "why-owner": "Say which rule gave a resource its owner.",
        "reconcile": "Prove that what is attributed equals the bill.",
    },
    "Keep": {
        "audit": "Say who did what, and prove that nothing in it was changed.",
        "token": "Give people and programs keys to the API, and take them back.",
        "backup": "Copy the ledger and the state into one archive.",
        "restore": "Bring an archive back.",
    },
}
"""Every command with what it does, by the part of work it belongs to; its module has its name."""

EXAMPLES = """\
  costd -c demo digest --preview       a look at the demo company's morning message
  costd config check                   every mistake in ./costd.yaml, with its line
  costd collect                        fetch new bills from every source
  costd report --by team,service       this month's cost, by owner"""

_INTERRUPTED = 130
_PIPE_CLOSED = 141


class LazyGroup(click.Group):
    """A group whose commands are modules of `daemon.commands`, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the help."""
        del ctx
        return [name for part in COMMANDS.values() for name in part]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and give it the options that every command takes."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"daemon.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        command.name = cmd_name
        _share_options(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or suggest the one that was probably meant."""
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            close = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"did you mean `costd {close[0]}`?" if close else "`costd --help` lists the commands"
            raise UsageError(f"there is no command `{name}`", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by part of work, each with one line that teaches."""
        del ctx
        for part, commands in COMMANDS.items():
            with formatter.section(part):
                formatter.write_dl(list(commands.items()), col_max=16)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples as they stand, without wrapping."""
        del ctx
        formatter.write(f"\nExamples:\n{EXAMPLES}\n")


class Instant(click.ParamType[datetime]):
    """A moment on the command line: a day, or a time with or without offset (UTC)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read `2026-11-20`, `2026-11-20T09:00` or `2026-11-20T09:00+01:00`."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(str(value).strip())
        except ValueError:
            self.fail(f"{value!r} is no time; write it like 2026-11-20T09:00Z", param, ctx)
        in_range(instant, str(value))
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Store a shared option; the one nearest to the end of the command line wins."""
    if value is not None and param.name is not None:
        setattr(ctx.ensure_object(Invocation), param.name, value)


def _shared_options(*, environment: bool) -> list[click.Option]:
    """Give the options that work before and after a command's name."""
    common: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(
            ["-c", "--config"],
            metavar="FILE",
            envvar="COSTD_CONFIG" if environment else None,
            help=f"Configuration file, or the word `demo`. Default ./{DEFAULT_CONFIG}; also COSTD_CONFIG.",
            **common,
        ),
        click.Option(
            ["--log-level"],
            type=click.Choice(["debug", "info", "warning", "error"]),
            envvar="COSTD_LOG_LEVEL" if environment else None,
            help="Least level that is logged, to stderr. Default warning.",
            **common,
        ),
        click.Option(
            ["--now"],
            type=Instant(),
            metavar="TIME",
            help="Take this as the present (UTC unless it has an offset). Not in mode `act`.",
            **common,
        ),
    ]


def _share_options(command: click.Command) -> None:
    """Give a command, and what is below it, the shared options it lacks."""
    taken = {param.name for param in command.params}
    command.params.extend(o for o in _shared_options(environment=False) if o.name not in taken)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _share_options(below)


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001  # click's form
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"costd {version('costd')}")
        ctx.exit()


cli = LazyGroup(
    name="costd",
    help="Says what you spend, who spends it and what is wasted, and switches waste off when people agree.",
    params=[
        *_shared_options(environment=True),
        click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Version."
        ),
    ],
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(args: Sequence[str]) -> int:
    """Run one command line and give the exit status.

    0 ok, 1 failed, 2 usage, 3 changes pending, 4 over budget, 5 stale or incomplete,
    6 partly done, 130 interrupted, 141 the reader of our output went away.
    """
    try:
        with cli.make_context("costd", list(args), obj=Invocation()) as ctx:
            status = cli.invoke(ctx)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.ClickException, CostdError) as error:
        return _tell(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return _INTERRUPTED
    except BrokenPipeError:
        _silence_output()
        return _PIPE_CLOSED
    return status if isinstance(status, int) else 0


def main() -> None:
    """Be the program: run the command line of the process and end with its status."""
    if "_COSTD_COMPLETE" in os.environ:
        cli.main(prog_name="costd")
    sys.excepthook = _show_defect
    sys.exit(run(sys.argv[1:]))


def _tell(error: click.ClickException | CostdError) -> int:
    """Write an error and its hint to stderr; give the exit status."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    from daemon.logs import safe

    if isinstance(error, CostdError):
        message, hint, status = str(error), error.hint, error.exit_status
    else:
        message, hint, status = error.format_message(), _usage_hint(error), error.exit_code
    click.echo(f"error: {safe(message)}", err=True)
    if hint:
        click.echo(f"hint: {safe(hint)}", err=True)
    return status


def _usage_hint(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    return f"`{ctx.command_path} --help` shows how it is used" if ctx is not None else ""


def _show_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show a mistake of ours with its traceback, secrets struck out."""
    import traceback

    from daemon.logs import safe

    click.echo(safe("".join(traceback.format_exception(kind, error, trace))), err=True)
    click.echo("error: costd itself failed; please report the lines above", err=True)


def _silence_output() -> None:
    """Point stdout at nothing, so that the interpreter's last flush cannot fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
