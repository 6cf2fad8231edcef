"""Idle rules: the packaged ones are read as a user's would be, and mistakes are told with a hint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.idle import MODELS, GpuIdle, packaged_rules, packaged_text
from config.load import Loaded, Origin, load

HEAD = "idle:\n  rules:\n    - "


def loaded(text: str) -> Loaded:
    return load(Origin(name="costd.yaml", folder=Path("/nowhere"), text=text), {})


def rule_of(text: str) -> Any:
    settings = loaded(f"{HEAD}{text}\n").usable()
    return settings.idle.in_force()[0]


def told(text: str) -> list[str]:
    return [f"{fault.key}: {fault.message} | {fault.hint}" for fault in loaded(text).errors]


def test_without_rules_the_packaged_ones_hold() -> None:
    assert loaded("mode: observe\n").usable().idle.in_force() == packaged_rules()


def test_every_kind_of_rule_is_packaged_once() -> None:
    assert sorted(rule.kind for rule in packaged_rules()) == sorted(MODELS)


def test_the_packaged_rules_can_be_copied_into_a_configuration_as_they_are() -> None:
    assert loaded(packaged_text()).usable().idle.in_force() == packaged_rules()


def test_rules_of_ones_own_replace_the_packaged_ones() -> None:
    rule = rule_of("{name: mine, kind: gpu_idle, gpu_active_below: 10%, for: 3h, signal: average}")
    assert isinstance(rule, GpuIdle)
    assert (rule.name, str(rule.gpu_active_below), rule.lasting.total_seconds()) == ("mine", "0.1", 10800)


def test_no_rules_at_all_is_a_choice() -> None:
    assert loaded("idle: {rules: []}\n").usable().idle.in_force() == ()


@pytest.mark.parametrize(
    ("rule", "said", "hint"),
    [
        ("{name: a, kind: gpu_idel}", "unknown kind of rule", 'did you mean "gpu_idle"?'),
        ("{name: a}", "has no `kind`", "known kinds: gpu_idle"),
        ("{name: a, kind: gpu_idle, gpu_activ_below: 5%}", "unknown key", '"gpu_active_below"'),
        ("{name: a, kind: gpu_idle, for: 90m}", "is not in whole hours", "write whole hours"),
        ("{name: a, kind: gpu_idle, for: 0h}", "longer than zero", ""),
        ("{name: a, kind: gpu_idle, unless: [{}]}", "exactly one sign", "one item per sign"),
        (
            "{name: a, kind: gpu_idle, unless: [{requests_above: 0, cpu_above: 1}]}",
            "exactly one sign",
            "one item per sign",
        ),
        ("{name: a, kind: gpu_free, gpu_active_below: 5%}", "unknown key", ""),
        ('{name: a, kind: abandoned, match: {namespaces: "re:("}}', "unclosed group", ""),
    ],
)
def test_a_mistake_is_told_with_what_to_do(rule: str, said: str, hint: str) -> None:
    faults = told(f"{HEAD}{rule}\n")
    assert len(faults) == 1
    assert said in faults[0]
    assert hint in faults[0]


def test_two_rules_of_one_name_are_refused() -> None:
    text = f"{HEAD}{{name: a, kind: gpu_idle}}\n    - {{name: a, kind: gpu_free}}\n"
    assert any("two rules are called a" in fault for fault in told(text))


def test_quotas_are_read_and_told_once_per_team_and_model() -> None:
    text = "quotas:\n  gpu_hours:\n    - {team: ml, model: '*H100*', hours: 500}\n"
    quota = loaded(text).usable().quotas.gpu_hours[0]
    assert (quota.team, quota.model, quota.hours) == ("ml", "*H100*", 500)
    assert any(
        "two quotas" in fault for fault in told(text + "    - {team: ml, model: '*H100*', hours: 1}\n")
    )
