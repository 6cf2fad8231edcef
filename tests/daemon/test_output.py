"""Rows for people and for machines: what a terminal, a pipe, and a hostile name make of them."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.options import OUTPUTS
from daemon.output import Field, Listing, Output, csv_cell, json_text, markdown_cell, print_listing
from daemon.progress import Bar, Lines, Silent, progress_on
from daemon.table import Grid, cells, draw, shortened
from daemon.terminal import Terminal
from domain.money import plain

LISTING = Listing(
    fields=(
        Field(name="name"),
        Field(name="cost", number=True, missing="unknown"),
        Field(name="hidden", machine_only=True),
        Field(name="share", people_only=True, number=True, missing=""),
    ),
    rows=[
        {"name": "ml", "cost": Decimal("1234.5"), "hidden": True, "share": "99 %"},
        {"name": None, "cost": None, "hidden": False, "folded": 3},
    ],
    pinned=[{"name": "nobody", "cost": Decimal(0)}],
    totals=[{"name": "total", "cost": Decimal("1234.5")}],
    document={"schema": "x/1", "rows": [], "after": date(2026, 6, 1)},
    above=("A title · here",),
    notes=("A note",),
    following=("costd status", "costd report"),
)


class Screen(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def shown(output: Output, *, listing: Listing = LISTING, **terminal: object) -> str:
    stream = io.StringIO()
    print_listing(listing, output, Terminal(stream=stream, **terminal))  # type: ignore[arg-type]  # test
    return stream.getvalue()


def test_a_pipe_gets_plain_ascii_without_footer() -> None:
    assert shown(Output.TABLE) == (
        "A title - here\n"
        "NAME        COST  SHARE\n"
        "ml      1,234.50   99 %\n"
        "-        unknown\n"
        "nobody      0.00\n"
        "-----------------------\n"
        "total   1,234.50\n"
        "A note\n"
    )


def test_a_terminal_gets_rules_footer_and_emphasis() -> None:
    out = shown(Output.TABLE, interactive=True, colour=True, width=80)
    assert "A title · here" in out
    assert "─" * 23 in out
    assert "\x1b[1mtotal   1,234.50\x1b[0m" in out
    assert "Next: costd status   |   costd report" in out
    assert "\x1b" not in shown(Output.TABLE, interactive=True, width=80)


def test_people_and_machines_get_the_columns_meant_for_them() -> None:
    assert [json.loads(line) for line in shown(Output.NDJSON).splitlines()] == [
        {"name": "ml", "cost": "1234.5", "hidden": True},
        {"name": None, "cost": None, "hidden": False, "folded": 3},
    ]
    assert shown(Output.CSV) == "name,cost,hidden\r\nml,1234.5,true\r\n,,false\r\n"
    document = json.loads(shown(Output.JSON))
    assert list(document) == ["schema", "rows", "after"]
    assert document["after"] == "2026-06-01"
    assert "hidden" not in shown(Output.MARKDOWN)


@pytest.mark.parametrize("output", [Output.TABLE, Output.MARKDOWN])
def test_headings_titles_and_notes_are_harmless_too(output: Output) -> None:
    evil = "a\x1b[2J|b"
    listing = Listing(
        fields=(Field(name="cost", title=f"COST {evil}"),), rows=[{"cost": 1}], above=(evil,), notes=(evil,)
    )
    out = shown(output, listing=listing, interactive=True, width=80)
    assert "\x1b" not in out
    assert out.count("x1b") == 3


def test_nothing_says_what_is_missing_and_machines_get_nothing() -> None:
    empty = Listing(fields=LISTING.fields, rows=[], notes=("n",), empty="Nothing yet.")
    assert shown(Output.TABLE, listing=empty) == "Nothing yet.\nn\n"
    assert "Nothing yet" in shown(Output.MARKDOWN, listing=empty)
    assert shown(Output.NDJSON, listing=empty) == ""
    assert json.loads(shown(Output.JSON, listing=empty)) == {"rows": []}


def test_every_output_of_the_options_exists() -> None:
    assert tuple(Output) == OUTPUTS


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_is_respected(environ: dict[str, str]) -> None:
    assert not Terminal.of(Screen(), environ).colour
    assert Terminal.of(Screen(), environ).interactive


def test_a_screen_has_a_width_and_a_pipe_has_none() -> None:
    assert (Terminal.of(Screen(), {}).width or 0) >= 40
    assert Terminal.of(Screen(), {}).colour
    piped = Terminal.of(io.StringIO(), {})
    assert (piped.width, piped.colour, piped.interactive) == (None, False, False)


def test_a_stream_that_cannot_write_a_character_gets_its_escape() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    Terminal(stream=stream).write("grün 漢")
    stream.flush()
    assert raw.getvalue() == "grün \\u6f22\n".encode("latin-1")


def test_text_gives_way_to_a_narrow_window_and_numbers_never_do() -> None:
    grid = Grid(
        headings=["NAME", "COST"], right=frozenset({1}), rows=[["a-very-long-name-indeed", "123,456.78"]]
    )
    lines = [line for _, line in draw(grid, 24)]
    assert all(cells(line) <= 24 for line in lines)
    assert lines[1].endswith("123,456.78")
    assert "…" in lines[1]
    tight = [line for _, line in draw(grid, 5)]
    assert tight[1].endswith("123,456.78")


def test_dates_are_never_cut() -> None:
    rows = [
        {"name": "a-very-long-name-indeed", "day": date(2026, 6, 1), "seen": datetime(2026, 6, 2, tzinfo=UTC)}
    ]
    listing = Listing(fields=(Field(name="name"), Field(name="day"), Field(name="seen")), rows=rows)
    out = shown(Output.TABLE, listing=listing, interactive=True, width=40)
    assert "2026-06-01  2026-06-02 00:00Z" in out
    assert "a-very-l…" in out


def test_wide_characters_keep_columns_straight() -> None:
    grid = Grid(headings=["N", "C"], right=frozenset({1}), rows=[["漢字", "1"], ["ab", "22"]])
    assert {cells(line) for _, line in draw(grid, None)} == {8}
    assert shortened("漢字漢字", 5) == "漢字…"


@given(st.text(), st.integers(1, 40))
def test_shortening_always_fits(text: str, size: int) -> None:
    assert cells(shortened(text, size)) <= max(size, 1)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("\t=1", "'\\t=1"),
        ("\r=1", "'\\x0d=1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("\uff1d1+1", "'\uff1d1+1"),
        (Decimal("-2.5"), "-2.5"),
        (Decimal("1E-12"), "0.000000000001"),
        (-3, "-3"),
        (None, ""),
        (["a", "b"], "a; b"),
        (datetime(2026, 6, 1, 5, tzinfo=UTC), "2026-06-01T05:00:00Z"),
        (date(2026, 6, 1), "2026-06-01"),
        ("a\x1b[0m", "a\\x1b[0m"),
    ],
)
def test_a_csv_cell_is_no_formula_and_numbers_stay_numbers(value: object, cell: str) -> None:
    assert csv_cell(value) == cell  # type: ignore[arg-type]  # every kind of value


def test_markdown_shows_text_as_it_is() -> None:
    assert markdown_cell("a|b_c*d") == "a\\|b\\_c\\*d"
    assert markdown_cell("@everyone") == "@\u200beveryone"
    assert "://" not in markdown_cell("see http://evil.example")
    assert markdown_cell("[x](javascript:1)") == "\\[x\\]\\(javascript:1\\)"


@given(st.text())
def test_json_reads_back_exactly_and_holds_no_control_character(text: str) -> None:
    written = json_text({"name": text})
    assert json.loads(written) == {"name": text}
    assert all(ord(mark) >= 0x20 and not 0x7F <= ord(mark) <= 0x9F for mark in written)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=12))
def test_machines_get_every_digit_without_exponent(amount: Decimal) -> None:
    written = json.loads(json_text({"cost": amount}))["cost"]
    assert Decimal(written) == amount
    assert written == plain(amount)
    assert "E" not in written


def test_progress_is_a_bar_lines_or_silence() -> None:
    assert isinstance(progress_on(Screen(), {}), Bar)
    assert isinstance(progress_on(Screen(), {"TERM": "dumb"}), Lines)
    assert isinstance(progress_on(io.StringIO(), {}), Lines)
    silent = Silent()
    silent.start("x", 1, "rows")
    silent.advance(1)
    silent.finish()


def test_lines_tell_start_quarters_and_end() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.start("read\x1b", 100, "rows")
    for _ in range(100):
        lines.advance(1)
    lines.finish()
    lines.finish()
    told = stream.getvalue().splitlines()
    assert told[0] == "read\\x1b: started, 100 rows"
    assert told[1:-1] == [f"read\\x1b: {part} of 100 rows" for part in (25, 50, 75)]
    assert told[-1] == "read\\x1b: done, 100 rows"


def test_a_bar_draws_itself_and_goes_away() -> None:
    stream = Screen()
    bar = Bar(stream)
    bar.start("read [bold]", 10, "rows")
    bar.advance(10)
    bar.finish()
    bar.advance(1)
    assert "read [bold]" in stream.getvalue()
