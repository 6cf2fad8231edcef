"""The Costs page: its address is the question, and every number has its own."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from acme import Acme
from builders import a_charge
from door import Site, site
from pages_read import HOSTILE, HTML, words

from daemon.pages.ask import Ask, condition
from daemon.query import parse_condition


def page(pages: Site, query: str = "", status: int = 200) -> str:
    answer = pages.client().get(f"/costs{query}", headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


def hrefs(text: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'href="(/costs[^"]*)"', text)]


def rows(text: str) -> list[list[str]]:
    body = text[text.index("<tbody>") : text.index("</tfoot>")]
    found = re.findall(r"<tr.*?</tr>", body, flags=re.DOTALL)
    return [[words(cell) for cell in re.findall(r"<t[hd][^>]*>.*?</t[hd]>", row, re.DOTALL)] for row in found]


def test_rows_stand_by_size_with_nobody_last_and_the_total_below(pages: Site) -> None:
    found = rows(page(pages, "?from=2026-06"))
    assert [row[0] for row in found][:2] == ["web", "ml"]
    assert found[-2][:2] == ["unallocated", "137.75"]
    assert found[-1][0] == "Total"
    amounts = [Decimal(row[1].replace(",", "")) for row in found]
    assert sum(amounts[:-1]) == amounts[-1]


def test_nobody_has_a_row_even_where_everything_has_an_owner(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    acme = Acme(folder=tmp_path_factory.mktemp("owned")).collected(a_charge(start="2026-06-10"))
    made = site(acme)
    try:
        assert rows(page(made))[-2][:2] == ["unallocated", "0.00"]
    finally:
        made.services.close()


def test_a_number_leads_to_the_question_that_made_it(pages: Site) -> None:
    text = page(pages, "?from=2026-06&sharing=after")
    link = next(url for url in hrefs(text) if "where=team=ml" in url and "by=" not in url)
    report = pages.client().get(link.replace("/costs?", "/v1/report?")).json()
    assert [row["cost"] for row in report["rows"]] == ["950"]
    assert ["ml", "950.00"] in [row[:2] for row in rows(text)]


def test_a_name_drills_down_to_what_is_not_yet_said(pages: Site) -> None:
    text = page(pages, "?from=2026-06")
    link = next(url for url in hrefs(text) if "where=team=web" in url and "by=" in url)
    assert parse_qs(urlsplit(link).query) == {
        "by": ["service"],
        "where": ["team=web"],
        "from": ["2026-06"],
    }
    deeper = page(pages, link.removeprefix("/costs"))
    assert "Remove the filter team is web" in deeper


def test_every_dimension_and_tag_key_can_be_grouped_by(pages: Site) -> None:
    from daemon.dimensions import DIMENSIONS

    text = page(pages)
    for name in DIMENSIONS:
        assert f'<option value="{name}"' in text
    for by in ("provider,cloud_service", "day", "billing_month", "tag:env", "resource"):
        page(pages, f"?by={by}")


def test_steps_show_times_against_names(pages: Site) -> None:
    text = page(pages, "?from=2026-06-15&to=2026-06-20&step=day")
    found = rows(text)
    assert [row[0] for row in found] == [*(f"2026-06-{day}" for day in range(15, 20)), "Total"]
    assert found[-2][1:3] == ["140.10", "50.00"]
    assert 'aria-sort="ascending"' in text
    for step in ("week", "month"):
        page(pages, f"?from=all&step={step}")


@pytest.mark.parametrize("cost", ["billed", "effective", "list", "contracted"])
def test_every_cost_can_be_shown(pages: Site, cost: str) -> None:
    assert f"{cost.capitalize()} cost by team" in words(page(pages, f"?cost={cost}&from=2026-06"))


def test_rows_that_cost_nothing_are_counted_and_can_be_shown(pages: Site) -> None:
    text = page(pages, "?from=2026-06")
    assert "1 row that cost nothing is not shown" in words(text)
    assert "idle" not in [row[0] for row in rows(text)]
    assert "idle" in [row[0] for row in rows(page(pages, "?from=2026-06&zero=1"))]


def test_the_same_answer_is_linked_for_programs(pages: Site) -> None:
    text = page(pages, "?by=provider&where=team%3Dml&from=2026-06&cost=billed")
    for output in ("csv", "json"):
        link = unescape(re.findall(rf'href="(/v1/report[^"]*output={output})"', text)[0])
        answer = pages.client().get(link)
        assert answer.status_code == 200
        assert "AWS" in answer.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?by=nonsense", "no dimension is called"),
        ("?where=nonsense", "is not DIMENSION=VALUE"),
        ("?from=yesterdayish", "not a day"),
        ("?from=2026-06-10&to=2026-06-01", "is not after"),
        ("?step=minute", "is none of its values"),
        ("?group=team", "there is no parameter"),
        ("?sort=provider", "cannot sort by"),
        ("?top=0", "is no whole number"),
        ("?by=%3Cscript%3Ealert(1)%3C/script%3E", "no dimension is called"),
    ],
)
def test_a_question_that_cannot_be_read_is_told_on_the_page(pages: Site, query: str, told: str) -> None:
    text = page(pages, query, status=400)
    assert told in words(text)
    assert "<script>alert" not in text
    assert 'role="alert"' in text


def test_days_without_charges_say_which_question_has_some(pages: Site) -> None:
    text = page(pages, "?from=2020-01&to=2020-02&where=team%3Dnoone")
    assert "No charge fits" in words(text)
    assert "costd status" in text
    assert "All days that are stored" in text


def test_an_empty_ledger_says_what_to_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = site(Acme(folder=tmp_path_factory.mktemp("empty")))
    try:
        assert "costd collect" in page(made)
    finally:
        made.services.close()


@pytest.mark.parametrize("value", [*HOSTILE, "unallocated", "re:^a", " padded ", "plain", 'a"b', "tab\there"])
def test_a_condition_for_any_value_keeps_it(value: str) -> None:
    import polars as pl

    from attribution.slices import Filter

    asked = parse_condition(condition("team", value))
    kept = Filter(dimension="team", values=asked.values).keeps(pl.Series([value]))
    assert kept.to_list() == [True]


def test_hostile_names_are_text_and_lead_to_their_own_costs(pages: Site) -> None:
    text = page(pages, "?from=2026-06-19&to=2026-06-20")
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "x" * 100 not in re.sub(r'href="[^"]*"', "", text)
    for url in hrefs(text):
        assert pages.client().get(url, headers=HTML).status_code == 200
    script = next(row for row in rows(text) if row[0].startswith("<script>"))
    only = page(pages, f"?from=2026-06-19&to=2026-06-20&where={quote(condition('team', HOSTILE[0]))}")
    assert rows(only)[0][:2] == script[:2]


def test_currencies_have_a_table_each(tmp_path_factory: pytest.TempPathFactory) -> None:
    acme = Acme(folder=tmp_path_factory.mktemp("currencies")).collected(
        a_charge(start="2026-06-19", hours=24, EffectiveCost="10"),
        a_charge(start="2026-06-19", hours=24, EffectiveCost="5", BillingCurrency="EUR", ResourceId="i-eu"),
    )
    made = site(acme)
    try:
        text = page(made)
    finally:
        made.services.close()
    assert text.count("<table") == 2
    assert "€5.00" in words(text)
    assert "$10" in words(text)


def test_an_address_survives_being_read_and_written() -> None:
    ask = Ask(by=("team", "tag:a&b"), where=('team="a,b"',), start="7d", step="day", top=3, zero=True)
    fields = parse_qs(urlsplit(ask.url).query)
    assert fields["by"] == ["team,tag:a&b"]
    assert fields["where"] == ['team="a,b"']
    assert fields["zero"] == ["1"]
    assert "zero" not in ask.report_url("csv")


def test_what_nobody_owns_of_several_columns_leads_to_all_of_it(pages: Site) -> None:
    text = page(pages, "?by=team,account&from=2026-06-15&to=2026-06-20&step=day")
    assert any("where=team=unallocated" in url for url in hrefs(text))


def test_a_value_that_is_clicked_takes_the_place_of_what_was_said_of_it() -> None:
    ask = Ask(where=("team=web,ml", "provider=AWS"))
    assert ask.only("team", "ml").where == ("provider=AWS", "team=ml")
