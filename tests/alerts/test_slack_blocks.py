"""Slack's blocks: limits checked on what is sent, and names that try to be more than text."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import slack_limits as limits
from alerts.slack_blocks import (
    Block,
    Chart,
    Column,
    Context,
    Header,
    MessageError,
    Preformatted,
    Section,
    SlackMessage,
    Table,
    escaped,
)
from alerts.slack_limits import faults, texts_of

HOSTILE = (
    "<!channel>",
    "<@U012AB3CD> & <#C024BE7LR>",
    "*bold* _it_ ~no~ `code` ```block```",
    "\"quoted\" 'names' \\",
    "two\nlines\r\n<!here>",
    "\u202egnp.exe\u2066",
    ":skull: @everyone",
    "x" * 300,
    "",
    "<https://evil.example|totals>",
    "\ud800",
)


def a_chart(*names: str, days: int = 14) -> Chart:
    return Chart(
        title="t" * 80,
        categories=[f"{day} Nov" for day in range(1, days + 1)],
        series=[(name, [Decimal("1.005")] * days) for name in names],
        unit="USD",
    )


def every_block(name: str) -> list[Block]:
    return [
        Header(text=name),
        Section(text=name),
        Context(pieces=[name] * 12),
        Table(columns=[Column(title=name), Column(title="Cost", right=True)], rows=[[name, name]]),
        a_chart(name, name, f"{name}!"),
        Preformatted(text=name),
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_bills_stay_text_in_every_block(name: str) -> None:
    message = SlackMessage(text=escaped(f"Cost of {name}"), blocks=tuple(every_block(name)))
    sent = message.json()
    assert not faults(message.text, sent)
    json.dumps(sent).encode()
    assert "mrkdwn" not in json.dumps(sent)
    for text in texts_of(sent):
        assert not any(mark in text for mark in "\u202e\u2066\r\ud800")
    assert "<" not in message.text
    assert ">" not in message.text


@given(st.text(max_size=5_000))
def test_no_text_whatever_makes_a_message_that_slack_refuses(name: str) -> None:
    message = SlackMessage(text=escaped(name)[:100] or "-", blocks=tuple(every_block(name[:3_000])))
    assert not faults(message.text, message.json())


def test_marks_of_formatting_do_not_format() -> None:
    assert escaped("*a*") == "\u2060*a\u2060*"
    assert escaped("<!channel> & co") == "&lt;!channel&gt; &amp; co"


def test_a_chart_keeps_series_apart_whose_names_are_cut_alike() -> None:
    chart = a_chart("a-very-long-team-name-east", "a-very-long-team-name-west").json()
    names = [series["name"] for series in chart["chart"]["series"]]
    assert len(set(names)) == 2
    assert all(len(name) <= limits.CHART_LABEL for name in names)


def section(text: str = "x") -> limits.Json:
    return Section(text=text).json()


def table(rows: int, columns: int) -> limits.Json:
    cells = [["x"] * columns for _ in range(rows - 1)]
    return Table(columns=[Column(title="x")] * columns, rows=cells).json()


def plain(text: str) -> limits.Json:
    return {"type": "plain_text", "text": text, "emoji": False}


@pytest.mark.parametrize(
    ("blocks", "fault"),
    [
        ([section()] * 51, "51 blocks"),
        ([section("x" * 2_999)] * 5, "characters in all blocks"),
        ([{"type": "header", "text": plain("x" * 151)}], "151 characters"),
        ([{"type": "section", "text": plain("x" * 3_001)}], "3001 characters"),
        ([{"type": "section", "text": plain("")}], "empty"),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}], "not plain_text"),
        ([{"type": "context", "elements": [plain("x")] * 11}], "11 elements"),
        ([table(101, 2)], "101 rows"),
        ([table(2, 21)], "21 columns"),
        ([table(2, 2), table(2, 2)], "2 blocks of type table"),
        ([a_chart("a").json()] * 3, "3 blocks of type data_visualization"),
        ([a_chart(*"abcdefg").json()], "7 series"),
        ([a_chart("a", days=21).json()], "21 categories"),
        ([a_chart("a").json() | {"title": "x" * 51}], "51 characters"),
        ([section() | {"block_id": "a"}, section() | {"block_id": "a"}], "share an id"),
        ([section() | {"block_id": "x" * 256}], "256 characters"),
        ([{"type": "nonsense"}], "which costd does not send"),
    ],
)
def test_every_limit_of_slack_is_known(blocks: list[limits.Json], fault: str) -> None:
    assert fault in " ".join(faults("x", blocks))


def test_the_largest_of_everything_is_taken() -> None:
    assert not faults("x" * 40_000, [section()] * 50)
    assert not faults("x", [table(100, 20), a_chart(*"abcdef", days=20).json(), section("x" * 3_000)])


def test_a_message_that_slack_would_refuse_is_not_made() -> None:
    with pytest.raises(MessageError, match="51 blocks"):
        SlackMessage(text="x", blocks=(Section(text="x"),) * 51)
    with pytest.raises(MessageError, match="no text"):
        SlackMessage(text="", blocks=(Section(text="x"),))
