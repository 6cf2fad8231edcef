"""Catalogues and CODEOWNERS files as rules: what they mean, and what is reported of them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from cells import resources, rules

from attribution.catalog_files import owner_name, parse_catalogs
from attribution.codeowners import covers, parse_codeowners
from attribution.ownership import assign
from attribution.sources import parse_sources

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: checkout
spec: {type: service, owner: "group:default/payments", system: shop}
---
kind: System
metadata: {name: shop}
spec: {owner: storefront}
---
kind: Component
metadata: {name: cart}
spec: {system: "system:default/shop"}
---
kind: Component
metadata:
  name: search
  annotations: {backstage.io/kubernetes-namespace: search-prod}
spec: {owner: discovery}
---
kind: Component
metadata:
  name: mailer
  annotations: {example.org/cost-selector: "account=42*, tag:app=mail, tag:app=post"}
spec: {owner: user:anna}
---
kind: Resource
metadata:
  name: warehouse
  annotations: {aws.amazon.com/cost-insights-tags: "component=dwh,env=prod"}
spec: {owner: data}
---
kind: Component
metadata:
  name: site
  annotations: {github.com/project-slug: acme/site}
spec: {owner: web}
---
kind: Group
metadata: {name: web}
spec: {type: team}
"""


def owners(
    *rows: dict[str, Any], catalog: str = "", codeowners: str = "", **ownership: Any
) -> list[dict[str, Any]]:
    files = [("acme/shop", "CODEOWNERS", codeowners)] if codeowners else []
    sources, faults = parse_sources({"catalog-info.yaml": catalog} if catalog else {}, files)
    assert faults == []
    return assign(resources(*rows), rules(ownership, sources)).to_dicts()


@pytest.mark.parametrize(
    ("row", "team", "rule", "service"),
    [
        ({"Tags": {"service": "checkout"}}, "payments", "catalog:checkout", "checkout"),
        ({"Tags": {"service": "Checkout "}}, "payments", "catalog:checkout", "Checkout"),
        ({"Tags": {"service": "cart"}}, "storefront", "catalog:cart", "cart"),
        ({"Tags": {"k8s-namespace": "search-prod"}}, "discovery", "catalog:search", "search"),
        ({"Tags": {"k8s-namespace": "search-dev"}}, None, None, None),
        ({"Tags": {"app": "mail"}, "SubAccountId": "427"}, "anna", "catalog:mailer", "mail"),
        ({"Tags": {"app": "post"}, "SubAccountId": "427"}, "anna", "catalog:mailer", "post"),
        ({"Tags": {"app": "mail"}}, None, None, "mail"),
        ({"Tags": {"component": "dwh", "env": "prod"}}, "data", "catalog:warehouse", None),
        ({"Tags": {"component": "dwh", "env": "dev"}}, None, None, None),
        ({"Tags": {"repo": "https://github.com/acme/site.git"}}, "web", "catalog:site", "site"),
        ({"Tags": {"service": "search"}}, "discovery", "catalog:search", "search"),
        ({"Tags": {"service": "shop"}}, "storefront", "catalog:shop", "shop"),
        ({"Tags": {"service": "web"}}, None, None, "web"),  # a group is no service
        ({"Tags": {}}, None, None, None),
    ],
    ids=str,
)
def test_an_entity_means_the_charges_it_selects(
    row: dict[str, Any], team: str | None, rule: str | None, service: str | None
) -> None:
    (owner,) = owners(row, catalog=CATALOG)
    assert (owner["team"], owner["team_rule"], owner["service"]) == (team, rule, service)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("group:default/payments", "payments"),
        ("Group:payments", "payments"),
        ("other/payments", "payments"),
        (" payments ", "payments"),
        (None, ""),
        (["payments"], ""),
    ],
)
def test_an_owner_is_the_last_part_of_its_reference(reference: Any, name: str) -> None:
    assert owner_name(reference) == name


