"""Backstage catalogue entities as rules: which charges an entity means, and who owns it.

An entity means charges by any of these; each owner field of a charge takes the first entity
that means it, asked in this order:
- annotation `<any prefix>/cost-selector`: `namespace=pay*, tag:app=checkout` (lines of `when`);
  else `aws.amazon.com/cost-insights-tags`: `component=checkout,env=prod` (tags);
  else `backstage.io/kubernetes-namespace`: the namespace;
- annotation `github.com/project-slug`: the repository that a tag names;
- its name: charges whose service, by rules and tags, is called like it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from pydantic import ValidationError

from attribution.answers import Answers
from attribution.matching import fold, fold_text, fold_texts, matches
from attribution.repositories import repository_names
from attribution.subjects import TAG, Texts
from config.ownership import Ownership
from config.when import When

KINDS = ("component", "system", "resource", "api")
"""Kinds whose `spec.owner` says who answers for cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity that has an owner.

    Attributes:
        name: `metadata.name`.
        kind: component, system, resource or api, lower case.
        team: name of the owning group, without kind and namespace.
        when: lines of `when` it selects charges by, as {subject: patterns}; empty if none.
        repository: `organisation/name` it is built from, or "".
    """

    name: str
    kind: str
    team: str
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repository: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Entities in the order their files name them."""

    entities: tuple[Entity, ...] = ()

    def canonical(self) -> list[dict[str, Any]]:
        """Give what decides, for the hash of the rules."""
        return [
            {
                "name": entity.name,
                "kind": entity.kind,
                "team": entity.team,
                "when": {subject: list(patterns) for subject, patterns in entity.when.items()},
                "repository": entity.repository,
            }
            for entity in self.entities
        ]

    def ask(self, answers: Answers, texts: Texts, ownership: Ownership) -> None:
        """Answer team, and service where the entity is a component."""
        for entity in self.entities:
            if entity.when:
                mask = matches(entity.when.items(), texts)
                answers.offer("team", pl.when(mask).then(pl.lit(entity.team)), f"catalog:{entity.name}")
                if entity.kind == "component":
                    named = pl.when(mask).then(pl.lit(entity.name))
                    answers.offer("service", named, f"catalog:{entity.name}")
        slugs = {entity.repository: entity for entity in reversed(self.entities) if entity.repository}
        if slugs:
            named_in_tags = repository_names(texts, ownership.repository_keys, slugs)
            _look_up(answers, named_in_tags, {fold_text(slug): one for slug, one in slugs.items()})
        if self.entities:
            folded = fold_texts(entity.name for entity in self.entities)
            by_name = dict(zip(reversed(folded), reversed(self.entities), strict=True))
            services = answers.of("service").to_frame("s").select(fold(pl.col("s"))).to_series()
            _look_up(answers, services, by_name)


def _look_up(answers: Answers, texts: pl.Series, entities: Mapping[str, Entity]) -> None:
    table = pl.DataFrame(
        {
            "key": list(entities),
            "team": [entity.team for entity in entities.values()],
            "label": [f"catalog:{entity.name}" for entity in entities.values()],
            "component": [e.name if e.kind == "component" else None for e in entities.values()],
        },
        schema=dict.fromkeys(("key", "team", "label", "component"), pl.String),
    )
    found = texts.to_frame("key").join(table, on="key", how="left", maintain_order="left")
    answers.offer_rows("team", found.get_column("team"), found.get_column("label"))
    answers.offer_rows("service", found.get_column("component"), found.get_column("label"))


def selector(text: str) -> dict[str, tuple[str, ...]]:
    """Read `namespace=pay*, tag:app=checkout` as lines of `when`; a subject twice means any of both.

    Raises:
        ValueError: not such a text, or no such line.
    """
    lines: dict[str, list[str]] = {}
    for term in filter(None, (part.strip() for part in text.split(","))):
        subject, equals, pattern = term.partition("=")
        if not equals or not subject.strip() or not pattern.strip():
            raise ValueError(f"{term!r} is not `subject=pattern`")
        lines.setdefault(subject.strip(), []).append(pattern.strip())
    return _as_when(lines)


def tag_selector(text: str) -> dict[str, tuple[str, ...]]:
    """Read `component=checkout,env=prod` as tags that must all match.

    Raises:
        ValueError: not such a text.
    """
    return selector(",".join(f"{TAG}{part.strip()}" for part in text.split(",") if part.strip()))


def _as_when(lines: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    try:
        when = When.model_validate(lines)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else str(first["msg"])) from None
    return dict(when.conditions())
