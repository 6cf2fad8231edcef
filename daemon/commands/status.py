"""`costd status`: how far each source reaches, and what is wrong."""

from __future__ import annotations

import click

from daemon.invocation import Invocation
from daemon.options import output_option


@click.command()
@click.option(
    "--periods",
    "part",
    flag_value="periods",
    help="List every billing period: what is stored, and its last result.",
)
@click.option(
    "--quarantine",
    "part",
    flag_value="quarantine",
    help="List the rows that could not be read: file, line, reason.",
)
@click.option(
    "--unowned",
    "part",
    flag_value="unowned",
    help="List the largest resources without a team, and what would give them one.",
)
@click.option(
    "--limit",
    default=100,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rows of --quarantine and --unowned.",
)
@output_option
@click.pass_obj
def command(run: Invocation, /, limit: int, output: str, part: str | None) -> int:
    """Say how far each source reaches, and what is late, refused or unreadable.

    Exit status 5 if a source is late or failed, or a period is withheld.
    """
    import os

    from daemon.output import Output, print_listing
    from daemon.period_listing import periods_listing
    from daemon.rooms import Rooms
    from daemon.status import gather_status
    from daemon.status_listing import quarantine_listing, sources_listing
    from daemon.terminal import standard_output

    rooms, terminal = Rooms.of(run), standard_output(os.environ)
    if part == "quarantine":
        state = rooms.state
        listing = quarantine_listing(state.quarantine(limit=limit), state.quarantined_files())
        print_listing(listing, Output(output), terminal)
        return 0
    if part == "unowned":
        from daemon.unowned_listing import unowned_listing

        print_listing(unowned_listing(rooms, limit=limit), Output(output), terminal)
        return 0
    status = gather_status(rooms)
    listing = periods_listing(status) if part == "periods" else sources_listing(status)
    print_listing(listing, Output(output), terminal)
    return 0 if status.is_well else 5
