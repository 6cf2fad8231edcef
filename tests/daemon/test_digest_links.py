"""What a digest links to, and how several currencies become one chart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from acme import Acme
from builders import a_charge
from digests import DAY, a_block, a_trend

from alerts.digest import Block
from alerts.slack_limits import URL
from config.messages import Fx
from daemon.digest import Asked
from daemon.digest_days import Days
from daemon.digest_display import display_of
from daemon.digest_links import is_only_here, links_of

RUN = "2026-11-20T06:00Z"
SITE = "https://costd.acme.example"
DAYS = Days(
    digest=DAY,
    of={"aws": DAY, "gcp": DAY - timedelta(days=1)},
    left_out=frozenset(),
    reaches=(),
    weeks=(),
    why_no_change="",
    folded=2,
)


def test_they_ask_for_the_very_days_cost_and_sharing_of_the_digest() -> None:
    links = {link.text: link.url for link in links_of(SITE, Asked(cost="billed"), DAYS)}
    days = "from=2026-11-17&to=2026-11-20&cost=billed&sharing=after"
    assert links == {
        "Today": f"{SITE}/",
        "By team": f"{SITE}/costs?{days}",
        "By service": f"{SITE}/costs?by=team,cloud_service&{days}",
        "Sources": f"{SITE}/sources",
    }


def test_a_teams_digest_links_to_its_teams_and_an_address_too_long_is_left_out() -> None:
    links = {link.text: link.url for link in links_of(SITE, Asked(teams=("ml", 'a "b", c')), DAYS)}
    assert "where=team=ml,%22a+%22%22b%22%22,+c%22" in links["By team"]
    many = links_of(SITE, Asked(teams=tuple(f"team-{number}" for number in range(500))), DAYS)
    assert [link.text for link in many] == ["Today", "Sources"]
    assert all(len(link.url) <= URL for link in many)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "http://costd.localhost",
        "http://0.0.0.0",
    ],
)
def test_no_link_leads_readers_to_their_own_machine(url: str) -> None:
    assert links_of(url, Asked(), DAYS) == ()


def test_an_address_of_the_own_network_is_one() -> None:
    assert not is_only_here("http://10.1.2.3:8080")
    assert not is_only_here("https://costd.acme.example")


def test_the_digest_of_a_configured_site_has_links_to_its_days(acme: Acme) -> None:
    acme.configure("aws")
    acme.bill("aws", a_charge(start="2026-11-19", hours=24, Tags={"team": "ml"}))
    assert acme.costd("collect", now=RUN).status == 0
    assert "/costs" not in acme.costd("digest", now=RUN).out
    acme.configure("aws", more=f"http: {{public_url: {SITE}}}\n")
    out = acme.costd("digest", now=RUN).out
    assert f"By team: {SITE}/costs?from=2026-11-19&to=2026-11-20&sharing=after" in out


def fx(*rates: tuple[str, str, str]) -> Fx:
    listed = [{"currency": currency, "on": on, "rate": rate} for currency, on, rate in rates]
    return Fx.model_validate({"to": "EUR", "rates": listed})


def blocks() -> tuple[Block, Block]:
    return (
        replace(a_block("USD"), trend=a_trend(("ml", None), days=3)),
        replace(a_block("EUR"), trend=a_trend(("ml", "web"), days=3)),
    )


def test_the_one_chart_adds_each_day_by_its_own_rates() -> None:
    rates = fx(("USD", "2026-01-01", "0.5"), ("USD", DAY.isoformat(), "2"))
    found = display_of(rates, blocks(), DAY)
    assert found is not None
    assert found.trend is not None
    teams = {team.name: team.costs for team in found.trend.teams}
    # USD and EUR: ml 100, 101, 102; unallocated and web 200, 201, 202.
    assert teams["ml"] == (Decimal(150), Decimal("151.5"), Decimal(306))
    assert teams[None] == (Decimal(100), Decimal("100.5"), Decimal(404))
    assert teams["web"] == (Decimal(200), Decimal(201), Decimal(202))


def test_without_a_rate_for_each_day_there_is_a_total_and_no_chart() -> None:
    found = display_of(fx(("USD", DAY.isoformat(), "2")), blocks(), DAY)
    assert found is not None
    assert found.trend is None
    assert display_of(fx(), blocks(), DAY) is None
    assert display_of(None, blocks(), DAY) is None


def test_one_foreign_currency_keeps_its_own_chart() -> None:
    found = display_of(fx(("USD", "2026-01-01", "0.5")), blocks()[:1], DAY)
    assert found is not None
    assert (found.amount, found.trend) == (blocks()[0].total * Decimal("0.5"), None)
