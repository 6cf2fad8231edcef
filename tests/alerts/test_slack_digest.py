"""The digest in Slack: the reference layout, golden, within limits, whatever names hold."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from digests import DIGEST, LINES, TROUBLED, a_block, a_line, a_service, a_trend
from hypothesis import given
from hypothesis import strategies as st

from alerts.digest import Block, Digest, DisplayTotal, Line, Link
from alerts.digest_text import render
from alerts.slack_blocks import SlackMessage
from alerts.slack_digest import LONGEST, digest_message, how_message, thread_messages
from alerts.slack_limits import Json, faults, text_size, texts_of

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = ("<!channel>", "*b* & `c`", "say \"hi\" 'there'", "two\nlines", "x" * 300, "\u202eevil", "")


def check(message: SlackMessage) -> None:
    for blocks in (message.json(), message.simple_json()):
        assert not faults(message.text, blocks)
        assert len(blocks) <= 10


def told(blocks: list[Json]) -> str:
    return "\n".join(texts_of(blocks))


@pytest.mark.parametrize(("name", "digest"), [("reference", DIGEST), ("troubled", TROUBLED)])
def test_messages_are_what_was_looked_at(name: str, digest: Digest) -> None:
    messages = {"digest": digest_message(digest), **dict(thread_messages(digest))}
    for message in messages.values():
        check(message)
    made = {
        kind: {"text": message.text, "blocks": message.json(), "simple": message.simple_json()}
        for kind, message in messages.items()
    }
    path = GOLDEN / f"slack_{name}.json"
    if os.environ.get("COSTD_WRITE_GOLDEN"):
        path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert made == json.loads(path.read_text(encoding="utf-8"))


def test_the_layout_is_that_of_the_reference() -> None:
    blocks = digest_message(DIGEST).json()
    kinds = [block["type"] for block in blocks]
    assert kinds == ["header", "context", "table", "data_visualization", "section", "context"]
    assert blocks[0]["text"]["text"] == "Cloud cost - Thu 19 Nov · $1,842 (+$188, +11 %)"
    table = [[cell["text"] for cell in row] for row in blocks[2]["rows"]]
    assert table[1] == ["ml", "$812.40", "▲ +$214.10 +36 %", LINES[0].why]
    assert table[-1][:3] == ["total", "$1,842.10", "▲ +$188.40 +11 %"]
    assert [row[0] for row in table[-2:]] == ["unallocated", "total"]


def test_the_text_for_notifications_is_written_by_hand() -> None:
    text = digest_message(DIGEST).text
    assert text == "Cloud cost Thu 19 Nov: $1,842, up $188 (11 %). ml +$214."


def test_without_tables_and_charts_nothing_is_missing() -> None:
    message = digest_message(DIGEST)
    simple = message.simple_json()
    assert {"table", "data_visualization"}.isdisjoint(block["type"] for block in simple)
    for piece in ("$812.40", "▲ +$214.10", "unallocated", "total", "Last 14 days: between"):
        assert piece in told(simple)


def test_a_partial_digest_says_so_and_compares_nothing() -> None:
    blocks = digest_message(TROUBLED).json()
    header = told(blocks[1:2])
    assert "(partial)" in header
    assert "no comparison: gcp is complete only" in told(blocks)
    assert "gcp LATE (no delivery for 2 d)" in told(blocks)
    assert "17 Nov restated +$6.20 (aws)" in told(blocks)


def test_the_demo_mark_is_on_every_message_and_its_notification() -> None:
    messages = [digest_message(TROUBLED), *(message for _, message in thread_messages(TROUBLED))]
    for message in messages:
        assert "DEMO" in told(message.json()[:1])
    assert digest_message(TROUBLED).text.startswith("DEMO. ")


def test_currencies_stand_side_by_side_and_the_one_total_says_its_rates() -> None:
    text = told(digest_message(TROUBLED).json())
    assert "$1,842" in text
    assert "€1,842" in text
    assert "in all about €3,533 (1 USD = 0.918 EUR of 1 Nov)" in text


def charts(digest: Digest) -> list[Json]:
    return [b for b in digest_message(digest).json() if b["type"] == "data_visualization"]


def test_of_several_currencies_only_their_one_total_is_drawn() -> None:
    two = replace(DIGEST, blocks=(a_block(), a_block("EUR")))
    assert charts(two) == []
    assert "Last 14 days" not in told(digest_message(two).simple_json())
    assert charts(replace(DIGEST, left_out=1)) == []
    rates = DisplayTotal(amount=Decimal(3), currency="EUR", rates=("1 USD = 0.9 EUR of 1 Nov",))
    assert charts(replace(two, display=rates)) == []
    (chart,) = charts(replace(two, display=replace(rates, trend=a_trend(("ml", None)))))
    assert chart["title"] == "14 days by team, EUR"
    assert charts(replace(DIGEST, blocks=(), left_out=2)) == []


def test_links_are_elements_of_their_own_in_both_forms_and_absent_without_an_address() -> None:
    assert "link" not in json.dumps(digest_message(DIGEST).json())
    links = (
        Link(text="Today", url="https://costd.example/"),
        Link(text="<!here>", url="https://costd.example/c"),
    )
    message = digest_message(replace(DIGEST, links=links))
    check(message)
    for blocks in (message.json(), message.simple_json()):
        (row,) = [block for block in blocks if "link" in json.dumps(block)]
        assert row["elements"][0]["elements"] == [
            {"type": "link", "url": "https://costd.example/", "text": "Today"},
            {"type": "text", "text": " · "},
            {"type": "link", "url": "https://costd.example/c", "text": "<!here>"},
        ]
    assert "Today: https://costd.example/" in render(replace(DIGEST, links=links))


def test_a_folded_weekend_names_its_days() -> None:
    text = told(digest_message(replace(DIGEST, folded=3)).json())
    assert "Cloud cost - Tue 17 to Thu 19 Nov" in text
    assert "the median of the same 3 days in the last 4 weeks" in text
    assert "3 days" in text


def test_the_chart_has_at_most_six_series_with_other_and_unallocated_last() -> None:
    teams = (*(f"team-{number}" for number in range(9)), None)
    digest = replace(DIGEST, blocks=(replace(a_block(), trend=a_trend(teams)),))
    chart = next(b for b in digest_message(digest).json() if b["type"] == "data_visualization")
    names = [series["name"] for series in chart["chart"]["series"]]
    assert names == ["team-8", "team-7", "team-6", "team-5", "other", "unallocated"]
    shown = sum(Decimal(str(series["data"][0]["value"])) for series in chart["chart"]["series"])
    assert shown == sum(team.costs[0] for team in a_trend(teams).teams)


def test_hundreds_of_teams_and_many_currencies_fit_and_what_is_left_out_is_said() -> None:
    lines: tuple[Line, ...] = tuple(
        a_line(f"team-{number:03}-{'x' * 40}", "10.00", "5.00", "w" * 200) for number in range(400)
    )
    blocks: tuple[Block, ...] = tuple(
        a_block(currency, lines) for currency in ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")
    )
    digest = replace(DIGEST, blocks=blocks)
    message = digest_message(digest)
    check(message)
    assert text_size(message.json()) <= LONGEST
    assert text_size(message.simple_json()) <= LONGEST
    assert "other teams" in told(message.json())
    for _, reply in thread_messages(digest):
        check(reply)


def test_many_short_rows_still_fit_a_table() -> None:
    lines = tuple(a_line(f"{number}", "1", "1") for number in range(30))
    digest = replace(DIGEST, blocks=tuple(a_block(currency, lines) for currency in ("AA", "BB", "CC", "DD")))
    check(digest_message(digest))


def hostile(name: str) -> Digest:
    line = a_line(name, "1.00", "0.50", name)
    block = a_block(lines=(line, a_line(None, "2.00", "1.00", name)))
    services = tuple(replace(one, team=name, service=name) for one in block.services)
    trend = a_trend((name, f"{name}!", None))
    reach = replace(DIGEST.reaches[0], source=name, fresh=False, reason=name)
    block = replace(block, services=services, trend=trend, currency=name[:3])
    return replace(DIGEST, blocks=(block,), reaches=(reach,), teams=(name,), why_no_change=name, partial=True)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_text_everywhere(name: str) -> None:
    digest = hostile(name)
    for message in [digest_message(digest), *(reply for _, reply in thread_messages(digest))]:
        check(message)
        assert "mrkdwn" not in json.dumps(message.json())
        assert "<!" not in message.text
        assert "\u202e" not in told(message.json()) + message.text


@given(st.text(max_size=400))
def test_any_name_whatever_makes_a_message_that_slack_takes(name: str) -> None:
    digest = hostile(name)
    for message in [digest_message(digest), *(reply for _, reply in thread_messages(digest))]:
        check(message)


def test_nothing_known_is_said_and_not_zero() -> None:
    message = digest_message(replace(DIGEST, blocks=()))
    check(message)
    assert "no charges known" in told(message.json())
    assert message.text == "Cloud cost Thu 19 Nov: nothing known."
    assert [kind for kind, _ in thread_messages(replace(DIGEST, blocks=()))] == ["how"]


def test_the_thread_tells_the_rows_behind_the_numbers() -> None:
    text = told(how_message(DIGEST).json())
    assert "costd report --by team,day --from 2026-11-19 --to 2026-11-20 --output csv" in text
    assert "weeks 2, 3 before" in text


def test_a_hundred_currencies_and_rates_still_make_a_digest() -> None:
    codes = [f"{a}{b}X" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJ"]
    rates = tuple(f"1 {code} = 0.918123456 EUR of 1 Nov" for code in codes)
    blocks = tuple(replace(a_block(code), trend=None) for code in codes)
    shown = DisplayTotal(amount=Decimal(1), currency="EUR", rates=rates)
    digest = replace(DIGEST, blocks=blocks, display=shown)
    for message in [digest_message(digest), *(reply for _, reply in thread_messages(digest))]:
        check(message)
    assert text_size(digest_message(digest).json()) <= LONGEST
    assert len(render(digest)) <= LONGEST
    assert "and 92 more rates" in told(digest_message(digest).json())


def test_products_of_astronomic_cost_are_listed_as_far_as_they_fit() -> None:
    services = tuple(
        a_service(f"team-{team}-{'x' * 30}", f"{'service ' * 8}{one}", "9" * 26, "1")
        for team in range(40)
        for one in range(8)
    )
    digest = replace(DIGEST, blocks=(replace(a_block(), services=services),))
    found = dict(thread_messages(digest))["services"]
    check(found)
    assert len(found.json()[-1]["rows"]) > 40
