"""`costd init`: look around, ask a few questions, write a first configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.invocation import DEFAULT_CONFIG, Invocation

if TYPE_CHECKING:
    from daemon.setup.plan import Plan


@click.command()
@click.option("--files", "files", multiple=True, metavar="PLACE", help="Folder, file or s3://bucket/prefix.")
@click.option(
    "--output", metavar="FILE", help=f"Where it is written. Default ./{DEFAULT_CONFIG}, or -c FILE."
)
@click.option("--yes", is_flag=True, help="Ask nothing: take every default.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@click.pass_obj
def command(run: Invocation, /, files: tuple[str, ...], output: str | None, **flags: bool) -> None:
    """Look for bills and accounts, ask a few questions, and write a first costd.yaml.

    It looks at files and at names of accounts on this machine and connects to nothing. The
    file is commented, in mode `observe`, and names only what this version can collect.
    """
    import os

    from daemon.setup.around import look_around
    from daemon.setup.exports import Search, named_places, search
    from daemon.setup.plan import defaults, make_plan
    from daemon.setup.telling import found_lines, next_lines
    from daemon.setup.writing import key_lines

    target = Path(output or (DEFAULT_CONFIG if run.is_demo else run.config))
    _refuse(target, force=flags["force"], asks=not flags["yes"])
    here = Path.cwd()
    around = look_around(Path.home(), os.environ)
    found = Search(places=list(named_places(files, here)), is_whole=True) if files else search(here)
    places = found.places
    _say(found_lines(around, places, here, is_whole=found.is_whole))
    ask = defaults if flags["yes"] else _ask
    plan = make_plan(around, places, here, ask, lambda seen: _say(["", *key_lines(seen), ""]))
    _write(target, plan, force=flags["force"])
    is_default = target.absolute() == here / DEFAULT_CONFIG and "COSTD_CONFIG" not in os.environ
    _say(next_lines(plan, around, target, is_default=is_default))


def _refuse(target: Path, *, force: bool, asks: bool) -> None:
    """Refuse what would overwrite, or ask nobody.

    Raises:
        UsageError: there is a file already, or nobody can answer.
    """
    import sys

    from domain.errors import UsageError

    if target.exists() and not force:
        raise UsageError(
            f"{target} exists already", hint="`costd doctor` looks at it; `costd init --force` replaces it"
        )
    if asks and not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked: standard input is no terminal",
            hint="`costd init --yes` takes every default; --files PLACE names the bills",
        )


def _ask(question: str, default: str, check: Callable[[str], str]) -> str:
    """Ask until the answer can be taken; an empty one takes the default."""
    from domain.text import shortened

    def convert(text: str) -> str:
        try:
            return check(text.strip())
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    shown = f"{question} [{shortened(default, 200)}]" if default else question
    answer: str = click.prompt(shown, default=default, show_default=False, value_proc=convert)
    return answer


def _write(target: Path, plan: Plan, *, force: bool) -> None:
    """Write the file once the loader has taken it.

    Raises:
        ConfigError: an answer makes a configuration that cannot be used; nothing is written.
        UsageError: the file cannot be written.
    """
    from config.load import Origin, load
    from daemon.assemble import source_models
    from daemon.setup.writing import written
    from domain.errors import UsageError

    folder = target.absolute().parent
    text = written(plan, folder)
    load(Origin(name=str(target), folder=folder, text=text), source_models()).usable()
    try:
        with target.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{target} cannot be written: {reason}", hint="name another with --output") from None


def _say(lines: list[str]) -> None:
    """Print lines that may hold names of files and accounts."""
    from daemon.logs import safe

    for line in lines:
        click.echo(safe(line))
