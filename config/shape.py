"""What the models allow at a place of the configuration: its types, its keys."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Loc = tuple[str | int, ...]
"""Keys and list positions from the top, as pydantic writes them."""


Choose = Mapping[Any, Callable[[Any], Any]]
"""Per base model what picks the real model from the value found there, None if it cannot tell."""


def types_at(annotation: Any, loc: Loc, value: Any, choose: Choose) -> Iterator[Any]:
    """Give every type that may stand at `loc` below something of the type `annotation`."""
    for kind in _alternatives(annotation):
        if kind in choose:
            chosen = choose[kind](value)
            if chosen is not None:
                yield from _within(chosen, loc, value, choose)
        else:
            yield from _within(kind, loc, value, choose)


def known_keys(annotation: Any, loc: Loc, value: Any, choose: Choose) -> list[str]:
    """Name the keys that a mapping at `loc` may have, in the order of the models."""
    found: dict[str, None] = {}
    for kind in types_at(annotation, loc, value, choose):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= dict.fromkeys(field.alias or name for name, field in kind.model_fields.items())
    return list(found)


def _within(kind: Any, loc: Loc, value: Any, choose: Choose) -> Iterator[Any]:
    if not loc:
        yield kind
        return
    step, rest = loc[0], loc[1:]
    below = _child(value, step)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in {name, field.alias}:
                yield from types_at(field.annotation, rest, below, choose)
        return
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(args) == 2:
        yield from types_at(args[1], rest, below, choose)
    elif isinstance(origin, type) and issubclass(origin, Sequence) and isinstance(step, int):
        yield from types_at(args[0], rest, below, choose)


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for choice in get_args(annotation):
            yield from _alternatives(choice)
    elif hasattr(annotation, "__value__"):
        yield from _alternatives(annotation.__value__)
    else:
        yield annotation


def _child(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
        return value[step]
    return None
