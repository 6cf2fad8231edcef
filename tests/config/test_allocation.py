"""How clusters are split: names or own base prices, and mistakes told with a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.allocation import AllocationSettings, BasePrices
from config.load import Loaded, Origin, load


def loaded(text: str) -> Loaded:
    return load(Origin(name="costd.yaml", folder=Path("/nowhere"), text=text), {})


def split(text: str) -> AllocationSettings:
    return loaded(f"allocation: {text}\n").usable().allocation


def test_without_a_word_it_is_opencost_with_idle_apart_and_no_quota_charged() -> None:
    default = loaded("mode: observe\n").usable().allocation
    assert (default.split, default.idle, default.quota.charge_unused) == ("opencost", "apart", False)


def test_takes_a_named_rule_or_own_base_prices() -> None:
    assert split("{split: aws-scad, idle: node}").split == "aws-scad"
    own = split("{split: {cpu: 0.03, memory: 0.004}, quota: {charge_unused: true}}")
    assert own.split == BasePrices(cpu=0.03, memory=0.004)
    assert own.quota.charge_unused is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{split: {cpu: 0, memory: 0}}", "above 0"),
        ("{split: {cpu: -1}}", "allocation.split"),
        ("{split: dearest}", "allocation.split"),
        ("{idle: gone}", "allocation.idle"),
    ],
)
def test_refuses_what_it_cannot_split_by(text: str, says: str) -> None:
    faults = loaded(f"allocation: {text}\n").errors
    assert any(says in f"{fault.key}: {fault.message} | {fault.hint}" for fault in faults)
