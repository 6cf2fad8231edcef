"""Writes docs/reference/cli.md from the program: `make pages`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from daemon import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"
_HEAD = """\
# Commands

Made from the program by `make pages`; do not edit. Every command also takes the options of the
first section, before or after its name, and prints what it does with `--help`.
"""
_EXITS = """\
## Exit status

| | |
|---|---|
| 0 | ok |
| 1 | failed |
| 2 | the command line or the configuration makes no sense |
| 3 | changes are pending |
| 4 | over budget |
| 5 | stale or incomplete, where completeness was required |
| 6 | partly done: some sources or periods could not be read |
| 130 | interrupted |
"""


def commands() -> str:
    """Give the page of the commands."""
    group = cli.cli
    shared = {param.name for param in group.params}
    root = click.Context(group, info_name="costd")
    parts = [_HEAD, "## Options of every command\n", _table(group.get_params(root), frozenset())]
    for title, names in cli.COMMANDS.items():
        parts.append(f"# {title}\n")
        for name in names:
            command = group.get_command(root, name)
            if command is None:
                raise LookupError(f"`costd {name}` is listed and cannot be had")
            parts += _sections(command, click.Context(command, info_name=name, parent=root), shared)
    return "\n".join([*parts, _EXITS])


def _sections(command: click.Command, ctx: click.Context, shared: set[str | None]) -> Iterator[str]:
    """Give the section of a command and of those below it."""
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f"## {ctx.command_path}\n\n{_prose(command.help)}\n\n```\n{usage}\n```\n"
    own = frozenset(name for name in shared if name is not None)
    if options := _table(command.get_params(ctx), own):
        yield options
    if epilog := _prose(command.epilog):
        yield f"{epilog}\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            below = command.get_command(ctx, name)
            if below is not None:
                yield from _sections(below, click.Context(below, info_name=name, parent=ctx), shared)


def _table(params: list[click.Parameter], leave_out: frozenset[str]) -> str:
    """Give the options as a table; nothing where there are none of its own."""
    rows = []
    for param in params:
        if not isinstance(param, click.Option) or param.name in leave_out or "--help" in param.opts:
            continue
        record = param.get_help_record(click.Context(click.Command("costd")))
        if record:
            names, text = record
            rows.append(f"| `{_cell(names)}` | {_cell(text)} |")
    return "\n".join(["| option | |", "|---|---|", *rows, ""]) if rows else ""


def _prose(text: str | None) -> str:
    """Give help text as it stands in the source."""
    return inspect.cleandoc(text or "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(commands(), encoding="utf-8")
