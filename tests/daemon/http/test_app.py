from __future__ import annotations

import daemon.pages
from daemon.services import Readiness


def test_what_is_waited_for_is_told_with_its_reason_until_it_is_ready() -> None:
    readiness = Readiness()
    readiness.wait_for("ledger", "opening")
    readiness.wait_for("collect", "the first fetch runs")

    assert readiness.reasons() == {"collect": "the first fetch runs", "ledger": "opening"}
    readiness.ready("ledger")
    readiness.ready("never named")
    assert readiness.reasons() == {"collect": "the first fetch runs"}


def test_pages_are_a_tuple_of_factories() -> None:
    assert isinstance(daemon.pages.PAGES, tuple)
