"""Manifests of Azure Cost Management: what one run of an export says that it wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from collectors.focus import instants
from collectors.focus.layouts import Read, named_period
from collectors.stores.interface import Stored
from domain.errors import SourceError
from domain.text import shortened

NAMES = ("manifest.json", "_manifest.json")
RANGE = re.compile(r"(?:^|/)(\d{8})-(\d{8})(?:/|$)")
MAX_BYTES = 16 * 2**20

_VERSION = re.compile(r"\d+\.\d+")


class RefusedError(Exception):
    """A run must not be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One file that a manifest names."""

    name: str
    size: int | None
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of an export.

    Attributes:
        key: key of its manifest.
        place: folder of the export.
        scope: what is exported, "" if it does not say: two exports of one scope hold the same charges.
        span: first and last day that it covers, `yyyymmdd`, or two "".
        submitted: when it was submitted; the latest run of a span counts.
        blobs: its files; None while it is not finished.
        version: FOCUS version it names, or "".
        problem: why its manifest cannot be used, or "".
    """

    key: str
    place: str
    scope: str
    span: tuple[str, str]
    submitted: datetime
    blobs: tuple[Blob, ...] | None
    version: str = ""
    problem: str = ""

    @property
    def period(self) -> str:
        """Give the month that it covers, or "" if it covers more than one."""
        return named_period("-".join(self.span))


def read_manifest(file: Stored, read: Read, notes: list[str]) -> Run | None:
    """Read one manifest; None if it is of another kind of export."""
    match = RANGE.search(file.key)
    folder = file.key.rpartition("/")[0]
    run = Run(
        key=file.key,
        place=folder[: match.start()] if match else folder,
        scope="",
        span=(match[1], match[2]) if match else ("", ""),
        submitted=file.modified,
        blobs=None,
    )
    if file.size == 0:
        return run
    try:
        content = content_of(file, read)
        config, info = _section(content, "exportConfig"), _section(content, "runInfo")
        kind = str(config.get("type") or "FocusCost")
        if not kind.lower().startswith("focus") or "commitment" in kind.lower():
            notes.append(f"{shortened(file.key, 120)} is an export of {shortened(kind, 40)} and is left out")
            return None
        named = str(config.get("resourceId") or "").partition("/providers/Microsoft.CostManagement/")[0]
        version = _VERSION.match(str(config.get("dataVersion") or ""))
        return replace(
            run,
            scope=named.lower(),
            span=run.span if match else _span(info),
            submitted=instants.parse(str(info.get("submittedTime") or "")) or file.modified,
            blobs=tuple(_blob(blob) for blob in content["blobs"]),
            version=version[0] if version else "",
        )
    except RefusedError as error:
        return replace(run, blobs=(), problem=str(error))


def _span(info: Mapping[str, Any]) -> tuple[str, str]:
    """Give the days that a run says it covers, for one whose folder was renamed."""
    first, last = (instants.parse(str(info.get(name) or "")) for name in ("startDate", "endDate"))
    return (f"{first:%Y%m%d}", f"{last:%Y%m%d}") if first and last else ("", "")


def content_of(file: Stored, read: Read) -> dict[str, Any]:
    """Read the JSON of a manifest.

    Raises:
        RefusedError: it is no manifest of Cost Management.
    """
    if file.size > MAX_BYTES:
        raise RefusedError(f"{shortened(file.key, 120)} is {file.size:,} bytes long; that is no manifest")
    try:
        content = json.loads(read(file).decode("utf-8-sig"))
    except SourceError as error:
        raise RefusedError(str(error)) from error
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("blobs"), list):
        raise RefusedError(f"{shortened(file.key, 120)} is no manifest of Cost Management")
    return content


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = content.get(name)
    return section if isinstance(section, dict) else {}


def _blob(blob: Any) -> Blob:
    name = blob.get("blobName") if isinstance(blob, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise RefusedError("its manifest names a file without a name")
    return Blob(
        name=name.strip(), size=_number(blob.get("byteCount")), rows=_number(blob.get("dataRowCount"))
    )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
