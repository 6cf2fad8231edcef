"""The idle rules in force as rows to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.output import Field, Listing

if TYPE_CHECKING:
    from config.idle import IdleRule, IdleSettings


def rules_listing(idle: IdleSettings) -> Listing:
    """Give the rules in force to print."""
    shown = [{"name": rule.name, "kind": rule.kind, "says": says(rule)} for rule in idle.in_force()]
    origin = "the packaged ones" if idle.rules is None else "from the configuration"
    return Listing(
        fields=(Field(name="name"), Field(name="kind"), Field(name="says", title="SETTINGS")),
        rows=shown,
        document={"schema": "costd.idle-rules/1", "packaged": idle.rules is None, "rows": []},
        above=(f"Rules in force: {origin}",),
        following=("costd idle rules --packaged",),
        empty="No rule is in force: `idle: rules:` is empty. Remove it to have the packaged ones.",
    )


def says(rule: IdleRule) -> str:
    """Write the settings of a rule in one line, without those that say nothing."""
    values = rule.model_dump(mode="json", by_alias=True, exclude={"name", "kind"}, exclude_none=True)
    told = {key: compact(value) for key, value in values.items()}
    return ", ".join(f"{key}: {value}" for key, value in told.items() if value)


def compact(value: object) -> str:
    """Write a setting as short as YAML's flow style; "" for what is empty."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key}: {text}" for key, one in value.items() if (text := compact(one)))
        return f"{{{inner}}}" if inner else ""
    if isinstance(value, list):
        return f"[{', '.join(compact(one) for one in value)}]" if value else ""
    return "" if value is None else str(value)
