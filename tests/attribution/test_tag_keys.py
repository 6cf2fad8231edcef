"""Which tag keys costs carry: exact shares, folded spellings, and proposals that can be written down."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.tag_keys import Tagged, propose, tagged

SCHEMA = {"Tags": pl.String, "BillingCurrency": pl.String, "cost": pl.Decimal(38, 12)}


def frame(*rows: tuple[dict[str, str] | str | None, str], currency: str = "USD") -> pl.DataFrame:
    texts = [json.dumps(tags) if isinstance(tags, dict) else tags for tags, _ in rows]
    return pl.DataFrame(
        {
            "Tags": texts,
            "BillingCurrency": [currency] * len(rows),
            "cost": [Decimal(cost) for _, cost in rows],
        },
        schema=SCHEMA,
    )


def shares(found: Tagged) -> dict[str, Decimal]:
    return {one.key: one.share for one in found.keys}


def test_the_share_of_a_key_is_the_cost_that_carries_it() -> None:
    found = tagged([frame(({"team": "web", "env": "p"}, "3"), ({"team": "ml"}, "4"), (None, "1"))])
    assert (found.currency, found.cost) == ("USD", Decimal(8))
    assert shares(found) == {"team": Decimal("0.875"), "env": Decimal("0.375")}
    assert [one.values for one in found.keys] == [("ml", "web"), ("p",)]


def test_spellings_are_one_key_under_the_dearest_and_never_count_twice() -> None:
    found = tagged([frame(({"Team": "a", "team ": "b"}, "3"), ({"team": "a"}, "1"))])
    assert shares(found) == {"Team": Decimal(1)}


def test_tags_that_say_nothing_do_not_count() -> None:
    rows = [
        ({"team": " "}, "1"),
        ({"team": "true"}, "1"),
        ("not json", "1"),
        ("[1]", "1"),
        ({"team": "x"}, "1"),
    ]
    assert shares(tagged([frame(*rows)])) == {"team": Decimal("0.2")}


def test_credits_do_not_count_and_nothing_gives_nothing() -> None:
    assert tagged([frame(({"team": "x"}, "-5"))]).keys == ()
    assert tagged([]).share_of(["team"]) == 0


def test_currencies_are_never_added_up() -> None:
    found = tagged([frame(({"a": "x"}, "1"), ({"a": "x"}, "1")), frame(({"b": "x"}, "900"), currency="EUR")])
    assert (found.currency, found.cost) == ("USD", Decimal(2))


def test_several_keys_cover_what_any_of_them_covers() -> None:
    found = tagged([frame(({"team": "x", "owner": "y"}, "1"), ({"owner": "y"}, "2"), (None, "1"))])
    assert found.share_of(["Team", "owner"]) == Decimal("0.75")


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("team", "team"),
        ("Team-Name", "team"),
        ("acme:cost-center", "team"),
        ("CostCenter", "team"),
        ("k8s-label/team", "team"),
        ("app.kubernetes.io/name", "service"),
        ("ENV", "environment"),
    ],
)
def test_keys_are_known_by_their_names(key: str, field: str) -> None:
    found = tagged([frame(({key: "x"}, "1"))])
    assert propose(found, field) == (key,)


@pytest.mark.parametrize("key", ["steam", "team\nrules: []", "te\u202eam", "x" * 200 + ":team", "", "name"])
def test_other_keys_and_hostile_ones_are_not_proposed(key: str) -> None:
    found = tagged([frame(({key: "x"}, "1"))])
    assert propose(found, "team") == ()


def test_the_most_telling_name_comes_first_and_a_trace_is_left_out() -> None:
    found = tagged([frame(({"owner": "x"}, "90"), ({"team": "x"}, "10"), ({"squad": "x"}, "0.5"))])
    assert propose(found, "team") == ("team", "owner")


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.integers(1, 10**9)), min_size=1, max_size=20))
def test_shares_are_exact_and_at_most_all(rows: list[tuple[set[str], int]]) -> None:
    found = tagged([frame(*((dict.fromkeys(keys, "v"), str(cost)) for keys, cost in rows))])
    whole = sum(cost for _, cost in rows)
    assert found.cost == whole
    for one in found.keys:
        carried = sum(cost for keys, cost in rows if one.key in keys)
        assert round(one.share * whole, 9) == carried
        assert found.share_of([one.key]) == one.share
    assert found.share_of("abc") <= 1
