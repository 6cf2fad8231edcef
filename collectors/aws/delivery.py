"""One refresh of one month as it lies in the bucket: its manifest, and every file looked at by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from collectors.aws.bucket import ExportBucket, Headed
from collectors.aws.layouts import Candidate
from collectors.aws.manifests import MAX_BYTES, Manifest, ManifestError, parse
from domain.delivery import Cursor
from domain.text import printable

FORMAT = 1
"""Raised when a cursor would be read differently; then every month is looked at anew."""

EXPORT = "export"
"""`origin` in the cursor of a month that an export delivered."""

EXPLORER = "cost-explorer"
"""`origin` in the cursor of a month that Cost Explorer told, until an export delivers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A refresh whose files are all there.

    Attributes:
        manifest: what it consists of.
        files: its files, in the order of the manifest.
    """

    manifest: Manifest
    files: tuple[Headed, ...]

    @property
    def period(self) -> str:
        """Give the month."""
        return self.manifest.period

    @property
    def candidate(self) -> Candidate:
        """Give where its manifest is."""
        return self.manifest.candidate

    @property
    def hash(self) -> str:
        """Give a hash over names and marks of the files: same hash, same data."""
        digest = hashlib.sha256()
        for file in sorted(self.files, key=lambda file: file.file.key):
            for text in (printable(file.file.key), file.tag):
                digest.update(f"{len(text)}:{text}".encode())
        digest.update(self.period.encode())
        return digest.hexdigest()

    def cursor(self) -> dict[str, Any]:
        """Give what is to be remembered of it."""
        manifest = self.candidate.file
        return {
            "format": FORMAT,
            "origin": EXPORT,
            "export": printable(self.candidate.export.name),
            "manifest": printable(manifest.key),
            "stamp": manifest.stamp,
            "refresh": self.manifest.refresh,
            "written": manifest.modified.isoformat(),
            "account": self.manifest.account,
            "files": {printable(file.file.key): file.tag for file in self.files},
        }


def deliver(bucket: ExportBucket, candidate: Candidate) -> Delivered:
    """Read a manifest and look at each file that it names.

    Raises:
        ManifestError: it cannot be used, or a file of it is not there.
        ChangedError: it was replaced since it was listed.
        SourceError: it cannot be read.
    """
    content = bucket.read(candidate.file, MAX_BYTES)
    manifest = parse(content, candidate, bucket.name, bucket.key_below)
    files, missing = [], []
    for key in manifest.keys:
        found = bucket.head(key)
        if found is None:
            missing.append(key)
        else:
            files.append(found)
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        raise ManifestError(f"lists {bucket.path_of(missing[0])}{more}, which is not there")
    return Delivered(manifest=manifest, files=tuple(files))


def is_known(cursor: Cursor | None, candidate: Candidate) -> bool:
    """Tell whether exactly this manifest was stored before."""
    return (
        is_of_export(cursor)
        and cursor is not None
        and cursor["manifest"] == printable(candidate.file.key)
        and cursor["stamp"] == candidate.file.stamp
        # A manifest that says the same of files with the same names has the same ETag.
        and cursor["written"] == candidate.file.modified.isoformat()
    )


def is_of_export(cursor: Cursor | None) -> bool:
    """Tell whether what is stored of a month came with an export."""
    return bool(cursor) and (cursor or {}).get("format") == FORMAT and cursor_origin(cursor) == EXPORT


def cursor_origin(cursor: Cursor | None) -> str:
    """Give by which way a month came, "" if none of it is stored."""
    return str((cursor or {}).get("origin", ""))


def closes_at(cursor: Mapping[str, Any] | None) -> datetime | None:
    """Give from when on a stored month counts as closed; None if it is open."""
    text = (cursor or {}).get("closes_at")
    return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) else None
