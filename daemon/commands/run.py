"""`costd run`: collect, report and serve, until told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from daemon.invocation import Invocation

if TYPE_CHECKING:
    from threading import Event

    from config.settings import Settings
    from daemon.schedule import Schedule
    from daemon.serve import Serving
    from daemon.services import Services
    from daemon.terminal import Terminal

_PATIENCE_SECONDS = 20.0
"""How long jobs and requests may end what they do; then they are cut off, which loses nothing."""

_DEMO_PATIENCE_SECONDS = 5.0
"""The same for the demo: somebody sits at the terminal, and its bills can be had again."""

_LOOK_SECONDS = 0.2


@click.command()
@click.option("--host", help="Address to listen on instead of `http.host`.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port instead of `http.port`; 0 for any free one."
)
@click.pass_obj
def command(run: Invocation, /, host: str | None, port: int | None) -> int:
    """Collect, report and serve the pages, until told to stop.

    Several may run on one state database: one works, the others serve pages and take over
    when it stops. Ctrl-C or SIGTERM ends it; what is being stored is stored whole or not at
    all, and the next run goes on from there.
    """
    stop = _stop_signals()  # before anything else: an early Ctrl-C ends as cleanly as a late one
    import os

    from daemon.greeting import FIRST_LOOK, begin_words, greet
    from daemon.http.app import create_app
    from daemon.rooms import Rooms
    from daemon.serve import Serving, address_of, listen
    from daemon.services import Services
    from daemon.terminal import standard_output

    terminal = standard_output(os.environ)
    rooms = Rooms(settings=_at(run.settings(), host, port), clock=run.clock())
    http = rooms.settings.http
    listening = listen(http, move_on=rooms.is_demo and port is None)
    url = address_of(listening, http)
    for line in begin_words(rooms, listening.getsockname()[1], url):
        terminal.write(line)
    terminal.stream.flush()
    services = Services.of(rooms)
    serving = Serving(create_app(services), http, listening)
    services.readiness.wait_for(FIRST_LOOK, "the sources are being collected for the first time")
    serving.start()
    schedule = _begin(services)
    greet(services, terminal, url, stop)
    while not stop.wait(_LOOK_SECONDS) and serving.lives:
        pass
    return _end(services, schedule, serving, terminal)


def _at(settings: Settings, host: str | None, port: int | None) -> Settings:
    """Give the settings with the address of the command line."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if not given:
        return settings
    from pydantic import ValidationError

    from domain.errors import UsageError

    try:
        http = type(settings.http).model_validate({**settings.http.model_dump(), **given})
    except ValidationError:  # only --host can be wrong; click has read the port
        raise UsageError(
            f"--host {host!r} is no host", hint="write a host name or an IP address, without a port"
        ) from None
    return settings.model_copy(update={"http": http})


def _stop_signals() -> Event:
    """Give the event that Ctrl-C and SIGTERM set."""
    import signal
    from threading import Event

    stop = Event()
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, lambda _number, _frame: stop.set())
    return stop


def _begin(services: Services) -> Schedule:
    import os
    import sys

    from daemon.digest_jobs import digest_jobs
    from daemon.leader import Leader
    from daemon.schedule import Schedule
    from daemon.together import together_on
    from daemon.work_list import work_list

    services.rooms.recover()
    services.runtime.progress = together_on(sys.stderr, os.environ, lines=services.is_demo)
    leader = Leader(services.state, services.clock)
    jobs = [*work_list(services), *digest_jobs(services.rooms, epoch=lambda: leader.epoch)]
    schedule = Schedule(jobs, leader=leader, state=services.state, clock=services.clock)
    services.runtime.leader, services.runtime.schedule = leader, schedule
    schedule.start()
    return schedule


def _end(services: Services, schedule: Schedule, serving: Serving, terminal: Terminal) -> int:
    """Stop everything in order; whatever does not end in time is cut off, which loses nothing."""
    import os
    import sys
    from datetime import timedelta

    from daemon.logs import get_logger

    failed = not serving.lives
    terminal.write("the server stopped by itself; the log says why" if failed else "Stopping ...")
    terminal.stream.flush()
    patience = _DEMO_PATIENCE_SECONDS if services.is_demo else _PATIENCE_SECONDS
    serving.stop(patience)
    busy = schedule.stop(timedelta(seconds=patience))
    services.close()
    reports = services.work.depth
    get_logger().info("stopped", cut_off=",".join(busy), reports=reports)
    if busy or reports:
        sys.stdout.flush()
        os._exit(int(failed))  # a thread that still works would hold the process until it ends
    return int(failed)
