"""A company whose bills hold the names that hurt, and its pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from acme import Acme
from builders import a_charge
from door import Site, site
from idle_company import every_kind, idle_site
from pages_read import HOSTILE


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """Five weeks of two teams, of hostile ones, of credits, and of what nobody owns."""
    acme = Acme(folder=tmp_path_factory.mktemp("pages"))
    days = [date(2026, 5, 16) + timedelta(days=at) for at in range(35)]
    rows = []
    for at, day in enumerate(days):
        start = day.isoformat()
        web = "140.10" if day == days[-1] else f"{100 + at % 7}.10"
        rows += [
            a_charge(start=start, hours=24, EffectiveCost=web, Tags={"team": "web"}),
            a_charge(start=start, hours=24, EffectiveCost="50", Tags={"team": "ml"}, ResourceId="i-ml"),
            a_charge(start=start, hours=24, EffectiveCost="7.25", Tags={}, ResourceId="i-nobody"),
        ]
    rows += [
        a_charge(
            start="2026-06-19", hours=24, EffectiveCost=str(3 + at), Tags={"team": team}, ResourceId=team
        )
        for at, team in enumerate(HOSTILE)
    ]
    rows.append(
        a_charge(start="2026-06-12", hours=24, EffectiveCost="0", Tags={"team": "idle"}, ResourceId="i-idle")
    )
    return acme.collected(*rows)


@pytest.fixture(scope="module")
def pages(company: Acme) -> Iterator[Site]:
    """The web app of that company."""
    made = site(company)
    yield made
    made.services.close()


@pytest.fixture(scope="module")
def idle_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web app of a company with GPUs, some of them idle."""
    made = idle_site(tmp_path_factory.mktemp("idle-pages"), every_kind())
    yield made
    made.services.close()
