"""FOCUS files below a folder, grouped into the sources that one would configure for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from collectors.focus.glance import Glanced, glance, may_hold_charges
from config.source import RESERVED_NAMES

PROVIDERS = frozenset({"aws", "azure", "gcp", "google", "oci", "oracle", "alibaba", "tencent", "databricks"})
"""Names of folders below a common one that each get a source of their own."""

_PASSED_OVER = frozenset({"node_modules", "var", "venv", "site-packages", "__pycache__"})
_DEPTH = 8
_MOST_ENTRIES = 50_000
_MOST_GLANCES = 2_000
_SAMPLE_BYTES = 256 * 2**20
_SAMPLE_FILES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One source to configure.

    Attributes:
        name: of the source.
        path: absolute folder or file, or an `s3://` address.
        files: what was seen there; empty for a bucket, which is not looked into.
    """

    name: str
    path: str
    files: tuple[Glanced, ...] = ()

    @property
    def is_bucket(self) -> bool:
        """Say whether it is in S3."""
        return self.path.startswith("s3://")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was found below a folder.

    Attributes:
        places: sources to configure.
        is_whole: everything was looked at; else the folder was too large, and only what lies near was.
    """

    places: list[Place]
    is_whole: bool


def search(folder: Path) -> Search:
    """Look below a folder, hidden and large foreign folders left out, and group what was found."""
    candidates, is_whole = _candidates(folder)
    files = [found for path in candidates if (found := glance(path)) is not None]
    return Search(places=_grouped(files, folder), is_whole=is_whole)


def _grouped(files: list[Glanced], folder: Path) -> list[Place]:
    if not files:
        return []
    if len(files) == 1 and files[0].path.parent == folder:
        return _named([(files[0].path, files)])
    common = Path(os.path.commonpath([file.path.parent for file in files]))
    children = sorted({file.path.relative_to(common).parts[0] for file in files})
    if {child.lower() for child in children} <= PROVIDERS and all((common / c).is_dir() for c in children):
        groups = [
            (common / child, [file for file in files if (common / child) in file.path.parents])
            for child in children
        ]
        return _named(groups)
    return _named([(common, files)])


def place_of(text: str, folder: Path) -> list[Place]:
    """Give the places that a user names: a bucket, a file, or what is found below a folder."""
    if text.startswith("s3://"):
        bucket, _, prefix = text.removeprefix("s3://").strip("/").partition("/")
        return [Place(name=_slug(bucket), path=f"s3://{bucket}/{prefix}".rstrip("/"))]
    path = (folder / Path(text).expanduser()).absolute()
    if path.is_file():
        found = glance(path)
        return _named([(path, [found] if found else [])])
    return search(path).places or _named([(path, [])])


def named_places(texts: Iterable[str], folder: Path) -> tuple[Place, ...]:
    """Give the places that several texts name, each with a name of its own; empty texts name none."""
    places = [place for text in texts if text.strip() for place in place_of(text.strip(), folder)]
    names = [place.name for place in places]
    return tuple(
        replace(place, name=f"{place.name}-{number}") if names.count(place.name) > 1 else place
        for number, place in enumerate(places, start=1)
    )


def sample(places: Sequence[Place]) -> list[Glanced]:
    """Choose the newest files to look into, as many as are read within seconds."""
    files = sorted((file for place in places for file in place.files), key=lambda file: -file.modified_ns)
    chosen: list[Glanced] = []
    size = 0
    for file in files[:_SAMPLE_FILES]:
        if chosen and size + file.size > _SAMPLE_BYTES:
            continue
        chosen.append(file)
        size += file.size
    return chosen


def _candidates(folder: Path) -> tuple[list[Path], bool]:
    """Give files that may be exports, near ones first, and whether those are all there are."""
    found: list[Path] = []
    entries, level = 0, [folder]
    for _ in range(_DEPTH + 1):
        deeper: list[Path] = []
        for where in level:
            folders, files = _listed(where)
            entries += len(folders) + len(files)
            deeper += folders
            found += [file for file in files if may_hold_charges(file.relative_to(folder).as_posix())]
            if entries > _MOST_ENTRIES or len(found) > _MOST_GLANCES:
                return found[:_MOST_GLANCES], False
        level = deeper
    return found, not level


def _listed(where: Path) -> tuple[list[Path], list[Path]]:
    """Give the folders and the files in a folder, by name; what cannot be listed has none."""
    try:
        with os.scandir(where) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
            folders = [
                entry.path
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
                and not entry.name.startswith(".")
                and entry.name not in _PASSED_OVER
            ]
            return [Path(path) for path in folders], [Path(one.path) for one in entries if _is_file(one)]
    except OSError:
        return [], []


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself, or into what may not be looked at
        return False


def _named(groups: Sequence[tuple[Path, list[Glanced]]]) -> list[Place]:
    """Give each group a name of its own."""
    taken: set[str] = set()
    places = []
    for path, files in groups:
        stem = path.name.split(".")[0] if path.is_file() else path.name
        name = base = _slug(stem)
        number = 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name)
        places.append(Place(name=name, path=str(path), files=tuple(files)))
    return places


def _slug(text: str) -> str:
    """Give a text as the name of a source."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:30].strip("-")
    return name if name and name not in RESERVED_NAMES else f"bills-{name}".rstrip("-")
