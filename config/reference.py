"""The settings reference (docs/reference/settings.md), written from the models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.schema import JsonSchema, json_schema
from config.settings import LATER_KEYS
from config.source import SourceModels

_HEAD = """\
# Settings

Everything `costd.yaml` may say. Written by `costd config schema --output markdown` from the
models that read it; do not edit.

- Relative paths start at the folder of the configuration file.
- YAML 1.2: `NO` is text. Bare numbers keep their digits (`012345678901` stays as written).
- `${env:NAME}` and `${file:PATH}` stand only where a secret is taken; a secret never stands
  in the file itself.
- An editor with a YAML language server checks and completes while you type: run
  `costd config schema > costd.schema.json` and put this on the first line of the file:

      # yaml-language-server: $schema=costd.schema.json
"""


def reference(models: SourceModels) -> str:
    """Give the reference as Markdown: one table per model, where it is used first."""
    schema = json_schema(models)
    sections = dict(reversed(list(_sections(schema, schema, ""))))
    first = {model.get("title", ""): path for path, model in sections.items()}
    ordered = [(path, sections[path]) for path in reversed(sections)]
    pages = [_table(schema, model, path, first) for path, model in ordered if first[model["title"]] == path]
    later = ", ".join(f"`{key}`" for key in sorted(LATER_KEYS))
    end = f"## Later\n\nRead by later versions; this one names them in a warning: {later}.\n"
    return "\n".join([_HEAD, *pages, end])


def _sections(root: JsonSchema, schema: JsonSchema, path: str) -> Iterator[tuple[str, JsonSchema]]:
    yield path, schema
    for key, field in schema.get("properties", {}).items():
        if key in LATER_KEYS and not path:
            continue
        below = f"{path}.{key}" if path else key
        if below == "sources":
            for choice in field["items"]["allOf"]:
                kind = choice["if"]["properties"]["type"]["const"]
                yield from _sections(root, _resolve(root, choice["then"]), f"sources[{kind}]")
            continue
        for found, suffix in _objects(root, field):
            yield from _sections(root, found, below + suffix)


def _objects(root: JsonSchema, field: JsonSchema) -> Iterator[tuple[JsonSchema, str]]:
    """Give the models a field takes, with how a path goes on to them."""
    for choice in field.get("anyOf") or field.get("oneOf") or [field]:
        target = _resolve(root, choice)
        if "properties" in target:
            kind = target["properties"].get("kind", {}).get("const")
            yield target, f"[{kind}]" if kind and "oneOf" in field else ""
        elif target.get("type") == "array":
            for found, rest in _objects(root, target.get("items", {})):
                yield found, rest if "oneOf" in target["items"] else "[]" + rest
        elif isinstance(target.get("additionalProperties"), dict):
            inner = target["additionalProperties"]
            yield from ((found, ".*" + rest) for found, rest in _objects(root, inner))


def _table(root: JsonSchema, schema: JsonSchema, path: str, first: Mapping[str, str]) -> str:
    title = f"## `{path}`" if path else "## Top level"
    told = " ".join(schema.get("description", "").split())
    rows = ["| key | takes | meaning |", "|---|---|---|"]
    required = schema.get("required", [])
    for key, field in schema.get("properties", {}).items():
        if key in LATER_KEYS and not path:
            continue
        says = field.get("description", "")
        must = " **Required.**" if key in required and "Required" not in says else ""
        rows.append(f"| `{key}` | {_cell(_takes(root, field, first))} | {_cell(says)}{must} |")
    return "\n".join([title, "", told, "", *rows, ""])


def _takes(root: JsonSchema, field: JsonSchema, first: Mapping[str, str]) -> str:
    if choices := field.get("anyOf") or field.get("oneOf"):
        kinds = [_takes(root, choice, first) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    target = _resolve(root, field)
    if "const" in target or "enum" in target:
        return ", ".join(f"`{value}`" for value in target.get("enum", [target.get("const")]))
    kind = target.get("type")
    if kind == "array":
        return f"list of {_takes(root, target.get('items', {}), first)}"
    inner = target.get("additionalProperties")
    if kind == "object" and isinstance(inner, dict):
        return f"any keys with {_takes(root, inner, first)}"
    return _simply(target, first)


def _simply(target: JsonSchema, first: Mapping[str, str]) -> str:
    match target.get("type"):
        case "object":
            place = first.get(target.get("title", ""))
            return f"keys of `{place}`" if place else "keys"
        case "boolean":
            return "`true` or `false`"
        case "integer":
            return _bounded(target)
        case "string" if target.get("examples"):
            return "text such as " + ", ".join(f"`{example}`" for example in target["examples"])
        case "string":
            return "text"
        case other:
            return str(other or "any value")


def _bounded(target: JsonSchema) -> str:
    least, most = target.get("minimum"), target.get("maximum")
    if least is not None and most is not None:
        return f"whole number from {least} to {most}"
    return f"whole number from {least}" if least is not None else "whole number"


def _resolve(root: JsonSchema, field: JsonSchema) -> JsonSchema:
    name = field.get("$ref", "").rpartition("/")[2]
    found: Any = root["$defs"][name] if name else field
    return dict(found)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
