from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.focus import keyvalues
from collectors.focus.keyvalues import Memory, canonical, normalised


def read(values: list[Any], dtype: Any = pl.String, column: str = "Tags") -> list[str | None]:
    return normalised(pl.Series(column, values, dtype=dtype), Memory()).to_list()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{"team": "web"}', {"team": "web"}),
        ('{"b": "2", "a": "1"}', {"a": "1", "b": "2"}),
        ('{"org": "x", " org": "y"}', {"org": "x", " org": "y"}),
        ('{"spot": true, "old": false}', {"spot": "true", "old": "false"}),
        (
            '{"n": 12345678901234567890123, "x": 1.50, "e": 1e3}',
            {"n": "12345678901234567890123", "x": "1.50", "e": "1e3"},
        ),
        ('{"team": null, "env": "prod"}', {"env": "prod"}),
        ('{"empty": ""}', {"empty": ""}),
        ('{"deep": {"a": [1, "b"]}}', {"deep": '{"a":[1,"b"]}'}),
        ('{"ünïcode": "日本"}', {"ünïcode": "日本"}),
        ('{"formula": "=1+1", "esc": "\\u001b[31m"}', {"formula": "=1+1", "esc": "\x1b[31m"}),
        ('"env": "prod","team": "web"', {"env": "prod", "team": "web"}),
        ('[{"Key": "team", "Value": "web"}]', {"team": "web"}),
        ("{}", None),
        ("[]", None),
        ('{"team": null}', None),
        (None, None),
    ],
)
def test_tags_become_one_object_of_texts(written: str | None, expected: dict[str, str] | None) -> None:
    (found,) = read([written])
    assert (json.loads(found) if found is not None else None) == expected


def test_plain_tags_are_left_as_they_are_written() -> None:
    texts = ['{"a": "1", "b": "2"}', '{"b":"2","a":"1"}', '{ "b" : "2", "a" : "1" }']
    series = pl.Series("Tags", texts)
    assert normalised(series, Memory()) is series
    assert canonical(series).to_list() == ['{"a":"1","b":"2"}'] * 3


def test_values_met_again_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()
    texts = ['{"a":"1"}', '{"n":1}', "{}", None, '{"n":null}']
    first = normalised(pl.Series("Tags", texts), memory)
    monkeypatch.setattr(keyvalues, "_remember", None)
    again = normalised(pl.Series("Tags", texts[::-1]), memory)
    assert again.to_list() == first.to_list()[::-1]


@pytest.mark.parametrize(
    "text", ["team=web", "{broken", "[1]", '"just text"', "12", "[" * 100_000, '{"a": "\\ud800"']
)
def test_what_is_no_object_stays_and_is_told(text: str) -> None:
    memory = Memory()
    assert normalised(pl.Series("Tags", [text]), memory).to_list() == [text]
    assert memory.broken == {"Tags": text}


def test_a_half_surrogate_becomes_a_question_mark() -> None:
    assert read(['{"a": "x\\ud800"}']) == ['{"a":"x?"}']


MAP = [{"a": "1", "b": None}, None, {}, {"b": "2", "a": "1"}, {"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (MAP, pl.Map(pl.String(), pl.String())),
        ([None if m is None else [{"key": k, "value": v} for k, v in m.items()] for m in MAP], None),
        ([None if m is None else [{"Key": k, "Value": v} for k, v in m.items()] for m in MAP], None),
        ([None if m is None else [{"k": k, "v": v} for k, v in m.items()] for m in MAP], None),
        ([None if m is None else {"a": m.get("a"), "b": m.get("b")} for m in MAP], None),
    ],
    ids=["map", "key-value", "Key-Value", "k-v", "struct"],
)
def test_typed_tags_mean_the_same_in_every_shape(values: list[Any], dtype: Any) -> None:
    one, none, empty, both, same = read(values, dtype)
    assert (none, empty) == (None, None)
    assert json.loads(one or "") == {"a": "1"}
    assert json.loads(both or "") == {"a": "1", "b": "2"}
    assert both == same


def test_typed_tags_of_numbers_and_truths_become_texts() -> None:
    assert read([{"n": 5, "t": True}], None) == ['{"n":"5","t":"true"}']
    assert read([[1, 2], None], pl.List(pl.Int64)) == [None, None]


def test_price_details_keep_their_numbers() -> None:
    details = '{"CoreCount": 4, "InstanceType": "m5.large"}'
    assert read([details, "{}"], column="SkuPriceDetails") == [details, None]
    assert read([{"CoreCount": 4}], None, "SkuPriceDetails") == ['{"CoreCount": 4}']


def test_ten_thousand_tag_keys_are_only_many() -> None:
    tags = {f"key-{i}": str(i) for i in range(10_000)}
    (found,) = read([json.dumps(tags)])
    assert found is not None
    assert json.loads(found) == tags


def test_columns_of_other_types_are_read_as_text() -> None:
    assert normalised(pl.Series("Tags", [None, None]), Memory()).dtype == pl.String
    assert read([b'{"a":"1"}'], pl.Binary) == ['{"a":"1"}']


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyvalues, "REMEMBERED", 3)
    memory = Memory()
    for i in range(10):
        normalised(pl.Series("Tags", [f'{{"a":"{i}"}}']), memory)
        normalised(pl.Series("AllocatedTags", [{"a": str(i)}]), memory)
    assert max(memory.fine["Tags"].height, memory.texts["AllocatedTags"].height) <= 4


@given(st.dictionaries(st.text(), st.text(), min_size=1, max_size=5))
def test_any_tags_come_through_whole(tags: dict[str, str]) -> None:
    (found,) = read([json.dumps(tags)])
    clean = {
        k.encode("utf-8", "replace").decode(): v.encode("utf-8", "replace").decode() for k, v in tags.items()
    }
    assert found is not None
    assert json.loads(found) == clean
