"""Manifests of AWS: which files one refresh of one month consists of. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from collectors.aws.layouts import Candidate, Form
from collectors.focus.columns import Role, match
from domain.errors import SourceError
from domain.text import shortened

MAX_BYTES = 16 * 2**20
_LISTS = ("reportKeys", "dataFiles", "dataFileKeys", "files")
_IN_LIST = ("key", "s3Key", "path", "s3Uri", "uri", "filePath", "name")
_MONTH = re.compile(r"(\d{4})-?(\d{2})", re.ASCII)
_SHOWN = 120


class ManifestError(SourceError):
    """A manifest cannot be used; the message says why and does not repeat its name."""

    code = "manifest_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One refresh of one month.

    Attributes:
        candidate: where the manifest is.
        keys: its files, relative to the prefix; all of them are below it.
        account: the payer, "" if it does not say.
        refresh: which refresh it is (assembly or execution id), "" if it does not say.
        arn: of the export, "" if it does not say.
        version: what its columns are: `1.2` of FOCUS, `CUR 2.0`, `CUR`, or "" if it names none.
    """

    candidate: Candidate
    keys: tuple[str, ...]
    account: str = ""
    refresh: str = ""
    arn: str = ""
    version: str = ""

    @property
    def period(self) -> str:
        """Give the month."""
        return self.candidate.period


def parse(
    content: bytes, candidate: Candidate, bucket: str, key_below: Callable[[str], str | None]
) -> Manifest:
    """Read a manifest; `key_below` gives a key relative to the prefix, None if it is not below it.

    Raises:
        ManifestError: it is none, is of another month, or names a file elsewhere.
    """
    said = _content(content)
    period = _period(said)
    if period not in {"", candidate.period}:
        raise ManifestError(f"is in the folder of {candidate.period} but says it is of {period}")
    if isinstance(said.get("bucket"), str) and said["bucket"] not in {"", bucket}:
        raise ManifestError(
            f"names the bucket {shortened(said['bucket'], _SHOWN)}; only files of {bucket} are read"
        )
    keys = []
    for named in _named(said):
        key = key_below(_key(named, bucket))
        if key is None:
            raise ManifestError(
                f"names {shortened(named, _SHOWN)}, which is not below the configured bucket and prefix"
            )
        keys.append(key)
    if len(set(keys)) < len(keys):
        raise ManifestError("names a file twice")
    return Manifest(
        candidate=candidate,
        keys=tuple(keys),
        account=_text(said, "account", "accountId", "payerAccountId"),
        refresh=_text(said, "assemblyId", "executionId"),
        arn=_text(said, "exportArn"),
        version=_version(said, candidate),
    )


def _content(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not any(isinstance(said.get(name), list) for name in _LISTS):
        raise ManifestError("is no manifest of a cost export: it lists no files")
    return said


def _named(said: Mapping[str, Any]) -> Iterator[str]:
    for entry in next(said[name] for name in _LISTS if isinstance(said.get(name), list)):
        text = entry
        if isinstance(entry, dict):
            text = next((entry[name] for name in _IN_LIST if isinstance(entry.get(name), str)), None)
        if not isinstance(text, str) or not text.strip():
            raise ManifestError("names a file without a name")
        yield text.strip()


def _key(named: str, bucket: str) -> str:
    """Give the key in the bucket of a file that may be named by URL; a file elsewhere keeps its URL."""
    own = f"s3://{bucket}/"
    key = named.removeprefix(own)
    # Keys of partitions are written with `=` as it is or as `%3D`.
    return unquote(key) if "%3D" in key.upper() else key


def _period(said: Mapping[str, Any]) -> str:
    span = said.get("billingPeriod")
    start = span.get("start") if isinstance(span, dict) else span
    match = _MONTH.match(start) if isinstance(start, str) else None
    return f"{match[1]}-{match[2]}" if match else ""


def _version(said: Mapping[str, Any], candidate: Candidate) -> str:
    if candidate.export.form is Form.LEGACY:
        return "CUR"
    named = said.get("columns")
    columns = [
        str(column.get("name") or "") if isinstance(column, dict) else str(column)
        for column in (named if isinstance(named, list) else [])
    ]
    if not columns:
        return ""
    understood = match(columns)
    return understood.version if understood.role is Role.CHARGES else "CUR 2.0"


def _text(said: Mapping[str, Any], *names: str) -> str:
    found = next((said[name] for name in names if isinstance(said.get(name), str)), "")
    return shortened(found, _SHOWN)
