"""The worked example of docs/allocate-costs.md gives the figures that the page shows."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

from cells import a_fact, facts, resources, rules, sums

from attribution.slices import Sharing
from attribution.star import Star, star_of
from config.yaml import read

HERE = {"SubAccountId": "555566667777"}
CHARGES = [
    ({"SubAccountId": "424200001111", "Tags": {"team": "web"}}, "60"),
    ({**HERE, "Tags": {"Team": "machine-learning"}}, "30"),
    ({**HERE, "Tags": {"owner": "web", "aws:eks:namespace": "pr-17"}}, "10"),
    ({**HERE, "Tags": {"aws:eks:namespace": "kube-system"}}, "5"),
    ({**HERE, "Tags": {"team": "unknown"}}, "3"),
    ({**HERE, "ChargeCategory": "Tax", "ServiceName": None}, "0.48"),
]


def page(root: Path) -> str:
    return (root / "docs" / "allocate-costs.md").read_text(encoding="utf-8")


def example(root: Path) -> Star:
    (first, *_) = re.findall(r"```yaml\n(.*?)```", page(root), re.DOTALL)
    written = read(first).root.plain()
    assert isinstance(written, dict)
    return star_of(resources(*(row for row, _ in CHARGES)), rules(written["ownership"]))


def test_every_yaml_block_of_the_page_is_read(root: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", page(root), re.DOTALL):
        written = read(block).root.plain()
        assert isinstance(written, dict)
        rules(written["ownership"])


def test_the_owners_of_the_page_are_found(root: Path) -> None:
    star = example(root)
    found = star.ownership.select("team", "team_rule", "environment", "pull_request", "pool").rows()
    assert found == [
        ("data", "rules[0]", None, None, None),
        ("ml", "keys.team[team] alias[machine-learning]", None, None, None),
        ("web", "keys.team[owner]", "preview", "17", None),
        (None, None, None, None, "platform"),
        (None, None, None, None, None),
        (None, None, None, None, "tax"),
    ]


def test_the_figures_of_the_page_are_computed(root: Path) -> None:
    star = example(root)
    cells = facts(*(a_fact(at, cost) for at, (_, cost) in enumerate(CHARGES)))
    row = r"^\| (data|ml|web|unallocated) \| ([\d.]+ .*?\| [\d.]+) \|$"
    shown = dict(re.findall(row, page(root), re.MULTILINE))
    for column, sharing in enumerate(Sharing):
        found = sums(cells, star, "team", sharing=sharing)
        told = {team: Decimal(text.split("|")[column].split()[0]) for team, text in shown.items()}
        assert {team or "unallocated": Decimal(cost or 0) for team, cost in found.items()} == told
        assert sum(told.values()) == Decimal("108.48")
    pooled = sums(cells, star, "pool", sharing=Sharing.BEFORE)
    assert pooled["platform"] == "5.05"
