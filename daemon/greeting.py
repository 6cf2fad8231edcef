"""What `costd run` says on its terminal: where the pages are, and, of the demo, what is on them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from daemon.together import Nowhere
from domain.errors import CostdError

if TYPE_CHECKING:
    from threading import Event

    from daemon.rooms import Rooms
    from daemon.services import Services
    from daemon.terminal import Terminal

FIRST_LOOK = "first collection"
"""What `/readyz` waits for until every source that is due was looked at once."""

_LOOK_SECONDS = 0.2


def begin_words(rooms: Rooms, port: int, url: str) -> Iterator[str]:
    """Say where the pages are going to be, and what is done meanwhile."""
    wanted = rooms.settings.http.port
    if wanted not in {0, port}:
        yield f"Port {wanted} is busy; this one listens on {port}."
    if not rooms.is_demo:
        yield f"Pages at {url} while the first bills come in ..."
    elif rooms.settings.folder.exists():
        yield f"Pages at {url} while what is new in the demo company's bills comes in ..."
    else:
        yield f"Pages at {url} while 400 days of the demo company's bills come in, once; some seconds ..."


def greet(services: Services, terminal: Terminal, url: str, stop: Event) -> None:
    """Wait for the first bills, then say what they say, who may sign in, and where the pages are."""
    from daemon.http.sign_in import sign_in_link
    from daemon.logs import get_logger

    _wait(services, stop)
    services.readiness.ready(FIRST_LOOK)
    if stop.is_set():
        return
    leader, schedule = services.runtime.leader, services.runtime.schedule
    if services.is_demo:
        _show_digest(services.rooms, terminal)
    if leader is not None and not leader.leads:
        terminal.write(f"Waiting to take over: {leader.waits_for}")
    if terminal.interactive or services.settings.http.is_loopback:
        terminal.write(f"Sign in once, within 15 minutes: {sign_in_link(services, url)}")
    else:  # a log is read by more people than a terminal, and the link makes an admin
        terminal.write("Sign in with a token: costd token create NAME --role viewer|approver|admin")
    if services.is_demo:
        terminal.write("Ctrl-C ends it; the next run goes on from here. `costd demo reset` starts over.")
        terminal.write("")
        terminal.write(f"Pages: {url} - connect your own: costd init")
    else:
        terminal.write(f"Pages: {url}")
    terminal.stream.flush()
    get_logger().info("started", url=url, jobs=len(schedule.jobs) if schedule else 0)


def _wait(services: Services, stop: Event) -> None:
    """Let the bills come in that are due, in sight."""
    runtime = services.runtime
    leader, schedule = runtime.leader, runtime.schedule
    try:
        while not stop.is_set() and leader and leader.leads and schedule and schedule.first_round():
            stop.wait(_LOOK_SECONDS)
    finally:
        runtime.progress.close()
        runtime.progress = Nowhere()


def _show_digest(rooms: Rooms, terminal: Terminal) -> None:
    from alerts.digest_text import render
    from daemon.digest import gather
    from daemon.pipeline import attribute

    try:
        lines = render(gather(rooms, attribute(rooms))).splitlines()
    except CostdError as error:
        # The pages say it as well; they are worth serving without this message.
        print(f"no digest: {error}", file=sys.stderr)  # noqa: T201  # beside the log, as progress is
        return
    for line in lines:
        terminal.write(terminal.drawn(line))
    terminal.write("")
