"""The audit log: who did what, in a chain of hashes in which no row can be changed unnoticed.

A row's hash is the SHA-256 of its canonical JSON, the hash of the row before it included.
Whoever keeps the hash of one row can tell later whether it, or any row before it, was
changed, taken out or put in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

Detail = Mapping[str, object]
"""What else is known of an act: texts, numbers and truths, flat, so that it reads as a line."""

BEGIN = "0" * 64
"""What the first row names as the hash before it."""

SHORT = 12
"""Digits of a hash that messages show: too many to be hit by chance."""

_VERSION = 1


class Surface(StrEnum):
    """By which way somebody acted."""

    CLI = "cli"
    HTTP = "http"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and how.

    Attributes:
        name: the kernel's user (`os:lee`), a token (`token:ID`), the identity that a proxy
            named, or `costd` for what the daemon does by itself.
        surface: by which way.
    """

    name: str
    surface: Surface


PROGRAM = Actor(name="costd", surface=Surface.DAEMON)
"""The daemon, acting by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that was done.

    Attributes:
        by: who did it.
        action: what, as `noun.verb`: `token.created`.
        subject: to what.
        detail: what else is worth knowing; never a secret.
    """

    by: Actor
    action: str
    subject: str
    detail: Detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the log, as it is stored.

    Attributes:
        seq: its number, from 1, without gaps.
        at: when (UTC).
        actor: who.
        surface: by which way.
        action: what.
        subject: to what.
        detail: canonical JSON.
        previous: the hash of the row before it.
        hash: its own.
    """

    seq: int
    at: datetime
    actor: str
    surface: str
    action: str
    subject: str
    detail: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The newest row: whoever keeps it can prove later what came before it.

    Attributes:
        count: how many rows there are.
        hash: that of the newest; `BEGIN` if there is none.
    """

    count: int
    hash: str

    def __str__(self) -> str:
        """Write it as messages do: `1204:9c41e2f0b7d1`."""
        return f"{self.count}:{self.hash[:SHORT]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The first row that does not fit.

    Attributes:
        seq: its number.
        reason: what is wrong with it.
    """

    seq: int
    reason: str


def canonical(value: object) -> str:
    """Give JSON in its one form: keys sorted, no spaces, nothing escaped that need not be."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def instant(at: datetime) -> str:
    """Give an instant as the hash reads it: `2026-11-20T08:00:00.000000Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hash_of(entry: Entry) -> str:
    """Give the hash that a row must have.

    Raises:
        ValueError: its detail is no JSON.
    """
    told = {
        "v": _VERSION,
        "seq": entry.seq,
        "at": instant(entry.at),
        "actor": entry.actor,
        "surface": entry.surface,
        "action": entry.action,
        "subject": entry.subject,
        "detail": json.loads(entry.detail),
        "previous": entry.previous,
    }
    return sha256(canonical(told).encode("utf-8", "surrogatepass")).hexdigest()


def first_broken(
    entries: Iterable[Entry], heads: Iterable[tuple[int, str]] = ()
) -> tuple[Head, Broken | None]:
    """Recompute a chain from its first row; give where it ends, and the first row that does not fit.

    `heads` are what messages showed: at that row the hash must begin like that.
    """
    known = dict(heads)
    head = Head(count=0, hash=BEGIN)
    for entry in entries:
        reason = _wrong(entry, head, known.pop(entry.seq, ""))
        if reason:
            return head, Broken(seq=head.count + 1, reason=reason)
        head = Head(count=entry.seq, hash=entry.hash)
    if known:
        missing = min(known)
        return head, Broken(seq=missing, reason="it is missing, though its hash was shown once")
    return head, None


def _wrong(entry: Entry, head: Head, shown: str) -> str:
    if entry.seq != head.count + 1:
        return f"it is missing: the next row is number {entry.seq}"
    if entry.previous != head.hash:
        return "it does not follow the row before it"
    try:
        fits = hash_of(entry) == entry.hash and canonical(json.loads(entry.detail)) == entry.detail
    except ValueError:
        fits = False
    if not fits:
        return "its content was changed: it does not give its hash"
    if not entry.hash.startswith(shown):
        return f"its hash is {entry.hash[:SHORT]}, and was shown as {shown[:SHORT]}"
    return ""
