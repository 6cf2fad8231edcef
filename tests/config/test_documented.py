"""Every setting says what it means, in which unit, and why its default is what it is."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config.settings import Settings
from config.source import SourceEnvelope
from daemon.assemble import source_models

UNIT = re.compile(
    r"length of time|duration|second|percent|share|byte|size|count|versions|rows|number|amount", re.IGNORECASE
)


def parts(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is None:
        yield annotation
    elif origin is Annotated:
        yield from parts(get_args(annotation)[0])
    else:
        yield from (part for arg in get_args(annotation) for part in parts(arg))


def models(root: type[BaseModel], seen: set[type[BaseModel]]) -> set[type[BaseModel]]:
    if root in seen:
        return seen
    seen.add(root)
    for field in root.model_fields.values():
        for part in parts(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                models(part, seen)
    return seen


def every_field() -> list[tuple[str, FieldInfo]]:
    seen: set[type[BaseModel]] = set()
    for root in (Settings, *(load() for load in source_models().values())):
        models(root, seen)
    return sorted(
        ((f"{model.__name__}.{name}", field) for model in seen for name, field in model.model_fields.items()),
        key=lambda item: item[0],
    )


FIELDS = every_field()
IDS = [name for name, _ in FIELDS]


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) in {Union, types.UnionType}


def test_the_walk_finds_the_envelope_and_every_plugin() -> None:
    assert {"Settings.mode", "LedgerSettings.max_loss", "Ownership.rules", "S3.region"} <= set(IDS)
    assert SourceEnvelope in models(Settings, set())


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=IDS)
def test_every_setting_is_described_in_a_sentence(name: str, field: FieldInfo) -> None:
    told = field.description or ""
    assert len(told) >= 10, f"{name} has no description"
    assert told[0].isupper() or told[0] in "`0123456789" or told.split(":")[0].islower(), name
    assert told.rstrip().endswith((".", "`")), f"{name}: the description is no sentence"


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=IDS)
def test_every_default_is_explained_in_the_description(name: str, field: FieldInfo) -> None:
    if field.is_required() or name.endswith(".type"):
        return
    assert "Default" in (field.description or ""), f"{name} does not tell its default"


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=IDS)
def test_every_quantity_names_its_unit(name: str, field: FieldInfo) -> None:
    quantities = {int, float, Decimal, timedelta} & set(parts(field.annotation))
    assert not quantities or UNIT.search(field.description or ""), f"{name} names no unit"
