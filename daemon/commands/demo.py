"""`costd demo`: a simulated company to look at, and to play with; `costd demo reset` starts over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import DEMO, Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from daemon.collect_run import Collected
    from daemon.rooms import Rooms
    from daemon.terminal import Terminal

NEXT = (
    ("costd -c demo report --by team,service", "who spends what, this month"),
    ("costd -c demo report --by provider,month --from 2026-01-01", "how it grew"),
    ("costd -c demo why-owner web-dev-1", "why a resource is whose it is"),
    ("costd -c demo restatements --since 7d", "what providers changed afterwards"),
    ("costd -c demo status", "how far each bill reaches"),
    ("costd demo reset", "forget everything and start over"),
)
"""Commands to try next, each with what it answers."""


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int:
    """Play with a simulated company; nothing real is touched.

    Collects 400 days of its bills into ./var/demo and prints this morning's message. The
    next run goes on from there, and only what is new is collected.
    """
    run = ctx.ensure_object(Invocation)
    run.config = DEMO
    return _show(run) if ctx.invoked_subcommand is None else 0


@command.command()
@click.pass_obj
def reset(run: Invocation, /) -> int:
    """Forget the demo's bills and everything that was done to it.

    The same company starts again from the beginning. Only ./var/demo is removed.
    """
    import os

    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms, terminal = Rooms.of(run), standard_output(os.environ)
    folder = rooms.settings.folder
    if not folder.exists() and not folder.is_symlink():
        terminal.write(f"There is no demo in {folder}: nothing to forget.")
        return 0
    _refuse_while_used(rooms, folder)
    _remove(folder)
    terminal.write(f"Removed {folder}. `costd demo` starts over.")
    return 0


def _show(run: Invocation) -> int:
    import os
    import sys

    from alerts.digest_text import render
    from daemon.commands.collect import exit_status
    from daemon.digest import gather
    from daemon.pipeline import attribute, collect
    from daemon.progress import progress_on
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms, terminal = Rooms.of(run), standard_output(os.environ)
    if rooms.settings.folder.exists():
        terminal.write("Collecting what the demo company's providers have that is new ...")
    else:
        terminal.write("Collecting the demo company's last 400 days; this takes some seconds, once ...")
    terminal.stream.flush()
    done = list(collect(rooms, progress=progress_on(sys.stderr, os.environ)))
    terminal.write(_collected(done))
    for line in _failures(done):
        terminal.write(line)
    terminal.write("")
    for line in render(gather(rooms, attribute(rooms))).splitlines():
        terminal.write(terminal.drawn(line))
    _say_next(terminal)
    # A provider that is late is part of the show; only what could not be stored is a failure.
    return exit_status(done) if any(one.is_refused for one in done) else 0


def _collected(done: Sequence[Collected]) -> str:
    """Say in one line what was collected."""
    from domain.delivery import Verdict

    new = [r for one in done for r in one.results if r.verdict is Verdict.REPLACED]
    rows = sum(result.delivery.rows for result in new if result.delivery is not None)
    if not new:
        return "Nothing new since the last run: providers deliver every hour."
    months = "month" if len(new) == 1 else "months"
    return f"Collected {rows:,} charges: {len(new)} {months} of {len(done)} bills are new or changed."


def _failures(done: Sequence[Collected]) -> list[str]:
    reasons = [(one.source, one.error) for one in done if one.error]
    reasons += [
        (r.source, f"{r.billing_period}: {r.reason}") for one in done for r in one.results if r.reason
    ]
    return [f"{source} was not taken: {reason}" for source, reason in reasons]


def _say_next(terminal: Terminal) -> None:
    terminal.write("")
    terminal.write("Try next:")
    width = max(len(line) for line, _ in NEXT)
    for line, answer in NEXT:
        terminal.write(f"  {line:<{width}}  {terminal.faint(answer)}")
    terminal.write("")
    terminal.write("All of this is simulated (docs/demo.md). Connect your own: docs/getting-started.md")


def _refuse_while_used(rooms: Rooms, folder: Path) -> None:
    """Stop before anything is removed that another process works on, or that is not ours.

    Raises:
        ConflictError: a collect or a daemon is running.
        UsageError: the folder is a link to somewhere else.
    """
    from daemon.holder import is_gone, told
    from daemon.leader import LEASE
    from domain.errors import ConflictError, StorageError, UsageError

    if folder.is_symlink():
        raise UsageError(
            f"{folder} is a link; costd removes only folders of its own", hint="remove it by hand"
        )
    now, names = rooms.clock.now(), [f"collect:{source.name}" for source in rooms.settings.sources]
    try:
        served, *collected = [rooms.state.held(name, now) for name in (LEASE, *names)]
    except StorageError:
        return  # a database that cannot be read is a reason to start over, not to stay
    if served is not None and not is_gone(served.holder):
        raise ConflictError(
            f"the demo is being served by {told(served.holder)}",
            hint="stop it first: Ctrl-C where `make run` or `costd -c demo run` runs",
        )
    busy = [lease.holder for lease in collected if lease is not None and not is_gone(lease.holder)]
    if busy:
        raise ConflictError(
            f"the demo is being collected by {told(busy[0])}",
            hint="wait until it is done, or stop it with Ctrl-C",
        )


def _remove(folder: Path) -> None:
    """Take a folder out of sight at once, then remove it; what a crash left of that goes too."""
    import shutil

    from domain.errors import StorageError

    aside = folder.with_name(f".{folder.name}-removed")
    try:
        if aside.exists():
            shutil.rmtree(aside)
        folder.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise StorageError(f"{folder} could not be removed: {error}", hint="remove it by hand") from error
