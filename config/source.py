"""What every source in the configuration has, whatever its plugin adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from config.base import Model
from config.units import PositiveDuration

SourceModels = Mapping[str, Callable[[], type["SourceEnvelope"]]]
"""Per source type the loader of its `Settings`, so that only the types in use are imported."""

RESERVED_NAMES = frozenset({"all", "any", "costd", "default", "none", "other", "total", "unallocated"})
"""Words that reports and commands use for something else."""


_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def _source_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        hint = "write 1 to 40 of `a-z`, `0-9` and `-`, the first no `-`"
        raise PydanticCustomError("name", "is no name", {"hint": hint})
    if value in RESERVED_NAMES:
        raise PydanticCustomError("reserved", "is a word with a meaning of its own; choose another name")
    return value


SourceName = Annotated[
    str,
    AfterValidator(_source_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$", "examples": ["azure"]}),
]


class SourceEnvelope(Model):
    """What every source has; a plugin's `Settings` adds its own fields."""

    type: str = Field(description="The kind of source: the name of its collector, e.g. `focus_files`.")
    name: SourceName = Field(
        description="The name of this source in reports, commands and the ledger: 1 to 40 of `a-z`, `0-9` "
        "and `-`, unique. Renaming a source starts a new one; the old charges stay under the old name."
    )
    every: PositiveDuration = Field(
        default=timedelta(hours=6),
        description="How often the daemon looks for new data; a length of time. Default `6h`, because "
        "providers rewrite their exports a few times a day and looking is cheap.",
    )


def source_of(value: Any, info: ValidationInfo) -> SourceEnvelope:
    """Read a source with the `Settings` of its type; `context["sources"]` is a `SourceModels`."""
    if isinstance(value, SourceEnvelope):
        return value
    if not isinstance(value, Mapping):
        raise PydanticCustomError("source", "must be a mapping with `type` and `name`")
    models: SourceModels = (info.context or {}).get("sources", {})
    kind = value.get("type")
    if isinstance(kind, str) and kind in models:
        return models[kind]().model_validate(value, context=info.context)
    if "type" not in value:
        raise PydanticCustomError("source_without_type", "has no `type`", {"known": sorted(models)})
    raise PydanticCustomError(
        "source_type", "unknown source type", {"known": sorted(models), "got": str(kind)}
    )
