"""Rules, keys, aliases and accounts: which of them answers, and how it is told."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from cells import resources, rules
from hypothesis import given
from hypothesis import strategies as st

from attribution.ownership import assign
from domain.allocation import OWNERSHIP_SCHEMA


def owned(ownership: dict[str, Any], *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return assign(resources(*rows), rules(ownership)).to_dicts()


def team_of(ownership: dict[str, Any], **row: Any) -> tuple[str | None, str | None]:
    (owner,) = owned(ownership, row)
    return owner["team"], owner["team_rule"]


def test_the_result_has_one_row_per_resource_in_the_same_order() -> None:
    frame = resources({"dim_id": 7}, {"dim_id": -3}, {"dim_id": 5})
    found = assign(frame, rules())
    assert found.schema == OWNERSHIP_SCHEMA
    assert found["dim_id"].to_list() == [7, -3, 5]


def test_no_resources_give_an_empty_result_of_the_schema() -> None:
    ownership = {
        "rules": [{"when": {"namespace": "re:^pr-(?P<n>[0-9]+)$"}, "pull_request": "{n}"}],
        "shared": [{"name": "p", "when": {"account": "1"}}],
        "accounts": {"1": "a"},
        "aliases": {"team": {"x": "y", "z": None}},
    }
    found = assign(resources(), rules(ownership))
    assert found.schema == OWNERSHIP_SCHEMA
    assert found.height == 0


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("4242", "4242", True),
        ("4242", "42420", False),
        ("Prod", " prod ", True),
        ("4242*", "4242", True),
        ("4242*", "424299", True),
        ("4242*", "14242", False),
        ("*-prod", "web-PROD", True),
        ("web-?", "web-1", True),
        ("web-?", "web-12", False),
        ("web-[ab]", "web-b", True),
        ("web-[!ab]", "web-b", False),
        ("web-[!ab]", "web-c", True),
        ("web-[a-c]x", "web-bx", True),
        ("a.c", "abc", False),
        ("a.c*", "abc", False),
        ("a(b)*", "a(b)c", True),
        ("[", "[", True),
        ("x[]]y", "x]y", True),
        ("*", "anything\nat all", True),
        ("é*", "É1", True),
        ("re:^pr-[0-9]+$", "pr-12", True),
        ("re:^pr-[0-9]+$", "PR-12", False),
        ("re:(?i)^pr-[0-9]+$", "PR-12", True),
        ("re:^pr-[0-9]+$", "pr-12\n", True),  # outer blanks are gone before anything is compared
        ("re:^pr-[0-9]+$", "pr-12\nx", False),
        ("re:r-1", "pr-12", True),
        ("re:^$", "", False),
        ("Café", "Cafe\u0301", True),  # composed and decomposed spell the same name
    ],
)
def test_a_pattern_matches(pattern: str, text: str, *, matches: bool) -> None:
    ownership = {"rules": [{"when": {"account": pattern}, "team": "hit"}]}
    assert team_of(ownership, SubAccountId=text) == (("hit", "rules[0]") if matches else (None, None))


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ({"source": "aws"}, {}),
        ({"provider": "aws"}, {"ProviderName": "AWS"}),
        ({"provider": "oci"}, {"ProviderName": None, "ServiceProviderName": "OCI"}),
        ({"publisher": "red hat*"}, {"PublisherName": "Red Hat Inc."}),
        ({"account": "111"}, {}),
        ({"account": "prod"}, {"SubAccountName": "prod"}),
        ({"account": "900"}, {"SubAccountId": None}),
        ({"account": "acme"}, {"SubAccountId": None, "BillingAccountName": "Acme"}),
        ({"billing_account": "900"}, {}),
        ({"region": "eu-*"}, {"RegionId": "eu-central-1"}),
        ({"region": "*frankfurt*"}, {"RegionName": "Europe (Frankfurt)"}),
        ({"service": "EC2"}, {}),
        ({"service_category": "compute"}, {"ServiceCategory": "Compute"}),
        ({"resource": "i-0aa*"}, {"ResourceId": "i-0aa1"}),
        ({"resource": "web-1"}, {"ResourceName": "web-1"}),
        ({"resource_type": "instance"}, {"ResourceType": "Instance"}),
        ({"charge_category": ["Usage", "Purchase"]}, {}),
        ({"commitment_status": "Unused"}, {"CommitmentDiscountStatus": "Unused"}),
        ({"namespace": "web"}, {"Tags": {"aws:eks:namespace": "web"}}),
        ({"namespace": "web"}, {"Tags": {"aws_eks_namespace": "web"}}),
        ({"namespace": "web"}, {"Tags": {"k8s-namespace": "web"}}),
        ({"cluster": "blue"}, {"Tags": {"aws:eks:cluster-name": "blue"}}),
        ({"cluster": "blue"}, {"Tags": {"aws:eks_cluster_name": "blue"}}),
        ({"cluster": "blue"}, {"Tags": {"goog-k8s-cluster-name": "blue"}}),
        ({"cluster": "blue"}, {"Tags": {"aks-managed-cluster-name": "blue"}}),
        ({"workload": "api"}, {"Tags": {"aws:eks:workload-name": "api"}}),
        ({"workload": "api"}, {"Tags": {"k8s-workload-name": "api"}}),
        ({"tag:team": "ml"}, {"Tags": {"team": "ml"}}),
        ({"tag:team": "ml"}, {"Tags": {" Team": "ML "}}),
        ({"label:app.kubernetes.io/name": "api"}, {"Tags": {"app.kubernetes.io/name": "api"}}),
        ({"tags": {"a": "1", "b": ["2", "3"]}}, {"Tags": {"a": "1", "b": "3"}}),
        ({"tag:spot": "true"}, {"Tags": {"spot": "true"}}),
    ],
    ids=str,
)
def test_every_line_of_when_reads_its_column(line: dict[str, Any], row: dict[str, Any]) -> None:
    ownership = {"keys": {"team": []}, "rules": [{"when": line, "team": "hit"}]}
    assert team_of(ownership, **row) == ("hit", "rules[0]")
    blank = dict.fromkeys(("source", "ProviderName", "SubAccountId", "BillingAccountId", "ServiceName"))
    nothing = {**blank, "ChargeCategory": None, "BillingCurrency": "USD"}
    assert team_of(ownership, **nothing) == (None, None)


def test_the_billing_account_stands_in_only_where_there_is_no_sub_account() -> None:
    ownership = {"rules": [{"when": {"account": "900"}, "team": "hit"}]}
    assert team_of(ownership, SubAccountId="111")[0] is None
    assert team_of(ownership, SubAccountId=None, SubAccountName="prod")[0] is None
    assert team_of(ownership, SubAccountId=None)[0] == "hit"


def test_all_lines_of_when_must_match() -> None:
    ownership = {"rules": [{"when": {"account": "111", "region": "eu"}, "team": "hit"}]}
    assert team_of(ownership, RegionId="eu")[0] == "hit"
    assert team_of(ownership, RegionId="us")[0] is None
    assert team_of(ownership)[0] is None


def test_the_first_matching_rule_counts_field_by_field() -> None:
    ownership = {
        "rules": [
            {"when": {"region": "eu"}, "environment": "eu-prod"},
            {"when": {"account": "1*"}, "team": "ones", "environment": "prod"},
            {"when": {"account": "*"}, "team": "all", "service": "everything"},
        ]
    }
    (owner,) = owned(ownership, {"RegionId": "eu"})
    assert (owner["environment"], owner["environment_rule"]) == ("eu-prod", "rules[0]")
    assert (owner["team"], owner["team_rule"]) == ("ones", "rules[1]")
    assert (owner["service"], owner["service_rule"]) == ("everything", "rules[2]")
    assert (owner["model"], owner["model_rule"]) == (None, None)


def test_named_groups_stand_in_outputs() -> None:
    ownership = {
        "rules": [
            {
                "when": {
                    "namespace": ["re:^pr-(?P<n>[0-9]+)$", "re:^(?P<n>[0-9]+)-pr$"],
                    "account": "re:^(?P<who>[a-z]+)-",
                },
                "pull_request": "#{n} of {who}",
                "environment": "preview",
            }
        ]
    }
    (one, two) = owned(
        ownership,
        {"Tags": {"k8s-namespace": "pr-17"}, "SubAccountId": "web-1"},
        {"Tags": {"k8s-namespace": "18-pr"}, "SubAccountId": "9", "SubAccountName": "ml-2"},
    )
    assert (one["pull_request"], one["environment"]) == ("#17 of web", "preview")
    assert (two["pull_request"], two["environment"]) == ("#18 of ml", "preview")


def test_a_group_that_caught_nothing_leaves_its_field_to_the_next_rule() -> None:
    ownership = {
        "rules": [
            {"when": {"account": "re:^web(?P<n>[0-9]*)$"}, "pull_request": "{n}", "environment": "preview"},
            {"when": {"account": "web*"}, "pull_request": "none"},
        ]
    }
    (owner,) = owned(ownership, {"SubAccountId": "web"})
    assert (owner["pull_request"], owner["pull_request_rule"]) == ("none", "rules[1]")
    assert (owner["environment"], owner["environment_rule"]) == ("preview", "rules[0]")


def test_keys_are_asked_in_order_and_say_which_one_answered() -> None:
    ownership = {"keys": {"team": ["team", "owner", "cost-center"]}}
    assert team_of(ownership, Tags={"owner": "b", "team": "a"}) == ("a", "keys.team[team]")
    assert team_of(ownership, Tags={"owner": "b", "cost-center": "c"}) == ("b", "keys.team[owner]")
    assert team_of(ownership, Tags={"cost-center": "c"}) == ("c", "keys.team[cost-center]")
    assert team_of(ownership, Tags={"other": "c"}) == (None, None)


@pytest.mark.parametrize(
    ("tags", "team"),
    [
        ({"team": "exact", "Team": "capital", " team": "blank"}, "exact"),
        ({"Team": "capital", " team": "blank"}, "blank"),  # the first in sorted order
        ({"TEAM ": "capital"}, "capital"),
        ({"team": "", "Team": "capital"}, "capital"),
        ({"team": "  ", "owner": "other"}, "other"),
        ({"team": "true", "owner": "other"}, "other"),  # FOCUS writes a tag without value so
        ({"team": " padded "}, "padded"),
        ({"k8s-label/team": "pod"}, "pod"),
        ({"k8s-namespace-labels/team": "namespace"}, "namespace"),
        ({"k8s-namespace-labels/team": "namespace", "owner": "tag"}, "tag"),
        ({"team": "Cafe\u0301"}, "Caf\u00e9"),
        ({"team": "=1+1"}, "=1+1"),
        ({"team": "\x1b[31mred"}, "\x1b[31mred"),  # made safe where it is shown
        ({}, None),
        (None, None),
    ],
)
@pytest.mark.parametrize("promoted", [False, True])
def test_near_duplicates_of_a_key_stand_in_for_it(
    tags: dict[str, str] | None, team: str | None, *, promoted: bool
) -> None:
    frame = resources({"Tags": tags})
    if promoted and (tags or {}).get("team") != "":
        frame = frame.with_columns(_promoted(tags or {}, "team"), _promoted(tags or {}, "owner"))
    assert assign(frame, rules())["team"].item() == team


def _promoted(tags: dict[str, str], key: str) -> pl.Expr:
    """Promote a key as the ledger does."""
    spelt = sorted((k for k in tags if k.strip().lower() == key), key=lambda k: (k != key, k))
    return pl.lit(tags[spelt[0]] if spelt else None, dtype=pl.String).alias(f"x_tag_{key}")


def test_a_key_with_capitals_is_found_as_it_is_written_even_if_another_spelling_was_promoted() -> None:
    frame = resources({"Tags": {"Team": "capital", "team": "small"}}).with_columns(x_tag_team=pl.lit("small"))
    assert assign(frame, rules({"keys": {"team": ["Team"]}}))["team"].item() == "capital"


def test_rules_come_before_keys_and_keys_before_accounts() -> None:
    ownership = {
        "rules": [{"when": {"region": "eu"}, "team": "rule"}],
        "accounts": {"111": "account"},
    }
    assert team_of(ownership, Tags={"team": "key"}, RegionId="eu")[0] == "rule"
    assert team_of(ownership, Tags={"team": "key"}) == ("key", "keys.team[team]")
    assert team_of(ownership) == ("account", "accounts[111]")


def test_accounts_are_matched_by_id_name_or_glob_in_the_order_written() -> None:
    ownership = {
        "accounts": {"111": {"team": "one", "environment": "prod"}, "web-*": "web", "*": "rest"},
    }
    one, two, three = owned(
        ownership, {}, {"SubAccountId": "2", "SubAccountName": "web-eu"}, {"SubAccountId": "3"}
    )
    assert (one["team"], one["environment"]) == ("one", "prod")
    assert one["environment_rule"] == "accounts[111]"
    assert (two["team"], two["team_rule"]) == ("web", "accounts[web-*]")
    assert three["team"] == "rest"


@pytest.mark.parametrize(
    ("text", "team", "rule"),
    [
        ("machine-learning", "ml", "keys.team[team] alias[machine-learning]"),
        ("Machine-Learning ", "ml", "keys.team[team] alias[Machine-Learning]"),
        ("ML", "ml", "keys.team[team] alias[ML]"),
        ("ml", "ml", "keys.team[team]"),
        ("mL", "ml", "keys.team[team] alias[mL]"),  # a name that aliases point to folds its own spellings
        ("mlx", "mlx", "keys.team[team]"),
        ("Unknown", None, None),
    ],
)
def test_aliases_fold_what_was_found_and_are_visible(text: str, team: str | None, rule: str | None) -> None:
    ownership = {"aliases": {"team": {"machine-learning": "ml", "ML": "ml", "unknown": None}}}
    assert team_of(ownership, Tags={"team": text}) == (team, rule)


def test_an_alias_to_null_lets_the_next_key_answer() -> None:
    ownership = {"aliases": {"team": {"n/a": None}}}
    assert team_of(ownership, Tags={"team": "N/A", "owner": "web"}) == ("web", "keys.team[owner]")


def test_aliases_fold_every_source_of_an_answer() -> None:
    ownership = {
        "aliases": {"team": {"MLX": "ml"}},
        "rules": [{"when": {"region": "eu"}, "team": "mlx"}],
        "accounts": {"111": "Mlx"},
    }
    assert team_of(ownership, RegionId="eu") == ("ml", "rules[0] alias[mlx]")
    assert team_of(ownership) == ("ml", "accounts[111] alias[Mlx]")


def test_ten_thousand_distinct_tag_keys_are_no_burden() -> None:
    rows = [{"Tags": {f"key-{at}": "v", f"{' ' * (at % 300)}Team": f"t{at % 7}"}} for at in range(10_000)]
    found = assign(resources(*rows), rules({"rules": [{"when": {"tag:key-77": "v"}, "service": "x"}]}))
    assert found["team"].to_list() == [f"t{at % 7}" for at in range(10_000)]
    assert found["service"].drop_nulls().len() == 1


def test_thousands_of_rules_and_patterns_are_no_burden() -> None:
    many = [{"when": {"account": f"{at}"}, "team": f"t{at}"} for at in range(1_500)]
    listed = {"when": {"account": [f"x{at}-*" for at in range(3_000)]}, "team": "listed"}
    rows = [{"SubAccountId": str(at)} for at in range(0, 3_000, 2)]
    found = owned({"rules": [*many, listed]}, *rows, {"SubAccountId": "x2999-a"})
    assert [one["team"] for one in found[:750]] == [f"t{at}" for at in range(0, 1_500, 2)]
    assert {one["team"] for one in found[750:-1]} == {None}
    assert (found[-1]["team"], found[-1]["team_rule"]) == ("listed", "rules[1500]")


def test_a_pattern_that_would_explode_elsewhere_ends_in_time() -> None:
    ownership = {"rules": [{"when": {"resource": "re:^(a+)+$"}, "team": "hit"}]}
    assert team_of(ownership, ResourceId="a" * 100_000 + "!")[0] is None


@given(
    texts=st.lists(
        st.text(max_size=12) | st.sampled_from(["a[b", "re:(", "{n}", "*", "\\", "tag:x"]), max_size=6
    )
)
def test_any_text_in_a_bill_is_only_text(texts: list[str]) -> None:
    tags = dict.fromkeys((text for text in texts if "\x00" not in text), "v")
    rows = [{"ResourceId": text, "SubAccountId": text, "Tags": {**tags, "team": text}} for text in texts]
    ownership = {
        "rules": [{"when": {"resource": ["*x*", "re:^(?P<n>\\w+)$"]}, "pull_request": "{n}"}],
        "aliases": {"team": {"a": "b"}},
    }
    found = assign(resources(*rows), rules(ownership))
    assert found.height == len(texts)


def test_equal_rules_have_equal_hashes_and_other_rules_another() -> None:
    written = {"rules": [{"when": {"account": "1"}, "team": "a"}], "accounts": {"1": "x", "2": "y"}}
    assert rules(written).hash == rules(dict(reversed(written.items()))).hash
    assert len(rules(written).hash) == 64
    others = [
        {**written, "rules": [{"when": {"account": "2"}, "team": "a"}]},
        {**written, "accounts": {"2": "y", "1": "x"}},  # the first match counts, so order decides
        {**written, "aliases": {"team": {"a": "b"}}},
        {**written, "follow": {"tax": "pool"}},
        {},
    ]
    assert len({rules(written).hash, *(rules(other).hash for other in others)}) == 6


def test_where_files_lie_does_not_change_the_hash() -> None:
    assert rules({"catalogs": ["/a/catalog-info.yaml"]}).hash == rules({"catalogs": ["/b/c.yaml"]}).hash


def test_the_keys_to_promote_are_those_the_rules_read() -> None:
    compiled = rules(
        {
            "keys": {"team": ["cost-center"]},
            "rules": [{"when": {"tag:tier": "batch"}, "team": "a"}],
            "shared": [{"name": "p", "when": {"label:pool": "x"}}],
        }
    )
    assert {"cost-center", "k8s-label/cost-center", "tier", "pool", "k8s-namespace"} <= set(compiled.keys)
    assert "team" not in compiled.keys
    assert "repository" not in compiled.keys
