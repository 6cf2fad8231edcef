from __future__ import annotations

import io
import re
from threading import Event

import pytest
from acme import Acme
from door import site

from daemon.greeting import begin_words, greet
from daemon.terminal import Terminal
from daemon.together import BarsTogether, LinesTogether, Nowhere, together_on

LINK = re.compile(r"Sign in once, within 15 minutes: http://here/sign-in\?code=\w+")
OPEN = "{host: 0.0.0.0, auth: token}"


def greeted(acme: Acme, http: str, *, interactive: bool) -> str:
    made = site(acme, http=http)
    stream = io.StringIO()
    greet(made.services, Terminal(stream=stream, interactive=interactive), "http://here", Event())
    assert made.services.readiness.reasons() == {}
    made.services.close()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("http", "interactive", "linked"), [("{}", False, True), (OPEN, True, True), (OPEN, False, False)]
)
def test_the_link_that_makes_an_admin_stays_out_of_logs_of_a_shared_service(
    acme: Acme, http: str, *, interactive: bool, linked: bool
) -> None:
    told = greeted(acme, http, interactive=interactive)
    assert bool(LINK.search(told)) is linked
    assert ("costd token create" in told) is not linked
    assert told.endswith("\nPages: http://here\n") or told == "Pages: http://here\n"


def test_nothing_more_is_said_once_it_is_told_to_stop(acme: Acme) -> None:
    made, stream, stop = site(acme), io.StringIO(), Event()
    stop.set()
    greet(made.services, Terminal(stream=stream), "http://here", stop)
    made.services.close()
    assert stream.getvalue() == ""


def test_a_port_that_moved_is_named(acme: Acme) -> None:
    made = site(acme, http="{port: 8123}")
    moved = list(begin_words(made.services.rooms, 8124, "http://here"))
    stayed = list(begin_words(made.services.rooms, 8123, "http://here"))
    made.services.close()
    assert moved == ["Port 8123 is busy; this one listens on 8124.", *stayed]


class Screen(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_sources_that_come_at_once_are_drawn_on_a_terminal_and_taken_away_again() -> None:
    screen = Screen()
    shown = together_on(screen, {"TERM": "xterm"}, lines=False)
    assert isinstance(shown, BarsTogether)
    first, second = shown.one(), shown.one()
    first.start("Bills of aws\x1b[2J", 3, "deliveries")
    second.start("Bills of gcp", None, "rows")
    for one in (first, second):
        one.advance(2)
        one.finish()
    shown.close()
    assert "Bills of" in screen.getvalue()
    assert "\x1b[2J" not in screen.getvalue()
    after = len(screen.getvalue())
    late = shown.one()
    late.start("late", 1, "x")
    late.finish()
    assert len(screen.getvalue()) == after


def test_logs_get_lines_only_where_they_are_wanted() -> None:
    assert isinstance(together_on(io.StringIO(), {}, lines=False), Nowhere)
    stream = io.StringIO()
    shown = together_on(stream, {}, lines=True)
    assert isinstance(shown, LinesTogether)
    one = shown.one()
    one.start("Bills of aws", 2, "deliveries")
    one.advance(2)
    one.finish()
    assert stream.getvalue().splitlines() == [
        "Bills of aws: started, 2 deliveries",
        "Bills of aws: done, 2 deliveries",
    ]
    shown.close()
    shown.one().start("late", 1, "x")
    assert "late" not in stream.getvalue()
