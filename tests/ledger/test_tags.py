"""Key-value columns survive whatever a bill writes into them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from builders import a_batch, a_charge
from hypothesis import given
from hypothesis import strategies as st

from ledger.charges import ChargeLedger
from ledger.tags import as_map, canonical, canonical_texts

NOW = datetime(2026, 7, 2, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ('{"b":"2","a":"1"}', {"a": "1", "b": "2"}),
        ("{}", {}),
        ('{"a": true, "b": null}', {"a": "true", "b": "true"}),
        ('{"a": false}', {"a": "false"}),
        (
            '{"a": 1.10, "b": 12345678901234567890123, "c": 1E3}',
            {"a": "1.10", "b": "12345678901234567890123", "c": "1E3"},
        ),
        ('{"a": {"z": [1, 2.50], "y": "é"}}', {"a": '{"y":"é","z":[1,2.50]}'}),
        ('{"a": NaN}', {"a": "NaN"}),
        ('{"a": "1", "a": "2"}', {"a": "2"}),
        ('{"a": ""}', {"a": ""}),
        ('{"": "x"}', {"": "x"}),
        ('{"a": "\\ud800"}', {"a": "?"}),
        ('{"a": "\\u0000\\u001b[31m"}', {"a": "\x00\x1b[31m"}),
        ('{"team": "=cmd|\' /C calc\'!A0"}', {"team": "=cmd|' /C calc'!A0"}),
        ('{"имя": "日本", "🏷": "ﬁ"}', {"имя": "日本", "🏷": "ﬁ"}),
        ('["a"]', {"x_unreadable": '["a"]'}),
        ("not json", {"x_unreadable": "not json"}),
        ("[" * 100_000, {"x_unreadable": "[" * 100_000}),
    ],
)
def test_reads_tags_as_written(text: str, tags: dict[str, str]) -> None:
    series = canonical_texts(pl.Series("Tags", [text, None]))
    assert as_map(series).to_list() == [tags, None]


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=8))
def test_the_canonical_form_is_the_same_for_every_order_and_spacing(tags: dict[str, str]) -> None:
    backwards = dict(reversed(tags.items()))
    one = canonical(json.dumps(tags, ensure_ascii=True))
    assert canonical(json.dumps(backwards, ensure_ascii=False, indent=2)) == one
    assert canonical(one) == one
    assert as_map(pl.Series([one])).to_list() == [tags]


def stored_tags(ledger: ChargeLedger, *tags: object) -> pl.DataFrame:
    rows = [a_charge(ResourceId=f"i-{number:03d}", Tags=one) for number, one in enumerate(tags)]
    ledger.replace(a_batch(*rows), seen_at=NOW)
    return ledger.resources().sort("ResourceId").collect()


def test_a_promoted_key_is_found_in_any_spelling_and_the_exact_one_wins(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path), promote=["Team", "owner"])
    found = stored_tags(
        ledger,
        {"team": "exact", "TEAM": "loud", " team": "spaced"},
        {"Team": "b", "TEAM": "a"},
        {" team ": "spaced"},
        {"owner": "o"},
        None,
    )
    assert found["x_tag_team"].to_list() == ["exact", "a", "spaced", None, None]
    assert found["x_tag_owner"].to_list() == [None, None, None, "o", None]


def test_a_key_promoted_later_is_filled_for_rows_stored_before(tmp_path: Path) -> None:
    stored_tags(ChargeLedger(str(tmp_path), promote=["team"]), {"team": "web", "Env": "prod"})
    ledger = ChargeLedger(str(tmp_path), promote=["env", "team"])
    assert ledger.resources().collect().select("x_tag_env", "x_tag_team").rows() == [("prod", "web")]
    later = a_charge(start="2026-07-01", ResourceId="i-9", Tags={"ENV": "dev"})
    ledger.replace(a_batch(later), seen_at=NOW)
    found = ledger.resources().sort("ResourceId").collect()
    assert found.select("x_tag_env", "x_tag_team").rows() == [("prod", "web"), ("dev", None)]
    other = ChargeLedger(str(tmp_path), promote=["env"])
    assert other.resources().collect().columns[-1] == "x_tag_env"


def test_a_key_that_no_column_can_be_named_after_is_still_given(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path), promote=["cost center", "app.kubernetes.io/name"])
    found = stored_tags(ledger, {"Cost Center": "42", "app.kubernetes.io/name": "shop"})
    assert found.select("x_tag_cost center", "x_tag_app.kubernetes.io/name").rows() == [("42", "shop")]


def test_ten_thousand_distinct_keys_are_kept(tmp_path: Path) -> None:
    ledger = ChargeLedger(str(tmp_path), promote=["team"])
    tags = [{f"key-{number * 100 + part}": "v" for part in range(100)} for number in range(100)]
    tags[7]["TEAM"] = "ml"
    found = stored_tags(ledger, *tags)
    keys = found["Tags"].map.keys().explode().n_unique()
    assert keys == 10_001
    assert found["x_tag_team"].drop_nulls().to_list() == ["ml"]
    assert found["Tags"].to_list() == tags