def _selecting(text: str) -> str:
    return (
        f'kind: API\nmetadata: {{name: a, annotations: {{x/cost-selector: "{text}"}}}}\nspec: {{owner: o}}\n'
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("kind: Component\nmetadata: {name: a}\n", 1, "component 'a' has no spec.owner, nor has its system"),
        ("kind: Component\nspec: {owner: a}\n", 1, "kind component has no metadata.name"),
        ("---\n\n# none\nkind: API\nmetadata: 7\nspec: {owner: a}\n", 4, "kind api has no metadata.name"),
        ("- a\n", 1, "is not an entity: not a mapping"),
        ("kind: [\n", 2, "is not YAML"),
        ("a: &a [1]\nb: *c\n", 2, "refers to no"),
        (
            _selecting("acount=1"),
            1,
            "cannot use its selector: acount",
        ),
        (
            _selecting("namespace"),
            1,
            "'namespace' is not `subject=pattern`",
        ),
        (
            _selecting("namespace=re:("),
            1,
            "unclosed group",
        ),
    ],
)
def test_a_bad_entity_is_reported_and_the_others_stand(text: str, line: int, message: str) -> None:
    good = "kind: System\nmetadata: {name: good}\nspec: {owner: o}\n---\n"
    catalog, faults = parse_catalogs({"a.yaml": good + text, "b.yaml": good})
    assert [entity.name for entity in catalog.entities] == ["good", "good"]
    (fault,) = faults
    assert fault.file == "a.yaml"
    assert fault.line == line + 4
    assert message in fault.message


def test_a_yaml_bomb_is_one_fault() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{new}: &{new} [{','.join(['*' + old] * 10)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    catalog, faults = parse_catalogs({"bomb.yaml": bomb})
    assert catalog.entities == ()
    assert len(faults) == 1


def test_a_line_of_dashes_inside_a_text_starts_no_document() -> None:
    text = "kind: System\nmetadata: {name: a, description: |-\n}\nspec: {owner: o}\n"
    text = "kind: System\nmetadata:\n  name: a\n  description: |\n    ---\n    more\nspec: {owner: o}\n"
    catalog, faults = parse_catalogs({"a.yaml": text})
    assert faults == []
    assert [entity.team for entity in catalog.entities] == ["o"]


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("*", ["a", "a/b.tf", ""], []),
        ("*.tf", ["main.tf", "a/b/main.tf"], ["main.tfvars", ""]),
        ("/build/logs/", ["build/logs/x"], ["a/build/logs/x", "build/logs"]),
        ("docs/*", ["docs/a.md"], ["docs/sub/a.md", "x/docs/a.md"]),
        ("apps/", ["apps/x", "a/apps/x/y"], ["apps", "myapps/x"]),
        ("/docs/", ["docs/x", "docs/a/b"], ["a/docs/x"]),
        ("/apps/github", ["apps/github", "apps/github/x"], ["apps/githubber"]),
        ("**/logs", ["logs/x", "build/logs", "a/b/logs/c"], ["logss"]),
        ("infra/**", ["infra/a", "infra/a/b"], ["infra"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["b/z"]),
        ("file?.tf", ["file1.tf"], ["file.tf", "file12.tf"]),
        ("a.b", ["a.b", "x/a.b/c"], ["aXb"]),
        ("/src/My Dir", ["src/My Dir/x"], ["src/My"]),
    ],
)
def test_a_codeowners_pattern_covers_paths_as_on_github(
    pattern: str, covered: list[str], not_covered: list[str]
) -> None:
    hits = covers(pattern, pl.Series([*covered, *not_covered])).to_list()
    assert hits == [True] * len(covered) + [False] * len(not_covered)


CODEOWNERS = """\
# who owns what
*            @acme/base   # everybody
/pay/        @acme/payments @lee
/pay/legacy/
*.sql        lee@acme.example @acme/data
/web\\ site/ @kim
"""


@pytest.mark.parametrize(
    ("tags", "team", "rule"),
    [
        ({"repo": "acme/shop"}, "base", "codeowners:acme/shop:*"),
        ({"repo": "git@github.com:acme/shop.git"}, "base", "codeowners:acme/shop:*"),
        ({"git_repo": "shop", "git_file": "pay/main.tf"}, "payments", "codeowners:acme/shop:/pay/"),
        ({"repo": "ACME/Shop", "path": "/pay/main.tf"}, "payments", "codeowners:acme/shop:/pay/"),
        ({"repo": "acme/shop", "path": "pay/legacy/x"}, None, None),
        ({"repo": "acme/shop", "path": "pay/legacy/x.sql"}, "data", "codeowners:acme/shop:*.sql"),
        ({"repo": "acme/shop", "path": "web site/x"}, "kim", "codeowners:acme/shop:/web site/"),
        ({"repo": "acme/other"}, None, None),
        ({"path": "pay/x"}, None, None),
    ],
    ids=str,
)
def test_codeowners_own_what_their_repository_and_path_name(
    tags: dict[str, str], team: str | None, rule: str | None
) -> None:
    (owner,) = owners({"Tags": tags}, codeowners=CODEOWNERS)
    assert (owner["team"], owner["team_rule"]) == (team, rule)


def test_a_bare_name_is_nobody_where_two_repositories_have_it() -> None:
    files = [("acme/shop", "a", "* @acme/one"), ("other/shop", "b", "* @other/two")]
    sources, _ = parse_sources({}, files)
    found = assign(
        resources({"Tags": {"repo": "shop"}}, {"Tags": {"repo": "other/shop"}}), rules({}, sources)
    )
    assert found["team"].to_list() == [None, "two"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("!x @a", "negated"),
        ("\\#x @a", "cannot start with #"),
        ("[Section] @a", "sections"),
        ("^[Optional]", "sections"),
        ("a[0-9] @a", "[ranges]"),
    ],
)
def test_what_github_does_not_read_in_codeowners_is_reported(line: str, message: str) -> None:
    file, faults = parse_codeowners("acme/shop", "CODEOWNERS", f"* @a/base\n{line}\n/x @a/last\n")
    assert [one.team for one in file.lines] == ["base", "last"]
    assert (faults[0].file, faults[0].line) == ("CODEOWNERS", 2)
    assert message in faults[0].message


