"""The kinds of patch: merge, JSON patch, and strategic merge with the lists that are merged by name."""

from __future__ import annotations

import copy
from typing import Any

from kubernetes_api.resources import Refused

_MERGE_KEYS = {"containers": "name", "initContainers": "name", "env": "name", "volumes": "name"}
_MERGE_KEYS |= {"conditions": "type", "ports": "containerPort", "ownerReferences": "uid"}


def patched(found: Any, patch: Any, content_type: str) -> Any:
    """Give what a patch makes of an object.

    Raises:
        Refused: 422 where a `test` fails, 415 for a kind of patch that is not known.
    """
    if content_type == "application/merge-patch+json":
        return _merged(found, patch)
    if content_type == "application/strategic-merge-patch+json":
        return _strategic(found, patch)
    if content_type == "application/json-patch+json":
        result = copy.deepcopy(found)
        for step in patch:
            result = _step(result, step)
        return result
    raise Refused(
        415, "UnsupportedMediaType", f"the body of the request was in an unknown format: {content_type}"
    )


def _merged(found: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(found) if isinstance(found, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _strategic(found: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(found) if isinstance(found, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif key in _MERGE_KEYS and isinstance(value, list):
            result[key] = _named(result.get(key) or [], value, _MERGE_KEYS[key])
        else:
            result[key] = _strategic(result.get(key), value)
    return result


def _named(found: list[Any], patch: list[Any], key: str) -> list[Any]:
    result = {item.get(key): item for item in found}
    for item in patch:
        if item.get("$patch") == "delete":
            result.pop(item.get(key), None)
        else:
            result[item.get(key)] = _strategic(result.get(item.get(key)), item)
    return list(result.values())


def _step(root: Any, step: dict[str, Any]) -> Any:
    tokens = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    if not tokens:
        if step["op"] == "test" and root != step["value"]:
            raise _failed(step)
        return root if step["op"] == "test" else step["value"]
    parent = root
    for token in tokens[:-1]:
        parent = _at(parent, token, step)
    _apply(parent, tokens[-1], step)
    return root


def _apply(parent: Any, last: str, step: dict[str, Any]) -> None:
    op = step["op"]
    if op == "test":
        if _at(parent, last, step) != step.get("value"):
            raise _failed(step)
    elif op == "add" and isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), step["value"])
    elif op == "add":
        parent[last] = step["value"]
    elif op == "replace":
        _at(parent, last, step)
        parent[int(last) if isinstance(parent, list) else last] = step["value"]
    elif op == "remove":
        _at(parent, last, step)
        del parent[int(last) if isinstance(parent, list) else last]
    else:
        raise _failed(step)


def _at(parent: Any, token: str, step: dict[str, Any]) -> Any:
    try:
        return parent[int(token)] if isinstance(parent, list) else parent[token]
    except (KeyError, IndexError, ValueError, TypeError):
        raise _failed(step) from None


def _failed(step: dict[str, Any]) -> Refused:
    message = f"the server rejected our request due to an error in our request: {step['op']} {step['path']}"
    return Refused(422, "Invalid", message)
