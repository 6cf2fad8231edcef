"""`costd digest`: the daily message, as far as the data exist."""

from __future__ import annotations

import click

from daemon.invocation import Invocation
from daemon.options import cost_option


@click.command()
@click.option(
    "--preview",
    "where",
    flag_value="preview",
    help="Print it here. The default.",
)
@click.option(
    "--send",
    "where",
    flag_value="send",
    help="Post it to every configured channel now, beside the scheduled one: a real preview.",
)
@click.option("--day", metavar="DAY", help="Another day than the latest complete one: 2026-11-19, yesterday.")
@cost_option
@click.option(
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The message, or its figures, exact.",
)
@click.pass_obj
def command(run: Invocation, /, day: str | None, cost: str, output: str, where: str | None) -> int:
    """Print the daily message from real data.

    Each source shows its latest complete day, compared with the median of the last four
    like weekdays. Lines whose data do not exist are absent. Exit status 5 if it is partial.
    """
    if where == "send":
        return _send(run, day)
    import os
    from dataclasses import asdict

    from alerts.digest_text import render
    from alerts.digest_words import fallback
    from daemon.digest import gather
    from daemon.output import json_text
    from daemon.pipeline import attribute
    from daemon.query import parse_day
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms, terminal = Rooms.of(run), standard_output(os.environ)
    asked = parse_day(day, rooms.clock.now().date()) if day is not None else None
    digest = gather(rooms, attribute(rooms), day=asked, cost=cost)
    if output == "json":
        terminal.write(json_text({"schema": "costd.digest/1", **asdict(digest), "text": fallback(digest)}))
    else:
        for line in render(digest).splitlines():
            terminal.write(terminal.drawn(line))
    return 5 if digest.partial else 0


def _send(run: Invocation, day: str | None) -> int:
    """Post every configured digest now; one channel that fails leaves the others alone."""
    import os

    from daemon.digest_jobs import DigestSender
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output
    from domain.errors import CostdError, UsageError

    if day is not None:
        raise UsageError("--send always sends the latest day", hint="leave --day out, or --send")
    rooms, terminal = Rooms.of(run), standard_output(os.environ)
    digests = rooms.settings.digests
    if not digests:
        raise UsageError("no channel is configured", hint="see docs/connect-slack.md, or use --preview")
    failed = 0
    for digest in digests:
        sender = DigestSender(rooms, digest, lambda: 0)
        try:
            place = sender.send_by_hand().channel
        except CostdError as error:
            failed += 1
            terminal.write(terminal.drawn(f"not sent: {error}" + (f" - {error.hint}" if error.hint else "")))
        else:
            terminal.write(terminal.drawn(f"sent to {place}"))
    return 0 if not failed else 6 if failed < len(digests) else 1
