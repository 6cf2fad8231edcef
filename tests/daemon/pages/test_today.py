"""The first page says what the digest says, and where each figure comes from."""

from __future__ import annotations

import re
from html import unescape

import pytest
from acme import Acme
from builders import a_charge
from door import Site, site
from pages_read import HTML, words

from daemon.greeting import FIRST_LOOK


@pytest.fixture(scope="module")
def today(pages: Site) -> str:
    answer = pages.client().get("/", headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_total_of_the_day_stands_with_its_change_in_words(today: str) -> None:
    assert "Fri 19 Jun" in words(today)
    assert "$222" in words(today)
    assert "$59 more than usual (+36 %)" in words(today)
    assert "Usual is $163, the median of the last 4 Fridays." in words(today)


def test_teams_stand_by_cost_and_what_nobody_owns_is_last(today: str) -> None:
    body = today[today.index("<tbody>") : today.index("</tbody>")]
    names = [unescape(name) for name in re.findall(r'<th scope="row">(?:<svg.*?</svg>)?(.*?)</th>', body)]
    assert names[:2] == ["web", "ml"]
    assert names[-1] == "unallocated"


def test_every_amount_leads_to_the_rows_that_make_it(pages: Site, today: str) -> None:
    link = unescape(re.findall(r'<td class="num"><a href="([^"]*team=web[^"]*)"', today)[0])
    assert link == "/costs?where=team=web&from=2026-06-19&to=2026-06-20&sharing=after"
    report = pages.client().get(link.replace("/costs?", "/v1/report?")).json()
    assert [row["cost"] for row in report["rows"]] == ["140.1"]


def test_the_month_the_owners_and_the_reach_are_said(today: str) -> None:
    assert "Month to date" in words(today)
    assert "Has an owner 96.7 %" in words(today)
    assert "Data as of the end of Fri 19 Jun UTC" in words(today)


def test_names_from_bills_are_text_and_nothing_else(today: str) -> None:
    assert "<script>alert" not in today
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in today
    assert "\u202e" not in today
    shown = re.sub(r'href="[^"]*"', "", today)  # a link holds a name whole
    assert "x" * 100 not in shown


def test_nothing_is_said_twice_by_drawings_alone(today: str) -> None:
    assert today.count('role="img"') >= 3
    assert all(
        re.search(r'aria-label="[^"]+"|aria-hidden="true"', tag) for tag in re.findall("<svg[^>]*>", today)
    )
    assert not re.search(r"<[^>]*\sstyle=|<style|<script>|\son\w+=", re.sub(r"&\w+;", "", today))


def test_a_late_source_is_named_with_what_to_do(company: Acme) -> None:
    made = site(company)
    made.clock.at = made.clock.at.replace(day=22)
    try:
        late = words(made.client().get("/", headers=HTML).text)
    finally:
        made.services.close()
    assert "These figures are partial" in late
    assert "1 source late" in late
    assert re.search(r"aws is late: .*expected 6 h\. Collect it now with costd collect aws", late)


def test_an_empty_ledger_says_what_to_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    acme = Acme(folder=tmp_path_factory.mktemp("empty"))
    made = site(acme)
    try:
        answer = made.client().get("/", headers=HTML)
    finally:
        made.services.close()
    assert answer.status_code == 200
    assert "No figures yet" in answer.text
    assert "costd collect" in answer.text


def test_currencies_are_never_added(tmp_path_factory: pytest.TempPathFactory) -> None:
    acme = Acme(folder=tmp_path_factory.mktemp("currencies")).collected(
        a_charge(start="2026-06-19", hours=24, EffectiveCost="10"),
        a_charge(start="2026-06-19", hours=24, EffectiveCost="5", BillingCurrency="EUR", ResourceId="i-eu"),
    )
    made = site(acme)
    try:
        page = words(made.client().get("/", headers=HTML).text)
    finally:
        made.services.close()
    assert "in USD $10" in page
    assert "in EUR €5.00" in page


def test_an_unknown_parameter_is_refused_in_words(pages: Site) -> None:
    answer = pages.client().get("/?day=2026-06-01", headers=HTML)
    assert answer.status_code == 400
    assert "There is no parameter" in answer.text
    assert "This address takes none" in answer.text


def test_files_are_sent_once_and_asked_for_again(pages: Site) -> None:
    client = pages.client()
    for path, kind in (
        ("costd.css", "text/css"),
        ("costd.js", "text/javascript"),
        ("costd.svg", "image/svg"),
    ):
        answer = client.get(f"/static/{path}")
        assert answer.headers["content-type"].startswith(kind)
        again = client.get(f"/static/{path}", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304


def test_while_the_first_bills_come_in_nobody_is_told_to_fetch_them(acme: Acme) -> None:
    acme.configure("aws")
    made = site(acme)
    client = made.client()
    made.services.readiness.wait_for(FIRST_LOOK, "the sources are being collected for the first time")
    arriving = client.get("/", headers=HTML).text
    assert "The first bills are coming in" in words(arriving)
    assert "costd collect" not in arriving
    assert "data-arriving" in client.get("/costs", headers=HTML).text
    made.services.readiness.ready(FIRST_LOOK)
    after = client.get("/", headers=HTML).text
    assert "data-arriving" not in after
    assert "costd collect" in after
    made.services.close()
