"""FOCUS files below a folder, grouped into the sources that one would configure for them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from collectors.focus.glance import Glanced, glance, may_hold_charges
from config.source import RESERVED_NAMES

PROVIDERS = frozenset({"aws", "azure", "gcp", "google", "oci", "oracle", "alibaba", "tencent", "databricks"})
"""Names of folders below a common one that each get a source of their own."""

_PASSED_OVER = frozenset({"node_modules", "var", "venv", "site-packages", "__pycache__"})
_DEPTH = 8
_MOST_ENTRIES = 50_000
_MOST_GLANCES = 300
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


def find_places(folder: Path) -> list[Place]:
    """Look below a folder, hidden and large foreign folders left out, and group what was found."""
    files = [found for path in _candidates(folder) if (found := glance(path)) is not None]
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
    return find_places(path) or _named([(path, [])])


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


def _candidates(folder: Path) -> Iterator[Path]:
    """Give files that may be exports, at most some hundreds, near ones first."""
    entries = given = 0
    for where, folders, names in os.walk(folder):
        depth = len(Path(where).relative_to(folder).parts)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _PASSED_OVER and depth < _DEPTH
        )
        entries += len(names) + len(folders)
        for name in sorted(names):
            path = Path(where) / name
            if may_hold_charges(path.relative_to(folder).as_posix()) and path.is_file():
                yield path
                given += 1
        if entries > _MOST_ENTRIES or given > _MOST_GLANCES:
            return


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
