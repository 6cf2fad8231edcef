"""Which files of a listing hold the charges of which delivery. Pure but for reading manifests."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from collectors.stores.interface import Stored
from domain.text import printable

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".parq", ".pq")
_TEMPORARY = re.compile(r"(^[~#]|~$|\.(tmp|temp|part|partial|filepart|crdownload|swp)$)", re.IGNORECASE)
_OCI = re.compile(r"(^|/)FOCUS Reports/\d{4}/\d{2}/\d{2}/[^/]+\.csv\.gz$")
_HIVE = re.compile(r"(?:^|/)billing_?period=(\d{4})-?(\d{2})(?:-?\d{2})?(?:/|$)", re.IGNORECASE)
_HIVE_PARTS = re.compile(r"(?:^|/)year=(\d{4})/month=(\d{1,2})(?:/|$)", re.IGNORECASE)
_RANGE = re.compile(r"(?:^|/)(\d{4})(\d{2})\d{2}-\1\2\d{2}(?:/|$)")

Read = Callable[[Stored], bytes]


class Layout(StrEnum):
    """How a provider lays its export files out."""

    AUTO = "auto"
    AZURE = "azure"
    OCI = "oci"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file that holds charges.

    Attributes:
        file: as listed.
        run: key of the manifest that vouches for it, or "".
        size: bytes that the manifest promises, packed or not, None if there is no such promise.
        rows: rows that the manifest promises, None if there is no such promise.
        version: FOCUS version that the manifest names, or "".
        period: billing period (`YYYY-MM`) that its path names, or "".
    """

    file: Stored
    run: str = ""
    size: int | None = None
    rows: int | None = None
    version: str = ""
    period: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A delivery that must not be read.

    Attributes:
        period: billing period it is for, "" if that cannot be known.
        reason: one sentence.
    """

    period: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a listing offers."""

    layout: Layout
    parts: tuple[Part, ...]
    refused: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()


def select(files: Sequence[Stored], layout: Layout, read: Read, *, single: bool = False) -> Selection:
    """Choose the files to read; `single` says that the path named one file."""
    from collectors.focus.azure import azure, is_azure

    if layout is Layout.AUTO and not single:
        layout = Layout.PLAIN
        if any(_OCI.search(file.key) for file in files):
            layout = Layout.OCI
        elif is_azure(files, read):
            layout = Layout.AZURE
    if layout is Layout.AZURE:
        return azure(files, read)
    if layout is Layout.OCI:
        return _oci(files)
    return _plain(files, single=single)


def _oci(files: Sequence[Stored]) -> Selection:
    parts = tuple(Part(file=file) for file in files if _OCI.search(file.key))
    others = sum(1 for file in files if is_candidate(file.key)) - len(parts)
    told = "1 file outside `FOCUS Reports/YYYY/MM/DD/` is left out"
    if others > 1:
        told = f"{others:,} files outside `FOCUS Reports/YYYY/MM/DD/` are left out"
    notes = (told,) if others > 0 else ()
    return Selection(layout=Layout.OCI, parts=parts, notes=notes)


def _plain(files: Sequence[Stored], *, single: bool) -> Selection:
    chosen = files if single else [file for file in files if is_candidate(file.key)]
    parts = tuple(Part(file=file, period=named_period(file.key)) for file in chosen)
    notes = []
    if any("_delta_log" in file.key.split("/") for file in files):
        notes.append(
            "the folder holds a Delta table; its files are read as plain Parquet, also those that "
            "the table no longer counts: export it to a folder of its own instead"
        )
    if packed := [file.key for file in files if file.key.lower().endswith((".zip", ".xlsx", ".csv.bz2"))]:
        notes.append(f"{len(packed)} packed files are left out, e.g. {printable(packed[0])}: unpack them")
    return Selection(layout=Layout.PLAIN, parts=parts, notes=tuple(notes))


def is_candidate(key: str) -> bool:
    """Say whether a file may hold charges: no hidden, temporary or foreign one."""
    parts = key.split("/")
    if any(part.startswith((".", "_")) for part in parts) or _TEMPORARY.search(parts[-1]):
        return False
    return parts[-1].lower().endswith(ENDINGS)


def named_period(key: str) -> str:
    """Give the billing period that a path names, e.g. `billing_period=2026-06/`, or ""."""
    for pattern in (_HIVE, _HIVE_PARTS, _RANGE):
        match = pattern.search(key)
        if match and 1 <= int(match[2]) <= 12:
            return f"{match[1]}-{int(match[2]):02d}"
    return ""
