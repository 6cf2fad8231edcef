from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.fault import YamlError
from config.yaml import MAX_BYTES, Document, decode, read


def plain(text: str) -> object:
    return read(text).root.plain()


def fault(text: str) -> tuple[int, str]:
    with pytest.raises(YamlError) as caught:
        read(text)
    return caught.value.fault.line, f"{caught.value.fault.message} {caught.value.fault.hint}"


def test_scalars_stay_the_text_that_was_written() -> None:
    text = "a: NO\nb: 012345678901\nc: 1.10\nd: yes\ne: true\nf: 0x1F\ng: 1e3\nh: 2026-01-01\ni: 12:30\n"
    assert plain(text) == {
        "a": "NO",
        "b": "012345678901",
        "c": "1.10",
        "d": "yes",
        "e": "true",
        "f": "0x1F",
        "g": "1e3",
        "h": "2026-01-01",
        "i": "12:30",
    }


def test_only_an_empty_value_and_the_words_for_null_are_none() -> None:
    assert plain("a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: none") == {
        "a": None,
        "b": None,
        "c": None,
        "d": "",
        "e": "null",
        "f": "none",
    }


def test_every_key_and_value_has_its_line() -> None:
    root = read("a: 1\nb:\n  - x\n  - c: 2\n    d: >\n      long\n").root
    assert isinstance(root.value, dict)
    assert root.key_lines == {"a": 1, "b": 2}
    items = root.value["b"].value
    assert isinstance(items, list)
    assert [item.line for item in items] == [3, 4]
    assert items[1].key_lines == {"c": 4, "d": 5}


def test_an_alias_stands_for_what_it_names() -> None:
    assert plain("a: &x {k: [1]}\nb: *x\n") == {"a": {"k": ["1"]}, "b": {"k": ["1"]}}


def test_an_empty_text_is_none() -> None:
    assert plain("") is None
    assert plain("# only a comment\n") is None
    assert plain("\ufeffa: 1") == {"a": "1"}


def test_a_key_written_twice_names_both_lines_and_reading_goes_on() -> None:
    document: Document = read("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert [(f.line, f.message) for f in document.doubles] == [
        (2, "key `c` is written twice, on lines 2 and 2"),
        (3, "key `a` is written twice, on lines 1 and 3"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("a:\n\tb: 1\n", 2, "indented with a tab"),
        ("a: !!python/object/apply:os.system [x]", 1, "tag"),
        ("a: !custom x", 1, "tag"),
        ("a: 1\n? [x]\n: 1\n", 2, "key must be plain text"),
        ("{a: 1}: 2", 1, "key must be plain text"),
        ("base: &b {a: 1}\nc:\n  <<: *b\n", 3, "merge keys"),
        ("a: &x [*x]", 1, "refers to itself"),
        ("a: 1\nb: *nope", 2, "refers to nothing"),
        ("a: &x k\n*x : 1", 2, "alias cannot be a key"),
        (": 1", 1, "key is empty"),
        ("%YAML 1.1\n---\na: no\n", 2, "another YAML version"),
        ("a: 'x\n\n", 1, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("- a\nb: c\n", 2, "not YAML"),
        ("a: 1\nb: \x07\n", 2, "does not allow"),
        ("a: [1, 2\nb: 3\n", 2, "not YAML"),
        ("x: 1\ns: {a: ${env:B}}\n", 2, "in quotes"),
    ],
)
def test_what_is_not_read_says_why_and_where(text: str, line: int, says: str) -> None:
    found, message = fault(text)
    assert says in message
    assert found == line


def test_a_yaml_bomb_is_refused_at_once() -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)
    )
    began = time.process_time()
    assert "more than 50000 values" in fault(bomb)[1]
    assert time.process_time() - began < 2


def test_a_bomb_of_keys_is_refused_too() -> None:
    bomb = "a0: &a0 {a: x, b: y}\n" + "".join(
        f"a{i}: &a{i} {{a: *a{i - 1}, b: *a{i - 1}}}\n" for i in range(1, 30)
    )
    assert "50000 values" in fault(bomb)[1]


def test_nesting_is_refused_long_before_it_hurts() -> None:
    assert "levels deep" in fault("a: " + "[" * 100_000)[1]
    chain = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60))
    assert "levels deep" in fault(chain)[1]


def test_a_file_over_a_mebibyte_is_refused() -> None:
    assert "1 MiB" in fault("a: " + "x" * MAX_BYTES)[1]


def test_bytes_that_are_no_utf8_name_their_line() -> None:
    with pytest.raises(YamlError, match="line 2: is not UTF-8"):
        decode(b"a: 1\nb: \xe4\n")
    with pytest.raises(YamlError, match="UTF-8"):
        decode("a: 1".encode("utf-16"))
    assert decode(b"\xef\xbb\xbfa: 1") == "a: 1"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_but_never_crashes(text: str) -> None:
    with suppress(YamlError):
        read(text)