def test_a_codeowners_file_without_end_is_cut_and_reported() -> None:
    file, faults = parse_codeowners("acme/shop", "CODEOWNERS", "/x @a/b\n" * 20_005)
    assert len(file.lines) == 20_000
    assert [fault.message for fault in faults] == ["more than 20000 lines; the rest is left out"]


def test_a_resource_asks_rules_tags_catalogue_namespace_codeowners_and_account_in_this_order() -> None:
    everything: dict[str, Any] = {
        "RegionId": "eu",
        "Tags": {
            "team": "tag",
            "service": "checkout",
            "k8s-namespace-labels/team": "namespace",
            "repo": "acme/shop",
        },
    }
    answers = []
    for gone in ("RegionId", "team", "service", "k8s-namespace-labels/team", "repo", None):
        (owner,) = owners(
            everything,
            catalog=CATALOG,
            codeowners="* @acme/code",
            rules=[{"when": {"region": "eu"}, "team": "rule"}],
            accounts={"111": "account"},
        )
        answers.append(owner["team"])
        if gone == "RegionId":
            everything = {**everything, "RegionId": "us"}
        elif gone is not None:
            everything = {
                **everything,
                "Tags": {key: value for key, value in everything["Tags"].items() if key != gone},
            }
    assert answers == ["rule", "tag", "payments", "namespace", "code", "account"]


def test_what_stands_in_the_files_is_part_of_the_hash() -> None:
    one, _ = parse_sources({"a": CATALOG}, [("acme/shop", "CODEOWNERS", CODEOWNERS)])
    moved, _ = parse_sources({"b": CATALOG}, [("acme/shop", ".github/CODEOWNERS", CODEOWNERS)])
    other, _ = parse_sources({"a": CATALOG}, [("acme/shop", "CODEOWNERS", "* @acme/new")])
    assert rules({}, one).hash == rules({}, moved).hash != rules({}, other).hash
    assert "repository" in rules({}, one).keys
    assert "component" in rules({}, one).keys
