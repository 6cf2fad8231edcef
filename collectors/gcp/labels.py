"""Google's four kinds of labels as the tags of one charge. Pure."""

from __future__ import annotations

from typing import Any

import orjson

ORDER = ("labels", "project_labels", "tags", "system_labels")
"""Whose value counts where several have a key: what is nearest to the resource."""


def merged(
    labels: str | None, project_labels: str | None, tags: str | None, system_labels: str | None
) -> str | None:
    """Give the JSON object of a charge's tags; None without any.

    A resource's labels win over the project's, which every resource inherits, and those over tags. Tags
    carry the namespace they are defined in (`123456/env`), system labels `goog:`, so that neither can
    pass for somebody's own.
    """
    found: dict[str, str] = {}
    for source, text in zip(ORDER, (labels, project_labels, tags, system_labels), strict=True):
        for pair in _pairs(text):
            key, value = _named(pair, source)
            if key:
                found.setdefault(key, value)
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS).decode() if found else None


def _pairs(text: str | None) -> list[dict[str, Any]]:
    if not text:
        return []
    try:
        read = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    return (
        [{str(name).lower(): value for name, value in one.items()} for one in read if isinstance(one, dict)]
        if isinstance(read, list)
        else []
    )


def _named(pair: dict[str, Any], source: str) -> tuple[str, str]:
    key, value = pair.get("key"), pair.get("value")
    if not key:
        return "", ""
    namespace = pair.get("namespace") or pair.get("x_namespace")
    if source == "tags" and namespace:
        key = f"{namespace}/{key}"
    elif source == "system_labels":
        key = f"goog:{key}"
    # A label without a value is a tag without one, which FOCUS writes as true.
    return str(key), "true" if value is None or value == "" else str(value)


def system(text: str | None) -> dict[str, str]:
    """Give the system labels of a row: `compute.googleapis.com/machine_spec` and others."""
    return {str(pair["key"]): str(pair.get("value") or "") for pair in _pairs(text) if pair.get("key")}
