"""Reads the catalogue and CODEOWNERS files that ownership rules name."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from domain.errors import ConfigError

if TYPE_CHECKING:
    from attribution.faults import SourceFault
    from attribution.sources import RuleSources
    from config.settings import Settings

MAX_BYTES = 4 * 1024 * 1024
"""Longest file read; a CODEOWNERS file that GitHub takes is at most 3 MB."""

MAX_FILES = 5_000
"""Most catalogue files; more is a pattern that caught a whole disk."""


def read_sources(settings: Settings) -> tuple[RuleSources, list[SourceFault]]:
    """Give the rules from the files the configuration names, and what of them was left out.

    A file that a pattern caught is left out where it cannot be read: nobody asked for it by name.

    Raises:
        ConfigError: a file that is named cannot be read; a line for each of them.
    """
    from attribution.faults import SourceFault
    from attribution.sources import parse_sources

    owners = settings.ownership
    catalogs: dict[str, str] = {}
    left_out: list[SourceFault] = []
    unread: list[ConfigError] = []
    for pattern in owners.catalogs:
        found = list(_matching(settings.folder, pattern))
        if not found:
            left_out.append(SourceFault(file=str(pattern), line=0, message="no catalogue file matches"))
        for path in found:
            try:
                catalogs[str(path)] = _text(path, "catalogue")
            except ConfigError as error:
                if path == pattern:
                    unread.append(error)
                else:
                    left_out.append(SourceFault(file=str(path), line=0, message=f"{error}; {error.hint}"))
        if len(catalogs) > MAX_FILES:
            raise ConfigError(
                f"ownership.catalogs names more than {MAX_FILES} files", hint="write a narrower pattern"
            )
    files = list(_codeowners(settings, unread))
    if unread:
        raise ConfigError("\n".join(map(str, unread)), hint=unread[0].hint)
    sources, faults = parse_sources(catalogs, files)
    return sources, [*left_out, *faults]


def _codeowners(settings: Settings, unread: list[ConfigError]) -> Iterator[tuple[str, str, str]]:
    for file in settings.ownership.codeowners:
        try:
            yield file.repository, str(file.path), _text(file.path, "CODEOWNERS")
        except ConfigError as error:
            unread.append(error)


def _matching(folder: Path, pattern: Path) -> Iterator[Path]:
    """Give the files of a pattern in sorted order; a plain path gives itself, there or not."""
    below = pattern.relative_to(folder) if pattern.is_relative_to(folder) else pattern
    if not glob.has_magic(str(below)):
        yield pattern
        return
    for found in sorted(glob.iglob(str(below), root_dir=folder, recursive=True)):  # noqa: PTH207  # Path.glob is never absolute
        if (folder / found).is_file():
            yield folder / found


def _text(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{what} file {path} is not UTF-8 text", hint="save it as UTF-8") from None
    except OSError as error:
        hint = "correct its path under `ownership:`; relative paths start at costd.yaml's folder"
        raise ConfigError(f"{what} file {path} cannot be read: {error.strerror}", hint=hint) from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{what} file {path} is larger than 4 MiB", hint="name a smaller one")
    return text
