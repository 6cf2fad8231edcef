"""`costd audit`: who did what, and the proof that nothing in it was changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation
from daemon.options import output_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daemon.output import Listing
    from domain.audit import Entry


@click.group(invoke_without_command=True)
@click.option("--since", default="", metavar="TIME", help="An age, a day, or 2026-11-19T06:00Z. Default all.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(min=1), help="So many of the newest rows."
)
@output_option
@click.pass_context
def command(ctx: click.Context, /, since: str, limit: int, output: str) -> int:
    """Say who did what, the newest first.

    The log only grows: each row holds the hash of the one before it, the database refuses to
    change or delete rows, and every digest shows the newest hash, so that a copy of it
    lies where costd cannot change it. docs/audit.md lists what is recorded.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    import os

    from daemon.output import Output, print_listing
    from daemon.query import parse_instant
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output
    from ledger.audit import AuditLog

    rooms = Rooms.of(ctx.ensure_object(Invocation))
    begin = parse_instant(since, rooms.clock.now()) if since else None
    log = AuditLog(rooms.state.database)
    listing = listing_of(log.entries(since=begin, limit=limit), of=log.head().count)
    print_listing(listing, Output(output), standard_output(os.environ))
    return 0


@command.command()
@click.argument("heads", nargs=-1, metavar="[HEAD]...")
@click.pass_obj
def verify(run: Invocation, /, heads: tuple[str, ...]) -> int:
    """Recompute every hash, and compare with the heads that digests showed.

    HEAD is what a digest says behind `audit`, such as 1204:9c41e2f0b7d1. Only with one can
    it be proven that the newest rows were not taken off. Exit status 1 names the first row
    that does not fit.
    """
    from daemon.rooms import Rooms
    from ledger.audit import AuditLog

    shown = [parse_head(text) for text in heads]
    end, broken = AuditLog(Rooms.of(run).state.database).verify(shown)
    if broken is not None:
        click.echo(f"The audit log is broken at row {broken.seq:,}: {broken.reason}.")
        click.echo(f"The {end.count:,} rows before it fit. See docs/audit.md for what to do.")
        return 1
    rows = f"{end.count:,} row{'' if end.count == 1 else 's'}"
    proven = f", and {len(shown)} head{'' if len(shown) == 1 else 's'} as shown" if shown else ""
    click.echo(f"The audit log is whole: {rows}{proven}. Head: {end}")
    if not shown and end.count:
        click.echo("Give the head that a digest showed, to prove that no rows after it were taken off.")
    return 0


def parse_head(text: str) -> tuple[int, str]:
    """Read a head as messages show it.

    Raises:
        UsageError: it is none.
    """
    import re

    from domain.errors import UsageError

    match = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{8,64})", text.strip().lower())
    if match is None:
        raise UsageError(f"{text!r} is no head", hint="copy it from a digest: 1204:9c41e2f0b7d1")
    return int(match[1]), match[2]


def listing_of(entries: Sequence[Entry], *, of: int) -> Listing:
    """Give rows of the log; people see the start of each hash."""
    from daemon.output import Field, Listing
    from domain.audit import SHORT

    notes = (
        (f"{len(entries):,} of {of:,} rows; --limit and --since choose others",) if of > len(entries) else ()
    )
    return Listing(
        fields=(
            Field(name="seq", title="ROW", number=True),
            Field(name="at"),
            Field(name="actor", title="WHO"),
            Field(name="surface", title="BY"),
            Field(name="action"),
            Field(name="subject"),
            Field(name="detail"),
            Field(name="short", title="HASH", people_only=True),
            Field(name="previous", machine_only=True),
            Field(name="hash", machine_only=True),
        ),
        rows=[
            {
                "seq": entry.seq,
                "at": entry.at,
                "actor": entry.actor,
                "surface": entry.surface,
                "action": entry.action,
                "subject": entry.subject,
                "detail": entry.detail,
                "short": entry.hash[:SHORT],
                "previous": entry.previous,
                "hash": entry.hash,
            }
            for entry in entries
        ],
        document={"schema": "costd.audit/1"},
        notes=notes,
        following=("costd audit verify",),
        empty="Nothing was recorded yet: docs/audit.md lists what is.",
    )
