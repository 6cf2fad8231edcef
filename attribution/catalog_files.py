"""Backstage `catalog-info.yaml` text to entities; what cannot be read is reported, never fatal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attribution.catalog import KINDS, Catalog, Entity, selector, tag_selector
from attribution.faults import SourceFault
from config.fault import YamlError
from config.yaml import read
from domain.text import shortened

_DOCUMENT = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SELECTOR = "cost-selector"
_AWS_TAGS = "aws.amazon.com/cost-insights-tags"
_NAMESPACE = "backstage.io/kubernetes-namespace"
_SLUG = "github.com/project-slug"


def parse_catalogs(texts: Mapping[str, str]) -> tuple[Catalog, list[SourceFault]]:
    """Give the entities of catalogue files ({path: text}) and what could not be used of them.

    A component without an owner takes the owner of its system.
    """
    faults: list[SourceFault] = []
    found: list[tuple[str, int, Mapping[str, Any]]] = []
    for path, text in texts.items():
        for line, document in _documents(path, text, faults):
            found.append((path, line, document))
    systems = {
        _name(document): team
        for _, _, document in found
        if _kind(document) == "system" and (team := owner_name(_spec(document).get("owner")))
    }
    entities: list[Entity] = []
    for path, line, document in found:
        try:
            entity = _entity(document, systems)
        except ValueError as error:
            faults.append(SourceFault(file=path, line=line, message=str(error)))
        else:
            entities.extend([entity] if entity else [])
    return Catalog(entities=tuple(entities)), faults


def _documents(path: str, text: str, faults: list[SourceFault]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    starts = [0, *(match.end() for match in _DOCUMENT.finditer(text))]
    ends = [*(match.start() for match in _DOCUMENT.finditer(text)), len(text)]
    for start, end in zip(starts, ends, strict=True):
        part = text[start:end]
        if not part.strip():
            continue
        first = text.count("\n", 0, start)
        try:
            document = read(part)
        except YamlError as error:
            line = first + max(error.fault.line, 1)
            faults.append(SourceFault(file=path, line=line, message=error.fault.message))
            continue
        faults.extend(
            SourceFault(file=path, line=first + double.line, message=double.message)
            for double in document.doubles
        )
        entity, line = document.root.plain(), first + document.root.line
        if isinstance(entity, dict):
            yield line, entity
        elif entity is not None:
            faults.append(SourceFault(file=path, line=line, message="is not an entity: not a mapping"))


def _entity(document: Mapping[str, Any], systems: Mapping[str, str]) -> Entity | None:
    kind, name = _kind(document), _name(document)
    if kind not in KINDS:
        return None  # groups, users, templates and locations own no cost
    if not name:
        raise ValueError(f"an entity of kind {kind} has no metadata.name")
    spec = _spec(document)
    team = owner_name(spec.get("owner")) or systems.get(owner_name(spec.get("system")))
    if not team:
        raise ValueError(f"{kind} {shortened(name, 60)!r} has no spec.owner, nor has its system")
    annotations = _mapping(_mapping(document.get("metadata")).get("annotations"))
    try:
        when = _selected(annotations)
    except ValueError as error:
        raise ValueError(f"{kind} {shortened(name, 60)!r}: cannot use its selector: {error}") from None
    return Entity(name=name, kind=kind, team=team, when=when, repository=_text(annotations.get(_SLUG)))


def _selected(annotations: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    for key, value in annotations.items():
        if key.rpartition("/")[2] == _SELECTOR and _text(value):
            return selector(_text(value))
    if _text(annotations.get(_AWS_TAGS)):
        return tag_selector(_text(annotations[_AWS_TAGS]))
    if namespace := _text(annotations.get(_NAMESPACE)):
        return selector(f"namespace={namespace}")
    return {}


def owner_name(reference: Any) -> str:
    """Give the name of an entity reference: `group:default/payments` is `payments`."""
    return _text(reference).rpartition(":")[2].rpartition("/")[2].strip()


def _kind(document: Mapping[str, Any]) -> str:
    return _text(document.get("kind")).lower()


def _name(document: Mapping[str, Any]) -> str:
    return _text(_mapping(document.get("metadata")).get("name"))


def _spec(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(document.get("spec"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
