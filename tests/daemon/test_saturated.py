"""Reports that fill every place and every queue hold up nobody who asks how the daemon is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from acme import Acme
from builders import a_charge
from door import Site, site

from daemon.work import BusyError


@pytest.fixture
def acme(acme: Acme) -> Acme:
    acme.collected(a_charge(start="2026-06-18T00:00", hours=24, EffectiveCost="7", Tags={"team": "web"}))
    return acme


@pytest.fixture
def made(acme: Acme) -> Site:
    return site(acme, http="{max_reports: 1, max_waiting: 1}")


@pytest.fixture
def saturated(made: Site) -> Iterator[Site]:
    """Both places for reports are taken until the test ends."""
    gate = Event()
    for number in range(2):
        made.services.work._begin(number, lambda: gate.wait(30))
    with pytest.raises(BusyError):
        made.services.work._begin("one more", lambda: None)
    yield made
    gate.set()


def quickly(made: Site, path: str) -> Any:
    began = time.monotonic()
    answer = made.client().get(path)
    assert time.monotonic() - began < 4, f"{path} waited"
    return answer


def test_whoever_asks_how_it_is_gets_an_answer(saturated: Site) -> None:
    assert quickly(saturated, "/healthz").status_code == 200
    assert quickly(saturated, "/readyz").json() == {"ready": True, "waiting": {}, "leads": False}
    scraped = quickly(saturated, "/metrics")
    assert scraped.status_code == 200
    assert 'costd_source_state{source="aws",state="fresh"} 1.0' in scraped.text


def test_metrics_keep_the_costs_that_are_known_of_this_month(made: Site) -> None:
    cost = 'costd_owner_cost_month_to_date{currency="USD",environment="",team="web"} 7.0'
    assert cost in made.client().get("/metrics").text
    gate = Event()
    for number in range(2):
        made.services.work._begin(number, lambda: gate.wait(30))
    assert cost in quickly(made, "/metrics").text
    made.clock.at = made.clock.at.replace(month=7)
    assert "costd_owner_cost_month_to_date{" not in quickly(made, "/metrics").text
    gate.set()


@pytest.mark.parametrize("path", ["/", "/costs", "/sources", "/v1/report", "/v1/status"])
def test_what_is_known_is_shown_and_what_is_not_says_when_to_come_back(made: Site, path: str) -> None:
    known = made.client().get(path)
    assert known.status_code == 200
    gate = Event()
    for number in range(2):
        made.services.work._begin(number, lambda: gate.wait(30))
    time.sleep(1.1)  # the last look at the stores is no longer new
    assert quickly(made, path).text == known.text
    refused = quickly(made, "/v1/report?by=region")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    gate.set()


def test_stores_that_do_not_answer_are_told_and_not_waited_for(
    made: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate: Future[None] = Future()
    monkeypatch.setattr(type(made.services.state), "jobs", lambda _: gate.result(30))
    monkeypatch.setattr(made.services.looks, "_patience", 0.3)
    answer = quickly(made, "/readyz")
    assert (answer.status_code, answer.json()["waiting"]) == (503, {"stores": "busy"})
    Thread(target=gate.set_result, args=(None,)).start()


@pytest.mark.parametrize("path", ["/", "/costs"])
def test_a_page_stays_when_a_source_was_looked_at_in_vain_and_not_when_bills_came_or_midnight(
    acme: Acme, made: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []

    def page(_services: object, name: str, **_fields: Any) -> str:
        computed.append(name)
        return "<html>"

    monkeypatch.setattr("daemon.pages.today.page", page)
    monkeypatch.setattr("daemon.pages.costs.page", page)

    def later(minutes: int) -> int:
        made.clock.at += timedelta(minutes=minutes)
        made.services.answers._looked = None
        assert made.client().get(path).status_code == 200
        return len(computed)

    assert later(0) == 1
    assert acme.costd("collect", now="2026-06-20T06:20Z").status == 0
    assert later(30) == 1
    acme.bill("aws", a_charge(start="2026-06-18T00:00", hours=24, EffectiveCost="8", Tags={"team": "web"}))
    assert acme.costd("collect", now="2026-06-20T06:40Z").status == 0
    assert later(20) == 2
    assert later(24 * 60) == 3
