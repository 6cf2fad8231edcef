"""Label and field selectors, as the API reads them."""

from __future__ import annotations

import re
from typing import Any

from kubernetes_api.resources import Refused

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<how>in|notin)\s+\((?P<values>[^)]*)\)$")
_FIELDS = {
    "metadata.name": ("metadata", "name"),
    "metadata.namespace": ("metadata", "namespace"),
    "spec.nodeName": ("spec", "nodeName"),
    "status.phase": ("status", "phase"),
}


def selected(found: dict[str, Any], labels: str, fields: str) -> bool:
    """Tell whether an object answers to both selectors; empty ones choose everything."""
    held = found["metadata"].get("labels") or {}
    return all(_label(held, part) for part in _parts(labels)) and all(
        _field(found, part) for part in _parts(fields)
    )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label(held: dict[str, str], part: str) -> bool:
    if match := _SET.match(part):
        values = {value.strip() for value in match["values"].split(",")}
        return (held.get(match["key"]) in values) == (match["how"] == "in")
    if "!=" in part:
        key, _, value = part.partition("!=")
        return held.get(key.strip()) != value.strip()
    if "=" in part:
        key, _, value = part.replace("==", "=").partition("=")
        return held.get(key.strip()) == value.strip()
    if part.startswith("!"):
        return part[1:].strip() not in held
    return part in held


def _field(found: dict[str, Any], part: str) -> bool:
    differs = "!=" in part
    key, _, value = part.replace("!=", "=").replace("==", "=").partition("=")
    if key.strip() not in _FIELDS:
        raise Refused(400, "BadRequest", f"field label not supported: {key}")
    section, name = _FIELDS[key.strip()]
    return ((found.get(section) or {}).get(name, "") == value.strip()) != differs
