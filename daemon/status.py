"""Gathers what `costd status` says: sources, periods, quarantine, coverage, the ledger itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attribution.coverage import Coverage, coverage, resource_totals
from daemon.digest import gather
from daemon.digest_troubles import digest_troubles
from daemon.own_costs import OwnCost, gather_own_costs
from daemon.pipeline import attribute
from daemon.query import Query
from daemon.report import cells_of
from daemon.sources import SourceState, SourceView
from daemon.usage_reach import ClusterReach, usage_reach
from domain.charge import COSTS
from domain.standing import Standing, standings
from domain.window import month_of, previous_month

if TYPE_CHECKING:
    from alerts.digest import Digest
    from attribution.star import Star
    from daemon.rooms import Rooms
    from ledger.price_book import Shelf
    from ledger.status import PeriodStatus, QuarantinedFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How costd itself is doing.

    Attributes:
        at: when it was asked.
        sources: every source and how far it reaches.
        periods: every billing period: what is stored, and how the last attempt ended.
        quarantined: files with rows that could not be read, the worst first.
        coverage: how much of the month's effective cost has each owner field.
        coverage_month: which month that is, "" where nothing is stored.
        digest: the latest complete day, its total and change; None where nothing is stored.
        charges: charges stored now.
        deliveries: deliveries ever committed.
        size_bytes: of the ledger's folder; None where it cannot be counted.
        place: where the ledger lies.
        messages: what did not reach its channel, and why.
        standings: {(source, billing period): open, closed, reopened or unknown}, of what is stored.
        shelves: how many prices the book has per provider and offer, and how old they are.
        own_costs: what costd itself asked this month of providers that charge for it.
        clusters: what sources of usage told of each cluster lately.
    """

    at: datetime
    sources: tuple[SourceView, ...]
    periods: tuple[PeriodStatus, ...]
    quarantined: tuple[QuarantinedFile, ...]
    coverage: tuple[Coverage, ...]
    coverage_month: str
    digest: Digest | None
    charges: int
    deliveries: int
    size_bytes: int | None
    place: str
    messages: tuple[str, ...] = ()
    standings: Mapping[tuple[str, str], Standing] = field(default_factory=dict)
    shelves: tuple[Shelf, ...] = ()
    own_costs: tuple[OwnCost, ...] = ()
    clusters: tuple[ClusterReach, ...] = ()

    @property
    def is_well(self) -> bool:
        """Tell whether every source is fresh and nothing is withheld."""
        return all(
            source.state is SourceState.FRESH and not source.withheld
            for source in self.sources
            if source.is_configured
        )


def gather_status(rooms: Rooms, star: Star | None = None) -> Status:
    """Look at everything, changing nothing but a mirror that a crash left behind.

    Give the owners of every resource if you have them already.
    """
    rooms.recover()
    sources, periods = rooms.sources(), rooms.state.periods()
    stored = [period for period in periods if period.delivery_id]
    month, scores, digest = "", [], None
    if stored:
        star = star or attribute(rooms)
        month = newest_month(rooms, stored)
        query = Query(by=("team",), billing_months=frozenset({month}))
        cells = cells_of(query, rooms.ledger, sources=sources)
        scores = coverage(resource_totals(cells, COSTS[query.cost]), star)
        digest = gather(rooms, star, detail=False)
    deliveries = rooms.ledger.deliveries()
    return Status(
        at=rooms.clock.now(),
        sources=tuple(sources),
        periods=tuple(periods),
        quarantined=tuple(rooms.state.quarantined_files()),
        coverage=tuple(scores),
        coverage_month=month,
        digest=digest,
        charges=sum(period.rows for period in stored),
        deliveries=len(deliveries),
        size_bytes=_size(rooms.settings.ledger.path),
        place=rooms.settings.ledger.path,
        messages=digest_troubles(rooms),
        standings=standings(deliveries, rooms.clock.now()),
        shelves=tuple(rooms.price_book.shelves()) if rooms.settings.prices is not None else (),
        own_costs=gather_own_costs(rooms),
        clusters=usage_reach(rooms.ledger, rooms.clock.now()),
    )


def newest_month(rooms: Rooms, stored: Sequence[PeriodStatus] | None = None) -> str:
    """Give this month where it has charges, else the newest that has: on the 1st nothing is billed yet."""
    periods = rooms.state.periods() if stored is None else stored
    months = {period.billing_period for period in periods if period.rows}
    today = rooms.clock.now().date()
    recent = (month_of(today), month_of(previous_month(today)))
    return next((month for month in recent if month in months), max(months, default=""))


def _size(place: str) -> int | None:
    """Count the bytes below a local folder; an object store would have to be listed."""
    folder = Path(place)
    if "://" in place or not folder.is_dir():
        return None
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
