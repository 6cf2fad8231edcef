"""What the state database says about sources, periods, refused rows, leases and jobs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from domain.delivery import Freshness, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One source as its last fetches left it.

    Attributes:
        name: from the configuration.
        type: from the configuration, "" if only old deliveries know it.
        freshness: as the last fetch said; `never` if none ended.
        delivered_through: charges are complete before this instant, as the source said or,
            where it said nothing, as the newest usage rows show.
        reason: why it is not fresh, or "".
        attempted_at: start of the last fetch.
        succeeded_at: end of the last fetch that was not `failed`.
        notes: worth showing, as the last fetch said.
        rejected: quarantined rows of the deliveries that are current.
    """

    name: str
    type: str
    freshness: Freshness
    delivered_through: datetime | None
    reason: str
    attempted_at: datetime | None
    succeeded_at: datetime | None
    notes: tuple[str, ...]
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodStatus:
    """One billing period of one source: what is stored, and how the last attempt ended.

    Attributes:
        verdict: of the last attempt, None if none is on record.
        gate: the gate that refused the last attempt, or "".
        reason: why, or "".
        checked_at: when the last attempt ended.
        delivery_id: of what is stored, "" if nothing is; the rest describes it.
        sums: {currency: {cost column: stored sum}}.
    """

    source: str
    billing_period: str
    verdict: Verdict | None
    gate: str
    reason: str
    checked_at: datetime | None
    delivery_id: str
    seen_at: datetime | None
    rows: int
    rejected: int
    sums: dict[str, dict[str, Decimal]]
    first_day: str
    last_day: str
    through: datetime | None
    version: int
    focus_version: str
    notes: tuple[str, ...]
    forced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedFile:
    """How many rows of a file could not be read, and how many of them are kept to look at."""

    source: str
    file: str
    rejected: int
    kept: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedRow:
    """One row that could not be read."""

    source: str
    file: str
    line: int
    reason: str
    excerpt: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt to replace one period ended."""

    source: str
    billing_period: str
    at: datetime
    verdict: Verdict
    gate: str
    reason: str
    delivery_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to do one named thing until it expires.

    Attributes:
        name: what is leased, e.g. `collect:aws`.
        holder: who holds it; unique to a process.
        epoch: grows by one with every new holder; a write that carries an older one is late.
        expires_at: from then on anybody may take it.
    """

    name: str
    holder: str
    epoch: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """How a recurring job last went.

    Attributes:
        error: of the last run that ended, or "".
        runs: runs that were started.
    """

    name: str
    started_at: datetime | None
    finished_at: datetime | None
    succeeded_at: datetime | None
    error: str
    runs: int
