"""The bucket that AWS delivers bills to: walked by folders, never listed whole, read by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from collectors.aws.access import Access
from collectors.aws.refusals import Asked, code_of, sdk_errors, told
from collectors.stores.interface import ChangedError, Stored
from collectors.stores.s3 import S3Store
from config.settings import S3
from domain.errors import SourceError

_GONE = {"NoSuchKey", "404", "NotFound"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What is directly below a folder.

    Attributes:
        folders: names of the folders in it.
        files: the objects in it, without those in its folders.
    """

    folders: tuple[str, ...]
    files: tuple[Stored, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headed:
    """One object as `HeadObject` shows it.

    Attributes:
        file: key, size, ETag and time.
        version: its version id, "" in a bucket without versions.
    """

    file: Stored
    version: str = ""

    @property
    def tag(self) -> str:
        """Give what proves it unchanged."""
        return f"{self.file.stamp} version:{self.version}" if self.version else self.file.stamp


class ExportBucket(S3Store):
    """Objects below one prefix of a bucket; keys are relative to it, and nothing else is ever asked for."""

    def __init__(self, bucket: str, prefix: str, access: Access, *, scratch: Path | None = None) -> None:
        super().__init__(f"s3://{bucket}/{prefix.strip('/')}".rstrip("/"), S3(), scratch=scratch)
        self._access = access

    @property
    def server_time(self) -> datetime | None:
        """Give the time that S3 told with its last answer."""
        return self._clock.told

    @property
    def name(self) -> str:
        """Give the name of the bucket."""
        return self._place.bucket

    def key_below(self, full: str) -> str | None:
        """Give a key of the bucket relative to the prefix; None if it is not below it."""
        prefix = f"{self._place.prefix}/" if self._place.prefix else ""
        below = full.removeprefix(prefix)
        if (prefix and below == full) or not below or below.startswith("/"):
            return None
        return None if any(part in {"", ".", ".."} for part in below.split("/")) else below

    def look(self, folder: str) -> Listing:
        """List what is directly in a folder (relative, no slash at its end; "" is the prefix itself)."""
        full = self._full(folder) if folder else self._place.prefix
        start = f"{full}/" if full else ""
        folders: list[str] = []
        files: list[Stored] = []
        for page in self._pages(start, Delimiter="/"):
            folders += [entry["Prefix"][len(start) : -1] for entry in page.get("CommonPrefixes", ())]
            files += [self._stored(entry) for entry in _objects(page)]
        return Listing(folders=tuple(sorted(folders)), files=tuple(files))

    def below(self, folder: str) -> list[Stored]:
        """List everything below a folder."""
        return [
            self._stored(entry) for page in self._pages(f"{self._full(folder)}/") for entry in _objects(page)
        ]

    def head(self, key: str) -> Headed | None:
        """Ask for the size and mark of one object; None if there is none."""
        try:
            answer = self._client().head_object(Bucket=self.name, Key=self._full(key))
        except sdk_errors() as error:
            if code_of(error) in _GONE:
                return None
            raise self._told(error, f"{self.path_of(key)} cannot be read", "s3:GetObject") from error
        file = Stored(
            key=key,
            size=answer["ContentLength"],
            stamp=f"etag:{answer['ETag'].strip(chr(34))}",
            modified=answer["LastModified"].astimezone(UTC),
        )
        version = str(answer.get("VersionId") or "")
        return Headed(file=file, version="" if version == "null" else version)

    def read(self, file: Stored, most: int) -> bytes:
        """Give the content of a small object that must be what was listed.

        Raises:
            ChangedError: it is something else by now.
            SourceError: it cannot be read, or is larger than `most` bytes.
        """
        if file.size > most:
            raise SourceError(f"{self.path_of(file.key)} has {file.size:,} bytes; that is no manifest")
        body = self._call("get_object", file.key, IfMatch=f'"{file.stamp.removeprefix("etag:")}"')["Body"]
        try:
            content: bytes = body.read()
        except sdk_errors() as error:
            raise self._told(error, f"{self.path_of(file.key)} broke off", "s3:GetObject") from error
        finally:
            body.close()
        if len(content) != file.size:
            raise ChangedError(f"{self.path_of(file.key)} changed since it was listed")
        return content

    def touch(self, file: Stored) -> None:
        """Read the first byte of an object, which takes what reading it whole takes.

        Raises:
            SourceError: it cannot be read.
        """
        span = {"Range": "bytes=0-0"} if file.size else {}
        self._call("get_object", file.key, **span)["Body"].close()

    def derived(self, file: Stored, make: Callable[[BinaryIO], None]) -> Path:
        """Give a temporary file that `make` writes from an object, kept until `done`."""
        return self._spool().copy(f"{file.key}\n{file.stamp}\nunpacked", make)

    def undo(self, file: Stored) -> None:
        """Delete what was derived from an object."""
        self._spool().forget(f"{file.key}\n{file.stamp}\nunpacked")

    def _pages(self, start: str, **how: str) -> Any:
        try:
            pages = self._client().get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self.name, Prefix=start, **how)
        except sdk_errors() as error:
            raise self._told(error, f"{self.root} cannot be listed", "s3:ListBucket") from error

    def _call(self, operation: str, key: str, **arguments: Any) -> dict[str, Any]:
        try:
            return super()._call(operation, key, **arguments)
        except sdk_errors() as error:
            raise self._told(error, f"{self.path_of(key)} cannot be read", "s3:GetObject") from error

    def _told(self, error: Exception, what: str, permission: str) -> SourceError:
        arn = f"arn:{self._access.partition}:s3:::{self.name}"
        objects = f"{arn}/{self._place.prefix}/*" if self._place.prefix else f"{arn}/*"
        resource = arn if permission == "s3:ListBucket" else objects
        return told(
            error, Asked(what=what, permission=permission, resource=resource, assumed=self._access.role)
        )

    def _client(self) -> Any:
        if self._made is None:
            self._made = self._access.client("s3")
            self._made.meta.events.register("after-call.s3", self._clock.note)
        return self._made


def _objects(page: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in page.get("Contents", ()) if not entry["Key"].endswith("/")]
