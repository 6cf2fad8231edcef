"""Tax, support and credits by example: whom they follow."""

from __future__ import annotations

from typing import Any

import pytest
from cells import a_fact, a_star, facts, one, resources, sums, team

from attribution.slices import Sharing
from domain.allocation import CostKind

COST = "BilledCost"
PLATFORM = {"name": "platform", "when": {"namespace": "kube-system"}}
SYSTEM = {"Tags": {"k8s-namespace": "kube-system"}}


@pytest.mark.parametrize(
    ("follower", "expected"),
    [
        # tax on a product in an account follows the charges of both
        ({"ChargeCategory": "Tax"}, "a direct 7.5, nobody direct 2.5"),
        # without cost of that product in the account, the account decides
        ({"ChargeCategory": "Tax", "ServiceName": "X"}, "a direct 6, b direct 2, nobody direct 2"),
        ({"ChargeCategory": "Tax", "ServiceName": None}, "a direct 6, b direct 2, nobody direct 2"),
        # support is a product of its own, so the account decides
        ({"ServiceName": "AWS Support (Business)"}, "a direct 6, b direct 2, nobody direct 2"),
        # without an account: the product, or all of the source
        (
            {"ChargeCategory": "Credit", "SubAccountId": None},
            "a direct 3.333333333333, c direct 5.555555555556, nobody direct 1.111111111111",
        ),
        (
            {"ChargeCategory": "Credit", "SubAccountId": None, "ServiceName": None},
            "a direct 3, b direct 1, c direct 5, nobody direct 1",
        ),
        # nothing in that account or source: into the pool, shared by the day's direct cost
        (
            {"ChargeCategory": "Tax", "SubAccountId": "333"},
            "a shared 3.333333333333, b shared 1.111111111111, c shared 5.555555555556",
        ),
        (
            {"ChargeCategory": "Tax", "source": "azure"},
            "a shared 3.333333333333, b shared 1.111111111111, c shared 5.555555555556",
        ),
        # nothing in that currency: nobody to share to either
        ({"ChargeCategory": "Tax", "BillingCurrency": "EUR"}, "nobody shared EUR 10"),
        # what somebody owns stays theirs
        ({"ChargeCategory": "Tax", "Tags": {"team": "b"}}, "b direct 10"),
    ],
    ids=str,
)
def test_tax_support_and_credits_follow_what_they_are_on(follower: dict[str, Any], expected: str) -> None:
    dims = resources(
        team("a"),  # in account 111, for EC2, as all that follow unless they say otherwise
        team("b", ServiceName="S3"),
        {},
        team("c", SubAccountId="222"),
        {**follower, "RegionId": "follower"},
    )
    cells = facts(a_fact(0, 6), a_fact(1, 2), a_fact(2, 2), a_fact(3, 10), a_fact(4, 10))
    found = sums(cells, a_star(dims), "team", "cost_kind", where=(one("region", "follower"),))
    told = [" ".join([str(key[0] or "nobody"), *key[1:], str(amount)]) for key, amount in found.items()]
    assert ", ".join(sorted(told)) == expected


def test_tax_on_idle_is_idle_and_tax_on_a_pool_is_shared_with_it() -> None:
    dims = resources(
        team("a", CommitmentDiscountStatus="Unused"),
        SYSTEM,
        team("b", ServiceName="S3"),
        {"ChargeCategory": "Tax"},
    )
    cells = facts(a_fact(0, 3), a_fact(1, 1), a_fact(2, 5), a_fact(3, 8))
    star = a_star(dims, {"shared": [PLATFORM]})
    assert sums(cells, star, "team", "cost_kind", "pool", sharing=Sharing.BEFORE) == {
        ("a", "idle", None): "9",
        (None, "shared", "platform"): "3",
        ("b", "direct", None): "5",
    }
    assert sums(cells, star, "team", "cost_kind", "pool") == {
        ("a", "idle", None): "9",
        ("b", "shared", "platform"): "3",
        ("b", "direct", None): "5",
    }


@pytest.mark.parametrize(
    ("follow", "expected"),
    [
        ("related", {("a", "direct", None): "18", ("b", "direct", None): "1"}),
        ("pool", {("a", "direct", None): "9", ("b", "direct", None): "1", (None, "shared", "tax"): "9"}),
        ("none", {("a", "direct", None): "9", ("b", "direct", None): "1", (None, "direct", None): "9"}),
    ],
)
def test_where_unowned_tax_goes_is_a_policy(follow: str, expected: dict[Any, str]) -> None:
    dims = resources(team("a"), team("b", SubAccountId="2"), {"ChargeCategory": "Tax"})
    cells = facts(a_fact(0, 9), a_fact(1, 1), a_fact(2, 9))
    star = a_star(dims, {"follow": {"tax": follow}})
    assert sums(cells, star, "team", "cost_kind", "pool", sharing=Sharing.BEFORE) == expected


def test_a_configured_pool_called_tax_takes_it_over() -> None:
    dims = resources(team("a"), team("b", SubAccountId="2"), {"ChargeCategory": "Tax"})
    cells = facts(a_fact(0, 9), a_fact(1, 1), a_fact(2, 10))
    pool = {"name": "tax", "when": {"charge_category": "Tax"}, "split": "even"}
    assert sums(cells, a_star(dims, {"shared": [pool]}), "team") == {"a": "14", "b": "6"}


def test_a_related_charge_of_another_billing_period_is_not_related() -> None:
    dims = resources(team("a"), team("b"), {"ChargeCategory": "Tax"})
    cells = facts(
        a_fact(0, 9, period="2026-06"),
        a_fact(1, 9, "2026-06-30T23:00", period="2026-07"),
        a_fact(2, 1, "2026-07-01T00:00", period="2026-07"),
    )
    assert sums(cells, a_star(dims), "team", "billing_month") == {
        ("a", "2026-06"): "9",
        ("b", "2026-07"): "10",
    }


def test_unused_commitments_are_idle() -> None:
    dims = resources({"CommitmentDiscountStatus": "Unused"}, {"CommitmentDiscountStatus": "Used"}, {})
    assert a_star(dims).ownership["cost_kind"].to_list() == [CostKind.IDLE, CostKind.DIRECT, CostKind.DIRECT]


@pytest.mark.parametrize("turn", range(4))
def test_a_unit_that_cannot_be_divided_goes_to_the_first_by_name_whatever_the_order(turn: int) -> None:
    names = ["d", "a", "c", "b", "e", "f", "g"]
    turned = names[turn:] + names[:turn]
    dims = resources(*(team(name) for name in turned), {"ChargeCategory": "Tax"})
    cells = facts(*(a_fact(at, 1) for at in range(len(names))), a_fact(len(names), "0.000000000003"))
    found = sums(cells, a_star(dims), "team")
    assert {name for name, cost in found.items() if cost != "1"} == {"a", "b", "c"}
