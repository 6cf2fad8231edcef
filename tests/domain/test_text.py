from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import printable, printable_lines, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Zürich 東京 🚀", "Zürich 東京 🚀"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\tc\x00", "a\\x0d\\nb\\tc\\x00"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("abc\u202edef", "abc\\u202edef"),
        ("\U000e0041\ud800", "\\U000e0041\\ud800"),
        ("x\u2028y", "x\\u2028y"),
    ],
)
def test_control_and_direction_characters_are_written_as_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_what_is_printable_has_no_control_character_and_one_line(text: str) -> None:
    shown = printable(text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in shown)
    assert shown.splitlines() in ([shown], [])


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\u061c")))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_lines_may_be_kept() -> None:
    assert printable_lines("a\n\x1bb\n") == "a\n\\x1bb\n"


def test_a_long_text_ends_with_an_ellipsis() -> None:
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"
    assert shortened("\x1b" * 9, 6) == "\\x1b\\…"
