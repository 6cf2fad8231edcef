"""The JSON Schema of `costd.yaml`, composed with every plugin's part, for editors."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from config.settings import LATER_KEYS, Settings
from config.source import SourceModels

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JsonSchema = dict[str, Any]


def json_schema(models: SourceModels) -> JsonSchema:
    """Give the schema (draft 2020-12) with descriptions and defaults; a source's `type` picks its keys."""
    plugins = {kind: load() for kind, load in sorted(models.items())}
    references, shared = models_json_schema(
        [(Settings, "validation"), *((model, "validation") for model in plugins.values())],
        ref_template="#/$defs/{model}",
        schema_generator=_WrittenDefaults,
    )
    definitions: JsonSchema = shared["$defs"]
    root = definitions.pop(references[Settings, "validation"]["$ref"].rpartition("/")[2])
    definitions.pop("SourceEnvelope", None)
    by_type = {kind: references[model, "validation"] for kind, model in plugins.items()}
    for kind, target in by_type.items():
        _name_type(definitions[target["$ref"].rpartition("/")[2]], kind)
    root["properties"]["sources"]["items"] = _source_item(by_type)
    for key in sorted(LATER_KEYS):
        root["properties"][key] = {"description": "Read by a later version; this one ignores it."}
    root["title"] = "costd.yaml"
    return {"$schema": DIALECT, **root, "$defs": definitions}


def _name_type(plugin: JsonSchema, kind: str) -> None:
    """Say in a plugin's part that its `type` is needed and which it is."""
    plugin["properties"]["type"] = {"const": kind, "description": f"The kind of source: `{kind}`."}
    plugin["required"] = list(dict.fromkeys(["type", *plugin.get("required", [])]))


class _WrittenDefaults(GenerateJsonSchema):
    """Defaults as people write them: `6h` and `5%`, not `PT6H` and `0.05`."""

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> Any:
        """Give the default in the form that its own type writes."""
        default = super().get_default_value(schema)
        if default is None:
            return None
        inner: Any = schema["schema"]
        while isinstance(inner, dict):
            writer = inner.get("serialization", {})
            if writer.get("type") == "function-plain" and not writer.get("info_arg"):
                return writer["function"](default)
            inner = inner.get("schema")
        return default


def _source_item(by_type: dict[str, JsonSchema]) -> JsonSchema:
    """Let `type` choose with if/then, so that an editor complains about the right keys only."""
    return {
        "type": "object",
        "required": ["type", "name"],
        "properties": {"type": {"enum": list(by_type), "description": "The kind of source."}},
        "allOf": [
            {"if": {"properties": {"type": {"const": kind}}, "required": ["type"]}, "then": reference}
            for kind, reference in by_type.items()
        ],
    }
