"""What pydantic and our own looks find wrong, told with the line and key of the file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.fault import Fault
from config.secrets import Secret
from config.settings import LATER_KEYS, Settings
from config.shape import Choose, Loc, known_keys, types_at
from config.source import SourceEnvelope, SourceModels
from config.wording import message_of
from config.yaml import Node
from domain.text import shortened

_REFERENCE = re.compile(r"\$\{[^}]*\}")
_PLAIN_KEY = re.compile(r"[\w-]+")


class Faults:
    """Turns findings about one configuration into faults with places."""

    def __init__(self, node: Node, models: SourceModels) -> None:
        self._node = node
        self._plain = node.plain()
        self._models = models
        self._choose: Choose = {SourceEnvelope: self._source_model}

    def _source_model(self, value: Any) -> type[SourceEnvelope] | None:
        kind = value.get("type") if isinstance(value, Mapping) else None
        loader = self._models.get(kind) if isinstance(kind, str) else None
        return loader() if loader is not None else None

    def of_error(self, error: ValidationError) -> list[Fault]:
        """Give the faults of a failed validation, one per key."""
        told: dict[tuple[int, str], list[tuple[str, str]]] = defaultdict(list)
        for detail in error.errors(include_url=False, include_input=False):
            if detail["type"] == "source_twice":
                continue  # `twice` names both lines, also where something else is wrong
            loc = self._real(detail)
            known = known_keys(Settings, loc[:-1], self._plain, self._choose)
            known += LATER_KEYS if len(loc) == 1 else ()
            said = message_of(detail, loc, known, self._is_null(loc))
            if said not in told[line_of(self._node, loc), key_path(loc)]:
                told[line_of(self._node, loc), key_path(loc)].append(said)
        return [
            Fault(
                line=line,
                key=key,
                message="; or ".join(message for message, _ in said),
                hint="; ".join(dict.fromkeys(hint for _, hint in said if hint)),
            )
            for (line, key), said in told.items()
        ]

    def misplaced(self) -> list[Fault]:
        """Give a fault for every `${…}` in a field that takes no secret."""
        faults = []
        for loc, node in _scalars(self._node):
            if not isinstance(node.value, str) or not _REFERENCE.search(node.value) or loc[0] in LATER_KEYS:
                continue
            kinds = list(types_at(Settings, loc, self._plain, self._choose))
            if kinds and Secret not in kinds:
                message = "`${…}` is only read in fields that take a secret; this one is taken as written"
                hint = "write the value itself"
                faults.append(
                    Fault(line=line_of(self._node, loc), key=key_path(loc), message=message, hint=hint)
                )
        return faults

    def twice(self) -> list[Fault]:
        """Give a fault for every source whose name an earlier one has."""
        first: dict[str, int] = {}
        faults = []
        for index, source in enumerate(_items(self._plain, "sources")):
            name = source.get("name") if isinstance(source, Mapping) else None
            if not isinstance(name, str):
                continue
            loc: Loc = ("sources", index, "name")
            line = line_of(self._node, loc)
            if name in first:
                message = f"source `{shortened(name, 40)}` is already on line {first[name]}"
                faults.append(Fault(line=line, key=key_path(loc), message=message, hint="rename one of them"))
            first.setdefault(name, line)
        return faults

    def later(self) -> list[Fault]:
        """Give a warning for every key that only later versions read."""
        value = self._node.value
        keys = value if isinstance(value, dict) else {}
        return [
            Fault(
                line=self._node.key_lines[key],
                key=key,
                message=f"`{key}` is read by a later version; this one ignores it",
            )
            for key in keys
            if key in LATER_KEYS
        ]

    def about_secrets(self, settings: Settings) -> list[Fault]:
        """Give a warning for every secret that is not there, or that every user can read."""
        faults = []
        for loc, secret in _secrets(settings, ()):
            for message in filter(None, (secret.missing(), secret.exposed())):
                line = line_of(self._node, loc)
                faults.append(Fault(line=line, key=key_path(loc), message=message))
        return faults

    def _real(self, detail: ErrorDetails) -> Loc:
        """Drop what pydantic adds to a location for unions and functions."""
        real: list[str | int] = []
        node: Node | None = self._node
        last = len(detail["loc"]) - 1
        for position, step in enumerate(detail["loc"]):
            child = _child(node, step)
            if child is not None or (position == last and detail["type"] == "missing"):
                real.append(step)
                node = child
        return tuple(real)

    def _is_null(self, loc: Loc) -> bool:
        node: Node | None = self._node
        for step in loc:
            node = _child(node, step)
        return node is not None and node.value is None


def line_of(node: Node, loc: Loc) -> int:
    """Give the line of the key (or list item) at `loc`, or of the last part of it that exists."""
    line = node.line if loc else 0
    here: Node | None = node
    for step in loc:
        below = _child(here, step)
        if here is None or below is None:
            break
        line = here.key_lines[step] if isinstance(step, str) else below.line
        here = below
    return line


def key_path(loc: Loc) -> str:
    """Write a location as `sources[2].path`; a key that is no plain word is quoted."""
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            path += f".{step}" if path else step
        else:
            path += f'["{shortened(step, 60)}"]'
    return path


def _child(node: Node | None, step: str | int) -> Node | None:
    if node is None:
        return None
    if isinstance(node.value, dict) and isinstance(step, str):
        return node.value.get(step)
    if isinstance(node.value, list) and isinstance(step, int) and 0 <= step < len(node.value):
        return node.value[step]
    return None


def _scalars(node: Node, loc: Loc = ()) -> Iterator[tuple[Loc, Node]]:
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _scalars(child, (*loc, key))
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from _scalars(child, (*loc, index))
    elif loc:
        yield loc, node


def _secrets(value: Any, loc: Loc) -> Iterator[tuple[Loc, Secret]]:
    if isinstance(value, Secret):
        yield loc, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), (*loc, name))
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _secrets(child, (*loc, key))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _secrets(child, (*loc, index))


def _items(plain: Any, key: str) -> list[Any]:
    found = plain.get(key) if isinstance(plain, Mapping) else None
    return found if isinstance(found, list) else []
