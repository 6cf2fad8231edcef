"""How much is owned, what to tag first, and what would help."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from cells import a_fact, a_star, facts, resources, rules, team

from attribution.coverage import Coverage, coverage, resource_totals, unowned
from attribution.hints import alias_hints, key_hints
from attribution.star import star_of

COST = "EffectiveCost"


def scores(
    rows: list[dict[str, Any]], costs: list[object], **ownership: Any
) -> dict[tuple[str, str], Coverage]:
    star = a_star(resources(*rows), ownership)
    totals = resource_totals(facts(*(a_fact(at, cost) for at, cost in enumerate(costs))), COST)
    return {(score.field, score.currency): score for score in coverage(totals, star)}


def test_the_score_tells_owned_pooled_and_unowned_cost_per_currency() -> None:
    found = scores(
        [
            {**team("a"), "ResourceId": "r1"},
            {**team("a", CommitmentDiscountStatus="Used"), "ResourceId": "r1"},
            {"ResourceId": "r2"},
            {"Tags": {"k8s-namespace": "kube-system"}, "ResourceId": "r3"},
            {"ChargeCategory": "Tax"},
            {"BillingCurrency": "EUR", "ResourceId": "r4"},
            {"ResourceId": "free"},
        ],
        [50, 10, 20, 15, 5, 7, 0],
        shared=[{"name": "platform", "when": {"namespace": "kube-system"}}],
    )
    dollars = found["team", "USD"]
    assert (dollars.owned, dollars.pooled, dollars.cost, dollars.unowned) == (60, 20, 100, 20)
    assert dollars.share == Decimal("0.8")
    assert (dollars.owned_resources, dollars.resources) == (3, 4)  # r1, r3 and the tax; r2 is unowned
    euros = found["team", "EUR"]
    assert (euros.share, euros.owned_resources, euros.resources) == (0, 0, 1)
    assert found["service", "USD"].owned == 0
    assert set(found) == {
        (field, currency)
        for field in ("team", "service", "model", "environment", "pull_request")
        for currency in ("USD", "EUR")
    }


def test_there_is_no_score_without_cost() -> None:
    assert scores([{}], []) == {}
    assert scores([team("a"), {}], [-5, 1])["team", "USD"].share is None


def test_the_biggest_unowned_resources_come_first_per_currency() -> None:
    star = a_star(
        resources(
            {"ResourceId": "small"},
            {"ResourceId": "big", "CommitmentDiscountStatus": "Used"},
            {"ResourceId": "big"},
            {"ResourceId": "owned", "Tags": {"team": "a"}},
            {"ResourceId": "credit"},
            {"ResourceId": "euro", "BillingCurrency": "EUR", "SubAccountId": None},
            {"ChargeCategory": "Tax"},
        )
    )
    costs = [3, 4, 5, 100, -2, 1, 50]
    totals = resource_totals(facts(*(a_fact(at, cost) for at, cost in enumerate(costs))), COST)
    listed = [(one.resource, one.account, one.currency, one.cost) for one in unowned(totals, star)]
    assert listed == [("euro", "900", "EUR", 1), ("big", "111", "USD", 9), ("small", "111", "USD", 3)]
    assert [one.resource for one in unowned(totals, star, limit=1)] == ["euro", "big"]
    assert [one.resource for one in unowned(totals, star, field="service", limit=1)] == ["euro", "owned"]


def test_totals_leave_out_what_never_says_the_cost_and_do_not_depend_on_files() -> None:
    rows = [a_fact(0, 1), a_fact(1, 2, EffectiveCost=None), a_fact(0, "0.5"), a_fact(2, -1)]
    whole = resource_totals(facts(*rows), COST)
    split = resource_totals(pl.concat([facts(*rows[:2]), facts(*rows[2:])]), COST)
    assert sorted(whole.rows()) == sorted(split.rows()) == [(0, Decimal("1.5")), (2, Decimal(-1))]


def key_lines(*rows: dict[str, Any], **ownership: Any) -> list[str]:
    compiled = rules(ownership)
    star = star_of(resources(*rows), compiled)
    totals = resource_totals(facts(*(a_fact(at, 10 - at) for at in range(len(rows)))), COST)
    return [hint.line for hint in key_hints(totals, star, compiled)]


@pytest.mark.parametrize(
    ("tags", "line"),
    [
        ({"team_name": "x"}, "ownership.keys.team: add 'team_name'"),
        ({"Owner-Email": "x@y"}, "ownership.keys.team: add 'Owner-Email'"),
        ({"ownr": "x"}, "ownership.keys.team: add 'ownr'"),
        ({"tEAm.": "x"}, "ownership.keys.team: add 'tEAm.'"),
        ({"squad": "web"}, "ownership.keys.team: add 'squad'"),  # its values are known teams
        ({"squad": "WEB "}, "ownership.keys.team: add 'squad'"),
        ({"squad": "someone"}, None),
        ({"steamroller": "x"}, None),
        ({"Team": ""}, None),  # it was asked, and says nothing
    ],
)
def test_a_tag_key_that_looks_like_the_owners_is_suggested(tags: dict[str, str], line: str | None) -> None:
    assert key_lines(team("web"), {"Tags": tags}) == ([line] if line else [])


def test_key_hints_count_only_cost_that_nobody_owns_the_biggest_first() -> None:
    rows = [
        {"Tags": {"squad": "web", "team": "web"}},
        {"Tags": {"owned-by": "x", "teams": "y"}},
        {"Tags": {"teams": "y"}},
        {"Tags": {"team_name": "z", "k8s-namespace": "kube-system"}},
    ]
    pooled = {"shared": [{"name": "p", "when": {"namespace": "kube-system"}}]}
    assert key_lines(*rows, **pooled) == ["ownership.keys.team: add 'teams'"]


def test_only_the_best_key_hints_are_given() -> None:
    rows = [{"Tags": {f"team_{at}": "x"}} for at in range(8)]
    assert key_lines(*rows) == [f"ownership.keys.team: add 'team_{at}'" for at in range(5)]


def alias_lines(names: list[tuple[str, int]], **ownership: Any) -> list[str]:
    compiled = rules(ownership)
    star = star_of(resources(*(team(name) for name, _ in names)), compiled)
    totals = resource_totals(facts(*(a_fact(at, cost) for at, (_, cost) in enumerate(names))), COST)
    return [hint.line for hint in alias_hints(totals, star, compiled)]


def test_a_likely_misspelling_is_suggested_as_an_alias_of_the_name_with_more_cost() -> None:
    names = [("payments", 100), ("paymnets", 5), ("Payments", 3), ("team-1", 9), ("team-2", 8), ("data", 1)]
    assert alias_lines(names) == [
        "ownership.aliases.team: {'paymnets': 'payments'}",
        "ownership.aliases.team: {'Payments': 'payments'}",
    ]


def test_a_near_miss_of_an_alias_is_suggested_as_the_name_it_stands_for() -> None:
    aliases = {"aliases": {"team": {"machine-learning": "ml", "unknown": None}}}
    names = [("machine-learnin", 50), ("ml", 1), ("machine-learning", 1)]
    assert alias_lines(names, **aliases) == ["ownership.aliases.team: {'machine-learnin': 'ml'}"]


def test_hints_stay_quick_with_thousands_of_names() -> None:
    names = [(f"{chr(97 + at % 26)}{at * 7919 % 3001}-group", at) for at in range(3_000)]
    assert len(alias_lines(names)) <= 10
