"""Shared pools by example: who takes part, with what, and what stays."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from cells import a_fact, a_star, facts, one, resources, sums, team

from attribution.allocate import allocate
from attribution.slices import Sharing, Slice
from attribution.spread import unshared

COST = "BilledCost"
PLATFORM = {"name": "platform", "when": {"namespace": "kube-system"}}
SYSTEM = {"Tags": {"k8s-namespace": "kube-system"}}


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("proportional", {"a": "66", "b": "33", "c": "11"}),
        ("even", {"a": "63.333333333334", "b": "33.333333333333", "c": "13.333333333333"}),
    ],
)
def test_a_pool_is_shared_by_direct_cost_or_evenly(split: str, expected: dict[str, str]) -> None:
    # the vector V7 of others' shared-cost split: 60, 30 and 10, and 10 to share
    dims = resources(team("a"), team("b"), team("c"), SYSTEM)
    cells = facts(a_fact(0, 60), a_fact(1, 30), a_fact(2, 10), a_fact(3, 10))
    star = a_star(dims, {"shared": [{**PLATFORM, "split": split}]})
    assert sums(cells, star, "team") == expected
    assert sums(cells, star, "team", sharing=Sharing.BEFORE) == {"a": "60", "b": "30", "c": "10", None: "10"}
    only_a = (one("team", "a"), one("cost_kind", "shared"))
    shared = {"proportional": "6", "even": "3.333333333334"}[split]
    assert sums(cells, star, "pool", where=only_a) == {"platform": shared}


def test_a_hundred_by_three_gives_the_odd_unit_to_the_first() -> None:
    dims = resources(team("c"), team("a"), team("b"), SYSTEM)
    cells = facts(*(a_fact(at, 1) for at in range(3)), a_fact(3, 100))
    assert sums(cells, a_star(dims, {"shared": [PLATFORM]}), "team") == {
        "a": "34.333333333334",
        "b": "34.333333333333",
        "c": "34.333333333333",
    }


def test_a_pool_keeps_all_it_is_known_by_but_the_owner_it_is_shared_across() -> None:
    dims = resources(
        team("a"),
        {"Tags": {"k8s-namespace": "kube-system", "team": "ops", "env": "prod"}, "RegionId": "eu"},
    )
    cells = facts(a_fact(0, 3), a_fact(1, 2))
    star = a_star(dims, {"shared": [PLATFORM]})
    by = ("team", "environment", "region", "cost_kind", "pool")
    assert sums(cells, star, *by, sharing=Sharing.BEFORE) == {
        ("a", None, None, "direct", None): "3",
        ("ops", "prod", "eu", "shared", "platform"): "2",
    }
    assert sums(cells, star, *by) == {
        ("a", None, None, "direct", None): "3",
        ("a", "prod", "eu", "shared", "platform"): "2",
    }


def test_each_day_and_each_currency_is_shared_by_its_own_costs() -> None:
    dims = resources(
        team("a"), team("b"), SYSTEM, team("c", BillingCurrency="EUR"), {**SYSTEM, "BillingCurrency": "EUR"}
    )
    cells = facts(
        a_fact(0, 1, "2026-06-01T05:00"),
        a_fact(1, 3, "2026-06-01T23:00"),
        a_fact(2, 8, "2026-06-01T12:00"),
        a_fact(1, 5, "2026-06-02T00:00"),
        a_fact(2, 8, "2026-06-02T00:00"),
        a_fact(3, 1, "2026-06-01T00:00"),
        a_fact(4, 8, "2026-06-01T00:00"),
    )
    star = a_star(dims, {"shared": [PLATFORM]})
    pool = (one("pool", "platform"),)
    assert sums(cells, star, "day", "team", where=pool) == {
        (date(2026, 6, 1), "a"): "2",
        (date(2026, 6, 1), "b"): "6",
        (date(2026, 6, 2), "b"): "8",
        (date(2026, 6, 1), "c", "EUR"): "8",
    }


def test_a_credit_to_a_pool_is_shared_like_its_cost() -> None:
    dims = resources(team("a"), team("b"), SYSTEM)
    cells = facts(a_fact(0, 1), a_fact(1, 2), a_fact(2, "-0.000000000004"))
    pool = (one("pool", "platform"),)
    assert sums(cells, a_star(dims, {"shared": [PLATFORM]}), "team", where=pool) == {
        "a": "-0.000000000001",
        "b": "-0.000000000003",
    }


def test_who_has_no_positive_direct_cost_takes_no_part() -> None:
    dims = resources(team("a"), team("refunded"), {}, team("idle", CommitmentDiscountStatus="Unused"), SYSTEM)
    cells = facts(a_fact(0, 1), a_fact(1, -5), a_fact(2, 50), a_fact(3, 50), a_fact(4, 10))
    pool = (one("pool", "platform"),)
    assert sums(cells, a_star(dims, {"shared": [PLATFORM]}), "team", where=pool) == {"a": "10"}


def test_a_pool_that_nobody_can_share_stays_and_says_why() -> None:
    dims = resources(team("a"), SYSTEM)
    cells = facts(
        a_fact(0, 1, "2026-06-02T00:00"), a_fact(1, 10, "2026-06-01T00:00"), a_fact(1, 4, "2026-06-02T00:00")
    )
    star = a_star(dims, {"shared": [PLATFORM]})
    assert sums(cells, star, "team", "cost_kind") == {
        ("a", "direct"): "1",
        ("a", "shared"): "4",
        (None, "shared"): "10",
    }
    (left,) = unshared(cells, star, COST)
    assert (left.pool, left.day, left.amount) == ("platform", date(2026, 6, 1), Decimal(10))
    assert left.reason == "nobody has direct cost in USD on 2026-06-01 to share 'platform' by"
    assert unshared(cells, a_star(dims), COST) == []


def test_a_pool_may_be_shared_across_several_owner_fields() -> None:
    dims = resources(
        {"Tags": {"team": "a", "env": "prod"}}, {"Tags": {"team": "a", "env": "dev"}}, team("b"), SYSTEM
    )
    cells = facts(a_fact(0, 3), a_fact(1, 1), a_fact(2, 100), a_fact(3, 8))
    star = a_star(dims, {"shared": [{**PLATFORM, "across": ["team", "environment"]}]})
    pool = (one("pool", "platform"),)
    assert sums(cells, star, "team", "environment", where=pool) == {("a", "prod"): "6", ("a", "dev"): "2"}


def test_the_first_pool_that_matches_takes_a_charge() -> None:
    dims = resources(SYSTEM)
    star = a_star(dims, {"shared": [{**PLATFORM, "name": "one"}, {**PLATFORM, "name": "two"}]})
    assert star.ownership["pool"].to_list() == ["one"]


def test_amounts_beyond_what_can_be_stored_raise_and_never_wrap() -> None:
    dims = resources(team("a"), SYSTEM)
    huge = "99999999999999999999999999.999999999999"
    cells = facts(a_fact(0, huge), a_fact(1, huge), a_fact(1, huge))
    star = a_star(dims, {"shared": [PLATFORM]})
    with pytest.raises(pl.exceptions.PolarsError):
        allocate(cells, star, Slice(by=("team",), sharing=Sharing.AFTER)).collect()


def test_ties_and_products_beyond_128_bits_are_split_as_plain_integers_are() -> None:
    dims = resources(team("a"), team("b"), team("c"), SYSTEM)
    big = "10000000000000000000000000.000000000001"
    cells = facts(a_fact(0, big), a_fact(1, big), a_fact(2, big), a_fact(3, big))
    pool = (one("pool", "platform"),)
    assert sums(cells, a_star(dims, {"shared": [PLATFORM]}), "team", where=pool) == {
        "a": "3333333333333333333333333.333333333334",
        "b": "3333333333333333333333333.333333333334",
        "c": "3333333333333333333333333.333333333333",
    }


@pytest.mark.parametrize(("split", "name"), [("proportional", "weighted"), ("even", "even")])
def test_v7_shares_are_those_of_the_published_vector(split: str, name: str) -> None:
    vectors = json.loads(Path("tests/data/attribution_vectors.json").read_text(encoding="utf-8"))
    (v7,) = (one for one in vectors if one["id"] == "V7")
    tenants, shared = v7["input"]["tenants"], v7["input"]["shared"]
    dims = resources(*map(team, tenants), SYSTEM)
    cells = facts(*(a_fact(at, cost) for at, cost in enumerate([*tenants.values(), shared])))
    star = a_star(dims, {"shared": [{**PLATFORM, "split": split}]})
    found = {tenant: float(cost) for tenant, cost in sums(cells, star, "team").items()}
    assert found == pytest.approx(v7["expected"][name], rel=1e-9)
    if name == "weighted":
        only_a = (one("team", "a"), one("cost_kind", "shared"))
        (left,) = sums(cells, star, "pool", where=only_a).values()
        assert float(left) == pytest.approx(v7["expected"]["filtered_a_weighted_shared"], rel=1e-9)
