"""What `ownership:` takes, and how it says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from config.owner import OWNER_FIELDS
from config.ownership import Ownership
from config.patterns import escape, group_names, is_glob, is_regex, regex_of
from config.sharing import Follow
from config.when import When
from domain import allocation


def faults(written: dict[str, Any]) -> dict[str, str]:
    """Give {place: message} of everything wrong with an `ownership:` section."""
    with pytest.raises(ValidationError) as caught:
        Ownership.model_validate(written)
    return {".".join(map(str, error["loc"])): error["msg"] for error in caught.value.errors()}


def rule(when: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    return {"rules": [{"when": when, **outputs}]}


def test_owner_fields_are_those_of_the_vocabulary() -> None:
    assert OWNER_FIELDS == allocation.OWNER_FIELDS


def test_the_example_of_the_design_is_read() -> None:
    ownership = Ownership.model_validate(
        {
            "keys": {
                "team": ["team", "owner", "cost-center"],
                "environment": ["env", "environment"],
                "service": ["service", "app.kubernetes.io/name"],
            },
            "aliases": {"team": {"machine-learning": "ml", "ML": "ml"}},
            "rules": [
                {"when": {"account": "4242*"}, "team": "data"},
                {
                    "when": {"namespace": "re:^pr-(?P<n>[0-9]+)$"},
                    "environment": "preview",
                    "pull_request": "{n}",
                },
            ],
            "shared": [
                {
                    "name": "platform",
                    "when": {"namespace": ["kube-system", "monitoring"]},
                    "split": "proportional",
                }
            ],
        }
    )
    assert ownership.rules[0].outputs() == {"team": "data"}
    assert list(ownership.rules[1].when.conditions()) == [("namespace", ("re:^pr-(?P<n>[0-9]+)$",))]
    assert ownership.shared[0].across == ("team",)
    assert ownership.keys.model == ("model",)


def test_nothing_written_gives_useful_keys_and_no_rules() -> None:
    ownership = Ownership()
    assert ownership.keys.team == ("team", "owner")
    assert (ownership.rules, ownership.shared, ownership.accounts) == ((), (), {})
    assert ownership.follow == Follow(tax="related", support="related", credits="related")


def test_one_pattern_or_a_list_of_them_are_the_same() -> None:
    assert When(account="1").account == When(account=["1"]).account == ("1",)


def test_tag_and_label_lines_are_tags() -> None:
    when = When.model_validate({"tag:team": "ml", "label:app": ["a", "b"], "tags": {"env": "dev"}})
    assert dict(when.conditions()) == {"tag:env": ("dev",), "tag:team": ("ml",), "tag:app": ("a", "b")}


def test_an_account_may_set_a_team_or_any_owner_fields() -> None:
    accounts = Ownership.model_validate(
        {"accounts": {"1": "data", "2": {"team": "web", "environment": "prod"}}}
    ).accounts
    assert accounts["1"].outputs() == {"team": "data"}
    assert accounts["2"].outputs() == {"team": "web", "environment": "prod"}


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        (rule({}, team="a"), "rules.0.when", '`when` is empty; `provider: "*"` matches every charge'),
        (rule({"acount": "1"}, team="a"), "rules.0.when.acount", "Extra inputs are not permitted"),
        (rule({"account": 4242}, team="a"), "rules.0.when.account", 'write it in quotes: "4242"; YAML drops'),
        (rule({"account": [True]}, team="a"), "rules.0.when.account", 'write it in quotes: "true"'),
        (rule({"account": " "}, team="a"), "rules.0.when.account.0", "the pattern is empty"),
        (rule({"account": "re:"}, team="a"), "rules.0.when.account.0", "the pattern is empty"),
        (rule({"account": "a" * 2001}, team="a"), "rules.0.when.account.0", "at most 2000 are allowed"),
        (rule({"account": "re:(a"}, team="a"), "rules.0.when.account.0", "unclosed group"),
        (rule({"account": "re:a(?=b)"}, team="a"), "rules.0.when.account.0", "look-around, including"),
        (rule({"account": r"re:(a)\1"}, team="a"), "rules.0.when.account.0", "time never explodes"),
        (
            rule({"account": "re:((a{500}){500}){9}"}, team="a"),
            "rules.0.when.account.0",
            "it compiles to more than 10 MB",
        ),
        (rule({"account": "[b-a]"}, team="a"), "rules.0.when.account.0", "invalid character class range"),
        (rule({"tag:x": "re:["}, team="a"), "rules.0.when.tags.x.0", "unclosed character class"),
        (rule({"account": "1"}), "rules.0", "the rule sets nothing; give at least one of team, service"),
        (rule({"account": "1"}, team=""), "rules.0.team", "it is empty"),
        (rule({"account": "1"}, team="a" * 201), "rules.0.team", "at most 200 are allowed"),
        (
            rule({"account": "re:(?P<n>.)"}, team="{m}"),
            "rules.0",
            "`team` asks for group {m}, which no regex of `when` names (named: n); only named groups",
        ),
        (rule({"account": "re:(.)"}, team="{1}"), "rules.0", "(named: none)"),
        (
            rule({"account": "re:(?P<n>.)", "region": "re:(?P<n>.)"}, team="{n}"),
            "rules.0",
            "group 'n' is named in `region` and in a line before it",
        ),
        ({"rules": [{"team": "a"}]}, "rules.0.when", "Field required"),
        ({"accounts": {"1": 7}}, "accounts.1.team", 'write it in quotes: "7"'),
        ({"accounts": {"1": {}}}, "accounts.1", "the account sets nothing"),
        ({"aliases": {"team": {"a": "b", "b": "c"}}}, "aliases.team", "aliases are followed once"),
        ({"aliases": {"team": {"a": "ml", "b": "ML"}}}, "aliases.team", "'ml' and 'ML' differ only by case"),
        ({"aliases": {"team": {"a": "x", "A ": "y"}}}, "aliases.team", "'A' stands for two names"),
        ({"aliases": {"owner": {}}}, "aliases.owner", "Extra inputs are not permitted"),
        ({"keys": {"team": [7]}}, "keys.team", 'write it in quotes: "7"'),
        ({"shared": [{"name": "a", "when": {"account": "1"}}] * 2}, "shared", "pool 'a' is named twice"),
        ({"shared": [{"when": {"account": "1"}}]}, "shared.0.name", "Field required"),
        (
            {"shared": [{"name": "a", "when": {"account": "1"}, "split": "odd"}]},
            "shared.0.split",
            "Input should be 'even' or 'proportional'",
        ),
        (
            {"shared": [{"name": "a", "when": {"account": "1"}, "across": ["team", "team"]}]},
            "shared.0",
            "names each owner field at most once",
        ),
        ({"follow": {"tax": "maybe"}}, "follow.tax", "Input should be 'related', 'pool' or 'none'"),
        ({"codeowners": [{"repository": "shop", "path": "x"}]}, "codeowners.0.repository", "should match"),
    ],
)
def test_a_mistake_is_told_where_it_is(written: dict[str, Any], place: str, message: str) -> None:
    found = faults(written)
    assert list(found) == [place]
    assert message in found[place]


def test_every_mistake_is_told_at_once_with_the_index_of_its_rule() -> None:
    found = faults(
        {
            "rules": [
                {"when": {"account": "re:("}, "team": "a"},
                {"when": {"account": "1"}, "team": "ok"},
                {"when": {"region": "re:(?!x)"}, "team": "b"},
            ],
            "shared": [{"name": "x", "when": {}}],
        }
    )
    assert set(found) == {"rules.0.when.account.0", "rules.2.when.region.0", "shared.0.when"}


def test_nothing_changes_after_loading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Ownership().rules = ()  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("model", [Ownership, When, Follow], ids=lambda model: model.__name__)
def test_every_field_says_what_it_means(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        assert len(field.description or "") > 20, name


@pytest.mark.parametrize(
    ("glob", "regex"),
    [
        ("a*b?", r"(?is)^a.*b.$"),
        ("a**", r"(?is)^a.*$"),
        ("[!a-c]x", r"(?is)^[^a-c]x$"),
        ("a.b[", r"(?is)^a\x{2E}b\x{5B}$"),
        ("[]a]", r"(?is)^[\x{5D}a]$"),
    ],
)
def test_a_glob_is_a_regex_over_the_whole_text(glob: str, regex: str) -> None:
    assert regex_of(glob) == regex


def test_kinds_of_patterns_are_told_apart() -> None:
    assert [is_regex(text) for text in ("re:a", "a*", "a")] == [True, False, False]
    assert [is_glob(text) for text in ("re:a*", "a*", "a?", "[a]", "a")] == [False, True, True, True, False]
    assert group_names(r"re:(?P<a>x)(?<b>y)(z)") == {"a", "b"}
    assert group_names("plain") == frozenset()
    assert escape("a.b-c d/e_é") == r"a\x{2E}b\x{2D}c d/e_é"


def test_a_configuration_without_regexes_never_loads_the_engine() -> None:
    written = {"rules": [{"when": {"account": "4242*"}, "team": "data"}], "accounts": {"1": "a"}}
    code = f"""
import sys
from config.ownership import Ownership
Ownership.model_validate({written!r})
sys.exit("polars" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
