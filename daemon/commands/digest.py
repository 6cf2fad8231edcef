"""`costd digest`: the daily message, as far as the data exist."""

from __future__ import annotations

import click

from daemon.invocation import Invocation
from daemon.options import cost_option


@click.command()
@click.option(
    "--preview",
    is_flag=True,
    help="Print it here. It is the only way to see it until a channel is configured, and the default.",
)
@click.option("--day", metavar="DAY", help="Another day than the latest complete one: 2026-11-19, yesterday.")
@cost_option
@click.pass_obj
def command(run: Invocation, /, day: str | None, cost: str, *, preview: bool) -> int:
    """Print the daily message from real data.

    Each source shows its latest complete day, compared with the median of the last four
    like weekdays. Lines whose data do not exist are absent. Exit status 5 if it is partial.
    """
    del preview
    import os

    from alerts.digest_text import render
    from daemon.digest import gather
    from daemon.pipeline import attribute
    from daemon.query import parse_day
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms, terminal = Rooms.of(run), standard_output(os.environ)
    asked = parse_day(day, rooms.clock.now().date()) if day is not None else None
    digest = gather(rooms, attribute(rooms), day=asked, cost=cost)
    for line in render(digest).splitlines():
        terminal.write(terminal.drawn(line))
    return 5 if digest.partial else 0
