"""What a source delivers, how far it reaches, and what was refused and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Cursor = dict[str, Any]
"""JSON that a collector gets back, per period, at its next fetch; only it reads it."""


class Freshness(StrEnum):
    """How far a source may be trusted right now."""

    FRESH = "fresh"
    STALE = "stale"
    FAILED = "failed"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How complete a source is.

    Attributes:
        source: name from the configuration.
        freshness: fresh, stale, failed, or never collected.
        delivered_through: charges are complete before this instant (UTC), if known.
        reason: why it is not fresh, or "".
    """

    source: str
    freshness: Freshness
    delivered_through: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file that was read.

    Attributes:
        path: as the user knows it (path or `s3://` key), never with credentials.
        size_bytes: size as stored, compressed or not.
        tag: what proves it unchanged: content hash, ETag or version id.
        rows: rows in it, unreadable ones included; None until read.
    """

    path: str
    size_bytes: int
    tag: str
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One row that could not be read.

    Attributes:
        file: path of its file.
        line: line in the file (1 is the header) for CSV; row number from 1 for Parquet.
        reason: what is wrong with it, one sentence.
        excerpt: start of the row, at most 200 characters, control characters removed.
    """

    file: str
    line: int
    reason: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some rows of a batch, small enough to hold in memory.

    Attributes:
        charges: frame of `domain.charge.RAW_SCHEMA`; rows of any number of periods.
        file: path of the file the rows came from.
        rejected: rows of this stretch that could not be read.
        parsed: sum of every cost column as parsed, before rounding to twelve digits:
            {(billing_period, currency, column): Decimal}. The ledger checks what it
            staged against this, minus `residual`.
        residual: parsed minus stored, same keys, only where not zero.
        allocations: rows of `domain.allocation.SPLIT_SCHEMA`: how a provider splits resources
            among what runs on them; None without any. Never part of the charges.
        notes: things seen in these rows that are worth showing in `status`.
    """

    charges: pl.DataFrame
    file: str
    rejected: tuple[Rejected, ...] = ()
    parsed: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    residual: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)
    allocations: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a period may not be stored as it was read, though every row could be.

    Attributes:
        gate: short name, shown in `status`: `billed`, `commitment`, …
        reason: one sentence that says what is wrong and what to do.
        forcible: a person may store it nevertheless (`collect --force`).
    """

    gate: str
    reason: str
    forcible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What a collector knows about a period once all of its rows were read.

    Attributes:
        objections: why it may not be stored; none if all is well.
        closes_at: from when on (UTC) it counts as closed unless it changes until then; None
            while the provider still works on it, or where nothing tells.
        supersedes: what was stored is of a lesser kind, such as an estimate or a first overview, and
            gives way to this even if this has fewer rows, days or less money.
        notes: things worth showing in `status`.
    """

    objections: tuple[Objection, ...] = ()
    closes_at: datetime | None = None
    supersedes: bool = False
    notes: tuple[str, ...] = ()


def _still_open(_period: str) -> Closing:
    return Closing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Whole billing periods of one source, as a stream.

    Attributes:
        source: name from the configuration.
        periods: exactly the periods (`YYYY-MM`) that the chunks hold completely; each is
            replaced as a whole. A period named here without rows became empty.
        chunks: the rows, read while it is iterated. Reading may raise `SourceError`:
            then every period of this batch keeps what it had.
        files: the files the rows come from.
        manifest_hash: SHA-256 over names and tags of `files`: same hash, same data.
        cursors: per period what `fetch` is given back next time; stored in the same
            commit as the period's data.
        focus_version: version the source says or its columns show, e.g. `1.2`.
        notes: things worth showing in `status`, e.g. columns that were not kept.
        seen_at: when the data was first seen, if not now (the demo replays its past).
        closing: asked once per period after the last chunk was read.
    """

    source: str
    periods: frozenset[str]
    chunks: Iterator[Chunk]
    files: tuple[SourceFile, ...]
    manifest_hash: str
    cursors: Mapping[str, Cursor]
    focus_version: str = ""
    notes: tuple[str, ...] = ()
    seen_at: datetime | None = None
    closing: Callable[[str], Closing] = _still_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """What a source has that is new: batches whose periods do not overlap, and what it could not give.

    Attributes:
        batches: read lazily, one after the other; one that fails leaves the others alone.
            Periods whose files changed while they were read may be offered again by a later
            batch of the same fetch: what became of them last is what counts.
        coverage: how complete the source is once every batch is stored; its
            `delivered_through` is None where only the rows can tell.
        refused: periods that were refused before their rows were read.
        notes: things worth showing in `status` that belong to no period.
    """

    batches: Iterator[Batch]
    coverage: Coverage
    refused: tuple[PeriodResult, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One replacement of one billing period of one source, as the ledger keeps it.

    Attributes:
        id: ULID-like sortable text, unique.
        source: name from the configuration.
        billing_period: `YYYY-MM`.
        seen_at: when it was first seen (UTC).
        manifest_hash: of the batch it came with.
        rows: rows stored.
        rejected: rows quarantined.
        sums: {currency: {cost column: stored sum}}.
        residuals: {currency: {cost column: parsed minus stored}}, only where not zero.
        days: number of distinct UTC days with charges.
        first_day: first UTC day with charges (ISO date), "" if empty.
        last_day: last UTC day with charges (ISO date), "" if empty.
        version: version of the Delta table that holds it.
        through: usage is present up to this instant: the latest ChargePeriodEnd of a
            Usage row of at most a day, never later than `seen_at`; None without such rows.
        cursor: what the collector wants back for this period.
        focus_version: as the batch said.
        notes: as the batch said.
        forced: a refusal was overridden by a person.
        closes_at: from when on it counts as closed if nothing replaces it, None if unknown.
        allocations: rows of the allocation side table that came with it.
    """

    id: str
    source: str
    billing_period: str
    seen_at: datetime
    manifest_hash: str
    rows: int
    rejected: int
    sums: dict[str, dict[str, Decimal]]
    residuals: dict[str, dict[str, Decimal]]
    days: int
    first_day: str
    last_day: str
    version: int
    through: datetime | None = None
    cursor: Cursor = field(default_factory=dict)
    focus_version: str = ""
    notes: tuple[str, ...] = ()
    forced: bool = False
    closes_at: datetime | None = None
    allocations: int = 0


class Verdict(StrEnum):
    """What became of one period of a batch."""

    REPLACED = "replaced"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodResult:
    """What became of one period of a batch, with the reason where it was refused.

    Attributes:
        source: name from the configuration.
        billing_period: `YYYY-MM`.
        verdict: replaced, unchanged or refused.
        gate: the gate that refused it, or "".
        reason: one sentence that says what to do, or "".
        delivery: what is stored now, None if nothing is.
    """

    source: str
    billing_period: str
    verdict: Verdict
    gate: str = ""
    reason: str = ""
    delivery: Delivery | None = None
