"""A prefix of an S3 bucket as a store; boto3 stays behind this door."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from collectors.interface import Health, Probe
from collectors.stores.endpoints import refuse_link_local
from collectors.stores.interface import ChangedError, Stored
from collectors.stores.spool import Spool
from domain.errors import CostdError, SourceError
from domain.probe import instant_of
from domain.text import printable

if TYPE_CHECKING:
    from config.settings import S3

_GONE = {"NoSuchKey", "NoSuchVersion", "404", "PreconditionFailed", "412"}
_COPY_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bucket and the prefix (without slashes around it) that costd may read."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Place:
        """Read `s3://bucket/prefix`."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return cls(bucket=bucket, prefix=prefix.strip("/"))


class _Clock:
    """What the store's own clock said with its last answer."""

    def __init__(self) -> None:
        self.told: datetime | None = None

    def note(self, http_response: Any, **_: Any) -> None:
        """Take note of an answer."""
        self.told = instant_of(http_response.headers.get("date", "")) or self.told


class S3Store:
    """Objects below a prefix, or one object; read as temporary copies of exactly what was listed."""

    def __init__(self, url: str, options: S3, *, scratch: Path | None = None) -> None:
        self._place = Place.parse(url)
        self._options = options
        self._scratch = scratch
        self._single = False
        self._made: Any = None
        self._copies: Spool | None = None
        self._clock = _Clock()

    @property
    def root(self) -> str:
        """Give the URL as the user wrote it."""
        return printable(f"s3://{self._place.bucket}/{self._place.prefix}".rstrip("/"))

    def path_of(self, key: str) -> str:
        """Give the URL of an object."""
        return printable(f"s3://{self._place.bucket}/{self._full(key)}")

    def files(self) -> list[Stored]:
        """List every object below the prefix, page by page, sorted by key."""
        prefix = self._place.prefix
        found = list(self._listed(f"{prefix}/" if prefix else ""))
        if not found and prefix:
            self._single = True
            found = list(self._listed(prefix, only=prefix))
        return sorted(found, key=lambda file: file.key)

    def again(self, key: str) -> Stored | None:
        """Look at one object anew; None if it is gone."""
        full = self._full(key)
        return next(self._listed(full, only=full), None)

    @contextmanager
    def opened(self, file: Stored) -> Iterator[BufferedReader]:
        """Open a copy of the object with the ETag that the listing showed; no other is ever read."""
        spool, name = self._spool(), _name(file)
        path = spool.copy(name, lambda target: self._download(file, target))
        with path.open("rb") as handle:
            yield handle
        spool.release(name)

    def done(self, file: Stored) -> None:
        """Delete the copy of an object that was read for good."""
        self._spool().forget(_name(file))

    def tag_of(self, file: Stored, handle: BufferedReader) -> str:  # noqa: ARG002 -- the copy is the object of this ETag
        """Give the ETag, which S3 changes with the content."""
        return file.stamp

    def probe(self) -> list[Probe]:
        """Look whether listing and reading are allowed."""
        subject = f"s3:ListBucket on {self.root}"
        try:
            files = self.files()
        except CostdError as error:
            return [self._probe(subject, error)]
        probes = [self._probe(f"{subject}: {len(files):,} objects listed")]
        if files:
            newest = max(files, key=lambda file: file.modified)
            probes.append(self._probe_reading(newest))
        return probes

    def _probe_reading(self, file: Stored) -> Probe:
        subject = f"s3:GetObject on {self.path_of(file.key)}, the newest object, of "
        subject += f"{file.modified:%Y-%m-%d %H:%M} UTC"
        try:
            span = {"Range": "bytes=0-0"} if file.size else {}
            self._call("get_object", file.key, **span)["Body"].close()
        except CostdError as error:
            return self._probe(subject, error)
        return self._probe(subject)

    def _probe(self, subject: str, error: CostdError | None = None) -> Probe:
        told = self._clock.told
        if error is None:
            return Probe(subject=subject, health=Health.OK, server_time=told)
        fix = error.hint or f"check `path` and `s3` of this source: {self.root}"
        return Probe(subject=subject, health=Health.FAIL, breaks=str(error), fix=fix, server_time=told)

    def _full(self, key: str) -> str:
        prefix = self._place.prefix
        if self._single or not prefix:
            return prefix or key
        return f"{prefix}/{key}"

    def _key(self, full: str) -> str:
        if self._single:
            return full.rsplit("/", 1)[-1]
        return full[len(self._place.prefix) + 1 :] if self._place.prefix else full

    def _listed(self, prefix: str, only: str = "") -> Iterator[Stored]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            pages = self._client().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._place.bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    is_mark = entry["Key"].endswith("/")  # of a folder, set by the console
                    if not is_mark and only in {"", entry["Key"]}:
                        yield self._stored(entry)
        except (BotoCoreError, ClientError) as error:
            raise self._told(error, f"{self.root} cannot be listed", "s3:ListBucket") from error

    def _stored(self, entry: dict[str, Any]) -> Stored:
        return Stored(
            key=self._key(entry["Key"]),
            size=entry["Size"],
            stamp=f"etag:{entry['ETag'].strip(chr(34))}",
            modified=entry["LastModified"].astimezone(UTC),
        )

    def _download(self, file: Stored, target: BinaryIO) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        body = self._call("get_object", file.key, IfMatch=f'"{file.stamp.removeprefix("etag:")}"')["Body"]
        try:
            shutil.copyfileobj(body, target, _COPY_BYTES)
        except (BotoCoreError, ClientError) as error:
            raise self._told(error, f"{self.path_of(file.key)} broke off", "s3:GetObject") from error
        finally:
            body.close()
        if target.tell() != file.size:
            raise ChangedError(
                f"{self.path_of(file.key)} gave {target.tell():,} bytes where {file.size:,} were listed"
            )

    def _call(self, operation: str, key: str, **arguments: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            call = getattr(self._client(), operation)
            answer: dict[str, Any] = call(Bucket=self._place.bucket, Key=self._full(key), **arguments)
        except (BotoCoreError, ClientError) as error:
            if _code(error) in _GONE:
                raise ChangedError(f"{self.path_of(key)} changed since it was listed") from error
            raise self._told(error, f"{self.path_of(key)} cannot be read", "s3:GetObject") from error
        return answer

    def _told(self, error: Exception, what: str, permission: str) -> SourceError:
        code = _code(error)
        bucket = self._place.bucket
        hints = {
            "AccessDenied": f"allow {permission} on arn:aws:s3:::{bucket}"
            + ("" if permission == "s3:ListBucket" else "/*")
            + " (and kms:Decrypt if the bucket is encrypted with a key of yours)",
            "NoSuchBucket": "correct `path` of this source",
            "InvalidObjectState": "restore the object from its archive storage class first",
            "NoCredentialsError": "set `s3.access_key_id` and `s3.secret_access_key`, or give costd a role",
            "RequestTimeTooSkewed": "set this machine's clock, e.g. by NTP: S3 refuses more than 15 minutes",
            "EndpointConnectionError": "check `s3.endpoint_url`, the region and the network",
        }
        expired = (
            "the credentials are wrong or expired; renew them" if "Token" in code or "Key" in code else ""
        )
        return SourceError(f"{what}: {code}", hint=hints.get(code, expired))

    def _client(self) -> Any:
        if self._made is None:
            import boto3
            from botocore.config import Config

            options = self._options
            refuse_link_local(options.endpoint_url)
            keys = {
                "aws_access_key_id": options.access_key_id,
                "aws_secret_access_key": options.secret_access_key,
                "aws_session_token": options.session_token,
            }
            self._made = boto3.session.Session().client(
                "s3",
                endpoint_url=options.endpoint_url,
                region_name=options.region,
                config=Config(
                    retries={"mode": "standard", "max_attempts": 5}, connect_timeout=10, read_timeout=60
                ),
                **{name: secret.reveal() for name, secret in keys.items() if secret is not None},
            )
            # The client keeps what it calls, so it is given no way back to us and our copies.
            self._made.meta.events.register("after-call.s3", self._clock.note)
        return self._made

    def _spool(self) -> Spool:
        if self._copies is None:
            self._copies = Spool(self._scratch)
        return self._copies


def _name(file: Stored) -> str:
    return f"{file.key}\n{file.stamp}"


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return printable(str(response.get("Error", {}).get("Code") or type(error).__name__))
