"""Rules that live outside costd.yaml: catalogues and CODEOWNERS files, from their text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from attribution.catalog import Catalog
from attribution.catalog_files import parse_catalogs
from attribution.codeowners import Codeowners, parse_codeowners
from attribution.faults import SourceFault


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSources:
    """Rules that live outside costd.yaml, already parsed.

    Attributes:
        catalog: Backstage entities.
        codeowners: CODEOWNERS files, one per repository.
    """

    catalog: Catalog = field(default_factory=Catalog)
    codeowners: tuple[Codeowners, ...] = ()

    def canonical(self) -> dict[str, Any]:
        """Give what decides, for the hash of the rules."""
        return {
            "catalog": self.catalog.canonical(),
            "codeowners": [file.canonical() for file in self.codeowners],
        }

    def subjects(self) -> Iterator[str]:
        """Give what selectors ask of a resource."""
        for entity in self.catalog.entities:
            yield from entity.when

    @property
    def reads_repositories(self) -> bool:
        """Tell whether a repository named in a tag may decide."""
        return bool(self.codeowners) or any(entity.repository for entity in self.catalog.entities)


def parse_sources(
    catalogs: Mapping[str, str], codeowners: Iterable[tuple[str, str, str]] = ()
) -> tuple[RuleSources, list[SourceFault]]:
    """Give the rules of catalogue files ({path: text}) and of CODEOWNERS files, and their faults.

    `codeowners` holds (repository, path, text). A fault leaves one entry out, never a file.
    """
    catalog, faults = parse_catalogs(catalogs)
    files: list[Codeowners] = []
    for repository, path, text in codeowners:
        file, more = parse_codeowners(repository, path, text)
        files.append(file)
        faults += more
    known = tuple(file.repository for file in files)
    return RuleSources(
        catalog=catalog, codeowners=tuple(replace(file, known=known) for file in files)
    ), faults
