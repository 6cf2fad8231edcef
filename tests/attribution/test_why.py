"""Why a resource has the owner it has, and what would give it one."""

from __future__ import annotations

from typing import Any

import pytest
from cells import resources, rules

from attribution.ownership import assign
from attribution.sources import parse_sources
from attribution.why import Why, explain, find

RULES = [
    {"when": {"account": "4242*", "region": "eu-*"}, "team": "data"},
    {"when": {"namespace": "re:^pr-(?P<n>[0-9]+)$"}, "environment": "preview", "pull_request": "{n}"},
    {"when": {"region": "eu-*"}, "team": "europe", "environment": "prod"},
]


def why(row: dict[str, Any], **ownership: Any) -> Why:
    (found,) = explain(resources(row), rules({"rules": RULES, **ownership}))
    return found


def test_every_rule_and_key_is_listed_in_the_order_asked() -> None:
    found = why({"RegionId": "eu-1", "Tags": {"team": "web"}}, accounts={"111": "acct"})
    names = [tried.rule for tried in found.tried]
    assert names[:3] == ["rules[0]", "rules[1]", "rules[2]"]
    assert names.index("rules[2]") < names.index("keys.team[team]") < names.index("keys.team[owner]")


def test_each_line_of_a_rule_says_what_it_wanted_and_what_the_resource_says() -> None:
    first = why({"RegionId": "eu-1", "RegionName": "Europe"}).tried[0]
    assert (first.rule, first.matched, first.decided) == ("rules[0]", False, ())
    account, region = first.lines
    assert (account.subject, account.patterns, account.texts, account.matched) == (
        "account",
        ("4242*",),
        ("111",),
        False,
    )
    assert (region.texts, region.matched) == (("eu-1", "Europe"), True)


def test_what_decided_each_field_is_marked_and_named() -> None:
    found = why(
        {"RegionId": "eu-1", "Tags": {"team": "web", "k8s-namespace": "pr-17", "service": "Shop"}},
        aliases={"service": {"shop": "storefront"}},
    )
    by_name = {tried.rule: tried for tried in found.tried}
    assert by_name["rules[1]"].answers == {"environment": "preview", "pull_request": "17"}
    assert by_name["rules[1]"].decided == ("environment", "pull_request")
    assert by_name["rules[2]"].decided == ("team",)
    assert (by_name["keys.team[team]"].matched, by_name["keys.team[team]"].decided) == (True, ())
    assert by_name["keys.service[service]"].decided == ("service",)
    decisions = {one.field: (one.value, one.rule) for one in found.decisions}
    assert decisions["team"] == ("europe", "rules[2]")
    assert decisions["service"] == ("storefront", "keys.service[service] alias[Shop]")
    assert decisions["model"] == (None, "")


def test_answers_of_files_and_accounts_are_named() -> None:
    sources, _ = parse_sources(
        {"c": "kind: Component\nmetadata: {name: shop}\nspec: {owner: sellers}\n"},
        [("acme/shop", "CODEOWNERS", "* @acme/coders")],
    )
    compiled = rules({"accounts": {"111": {"environment": "prod"}}}, sources)
    rows = ({"Tags": {"service": "shop"}}, {"Tags": {"repo": "acme/shop"}})
    one, two = explain(resources(*rows), compiled)
    assert [tried.rule for tried in one.tried if tried.decided][-2:] == ["catalog:shop", "accounts[111]"]
    assert "codeowners:acme/shop:*" in [tried.rule for tried in two.tried if tried.decided]


def test_an_unowned_resource_is_told_what_would_help() -> None:
    found = why(
        {"SubAccountId": "424200", "RegionId": "us-1", "Tags": {"team": "n/a"}},
        aliases={"team": {"N/A": None}},
    )
    (decision,) = [one for one in found.decisions if one.field == "team"]
    assert decision.would_help == (
        "rules[0] fails on `region` alone: it wants eu-*, the resource says us-1",
        "keys.team[team] answers 'n/a', which an alias says names nobody",
        "tag the resource with 'team' or 'owner'",
        "or add a rule that sets `team` for its account, namespace or id under ownership.rules",
    )
    assert why({"RegionId": "eu-1"}).decisions[0].would_help == ()


def test_pool_and_kind_are_told() -> None:
    shared = [{"name": "platform", "when": {"namespace": "kube-system"}}]
    found = why({"Tags": {"k8s-namespace": "kube-system"}}, shared=shared)
    assert (found.pool, found.cost_kind) == ("platform", "shared")
    assert why({"ChargeCategory": "Credit"}).pool == "credits"
    assert why({"CommitmentDiscountStatus": "Unused"}).cost_kind == "idle"


def test_the_explanation_agrees_with_the_assignment() -> None:
    rows = [
        {"RegionId": region, "SubAccountId": account, "Tags": tags}
        for region in ("eu-1", "us-1")
        for account in ("424299", "5")
        for tags in ({}, {"team": "web"}, {"k8s-namespace": "pr-3", "owner": "x"}, {"env": "dev"})
    ]
    compiled = rules({"rules": RULES, "accounts": {"5": "five"}})
    owned = assign(resources(*rows), compiled).to_dicts()
    for found, row in zip(explain(resources(*rows), compiled), owned, strict=True):
        for decision in found.decisions:
            assert decision.value == row[decision.field]
            deciders = [tried for tried in found.tried if decision.field in tried.decided]
            assert len(deciders) == (1 if decision.value else 0)
            assert all(tried.matched for tried in deciders)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("i-1", [0, 1]),
        (" web ", [2]),
        ("I-1", [0, 1]),
        ("vol-9", [3]),
        ("9", []),
        ("nothing", []),
    ],
)
def test_a_resource_is_found_by_id_name_or_the_end_of_its_id(name: str, ids: list[int]) -> None:
    frame = resources(
        {"ResourceId": "i-1"},
        {"ResourceId": "i-1", "Tags": {"team": "a"}},
        {"ResourceId": "i-2", "ResourceName": "web"},
        {"ResourceId": "arn:aws:ec2:eu:1:volume/vol-9"},
    )
    assert find(frame, name)["dim_id"].to_list() == ids
