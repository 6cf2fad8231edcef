"""`costd doctor`: what is not well, what breaks because of it, and the exact fix."""

from __future__ import annotations

import click

from daemon.invocation import Invocation
from daemon.options import output_option


@click.command()
@click.argument("sources", metavar="[SOURCE]…", nargs=-1)
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    help="How long one check may take before it counts as failed.",
)
@output_option
@click.pass_obj
def command(run: Invocation, /, sources: tuple[str, ...], timeout: float, output: str) -> int:
    """Look at every source and sink, or at the named sources, and change nothing.

    Each line is ok, warn or fail; below it stand what breaks and the exact fix. Nothing is
    written to a source or sink, and nothing is posted. Exit status 1 if anything fails.
    """
    import os

    from daemon.clock import SystemClock
    from daemon.doctor.check import Check, Finding, examine
    from daemon.doctor.checks import all_checks, source_checks
    from daemon.doctor.listing import is_well, lines, listing
    from daemon.doctor.machine import clock_probe
    from daemon.output import Output, print_listing
    from daemon.rooms import Rooms
    from daemon.terminal import standard_output

    rooms, terminal, clock = Rooms.of(run), standard_output(os.environ), SystemClock()
    checks: list[Check] = source_checks(rooms, sources) if sources else all_checks(rooms, run.load())
    findings: list[Finding] = examine(checks, clock, seconds=timeout)
    now = clock.now()
    # The machine's own clock is what is judged, so `--now` does not replace it here.
    findings.append(Finding(area="clock", probe=clock_probe(findings, now), began=now, ended=now))
    if output == "table":
        for line in lines(findings, terminal):
            terminal.write(terminal.drawn(line))
    else:
        print_listing(listing(findings, now), Output(output), terminal)
    return 0 if is_well(findings) else 1
