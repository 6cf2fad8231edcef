"""How far each source may be trusted right now: what was collected against what is expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from collectors import USAGE_TYPES
from domain.delivery import Delivery, Freshness
from domain.show import age_text

if TYPE_CHECKING:
    from config.settings import SourceEnvelope
    from ledger.status import SourceStatus

ATTRIBUTED = "attributed"
"""The last gate: what is attributed is what is stored. The ledger knows the ones before it."""

_LATE_AFTER = 5
_OF = 4
"""A fetch takes time and may be retried, so a source is late only a quarter after its time."""


class SourceState(StrEnum):
    """What may be thought of a source."""

    FRESH = "fresh"
    STALE = "stale"
    FAILED = "failed"
    NEVER = "never"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """One source as reports and `status` show it.

    Attributes:
        name: from the configuration.
        type: kind of source, "" if only old deliveries know it.
        state: fresh, stale (late, or something of it was refused), failed, never collected,
            or removed: no longer configured, its charges are kept.
        through: charges, or hours of usage, are complete before this instant; None if nobody knows.
        reason: why it is not fresh, or "".
        every: how often it is expected to be collected.
        attempted_at: when a fetch last began.
        succeeded_at: when a fetch last ended well.
        rejected: rows in quarantine, of what is current.
        notes: what the last fetch found worth telling.
        withheld: billing periods that are stored but not published, because what was
            attributed of them is not what was stored.
    """

    name: str
    type: str = ""
    state: SourceState
    through: datetime | None = None
    reason: str = ""
    every: timedelta | None = None
    attempted_at: datetime | None = None
    succeeded_at: datetime | None = None
    rejected: int = 0
    notes: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()

    @property
    def gives_usage(self) -> bool:
        """Tell whether it says what ran where, and gives no charges."""
        return self.type in USAGE_TYPES

    @property
    def is_configured(self) -> bool:
        """Tell whether it is expected to be collected."""
        return self.state is not SourceState.REMOVED

    @property
    def counts(self) -> bool:
        """Tell whether the completeness of a bill depends on it."""
        return self.is_configured and not self.gives_usage

    def is_late(self, at: datetime) -> bool:
        """Tell whether it was last collected longer ago than it should have been."""
        return self.every is not None and _is_late(self.succeeded_at, self.every, at)

    def reaches(self, end: datetime) -> bool:
        """Tell whether nothing before an instant is still to come."""
        return self.through is not None and self.through >= end


def source_views(
    configured: Iterable[SourceEnvelope], statuses: Iterable[SourceStatus], now: datetime
) -> list[SourceView]:
    """Give every configured source in its order, then those that only have old charges."""
    known = {status.name: status for status in statuses}
    views = []
    for source in configured:
        status = known.pop(source.name, None)
        if status is None:
            reason = "never collected"
            views.append(
                SourceView(
                    name=source.name,
                    type=source.type,
                    state=SourceState.NEVER,
                    reason=reason,
                    every=source.every,
                )
            )
        else:
            views.append(_view(status, source, now))
    return views + [_view(status, None, now) for status in known.values()]


def _view(status: SourceStatus, source: SourceEnvelope | None, now: datetime) -> SourceView:
    state, reason = _judged(status, source, now)
    return SourceView(
        name=status.name,
        type=source.type if source is not None else status.type,
        state=state,
        through=status.delivered_through,
        reason=reason,
        every=source.every if source is not None else None,
        attempted_at=status.attempted_at,
        succeeded_at=status.succeeded_at,
        rejected=status.rejected,
        notes=status.notes,
    )


def _is_late(succeeded_at: datetime | None, every: timedelta, now: datetime) -> bool:
    return succeeded_at is None or (now - succeeded_at) * _OF > every * _LATE_AFTER


def _judged(status: SourceStatus, source: SourceEnvelope | None, now: datetime) -> tuple[SourceState, str]:
    if source is None:
        kept = "hours" if status.type in USAGE_TYPES else "charges"
        return SourceState.REMOVED, f"no longer configured; its {kept} are kept"
    if status.freshness is Freshness.NEVER or status.succeeded_at is None:
        state = SourceState.NEVER if status.freshness is Freshness.NEVER else SourceState.FAILED
        return state, status.reason or "never collected"
    if status.freshness is not Freshness.FRESH:
        return SourceState(status.freshness.value), status.reason
    age = now - status.succeeded_at
    if _is_late(status.succeeded_at, source.every, now):
        return SourceState.STALE, f"{age_text(age)} old, expected {age_text(source.every)}"
    return SourceState.FRESH, ""


def views_as_of(
    views: Sequence[SourceView], deliveries: Iterable[Delivery], at: datetime
) -> list[SourceView]:
    """Give the sources as deliveries up to an instant show them; how late they were is not kept."""
    through: dict[str, datetime | None] = {}
    rejected: dict[tuple[str, str], int] = {}
    for delivery in deliveries:
        if delivery.seen_at > at:
            continue
        reached = [one for one in (through.get(delivery.source), delivery.through) if one is not None]
        through[delivery.source] = max(reached, default=None)
        rejected[delivery.source, delivery.billing_period] = delivery.rejected
    return [_as_of(view, through, rejected) for view in views]


def _as_of(
    view: SourceView, through: Mapping[str, datetime | None], rejected: Mapping[tuple[str, str], int]
) -> SourceView:
    if view.gives_usage:
        return view  # it delivers no bills, so nothing tells how it was
    delivered = view.name in through
    state = SourceState.FRESH if delivered else SourceState.NEVER
    return SourceView(
        name=view.name,
        type=view.type,
        state=view.state if view.state is SourceState.REMOVED else state,
        through=through.get(view.name),
        reason="" if delivered else "nothing was delivered by then",
        every=view.every,
        rejected=sum(count for (source, _), count in rejected.items() if source == view.name),
    )
