"""Whether a billing period may still change, as its deliveries show it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from domain.delivery import Delivery
from domain.window import month_window


class PeriodState(StrEnum):
    """What may be thought of a billing period."""

    OPEN = "open"
    """The provider still works on it."""
    CLOSED = "closed"
    """The provider said when it would be final, and nothing came since."""
    REOPENED = "reopened"
    """It was closed, and then the provider changed it."""
    UNKNOWN = "unknown"
    """The month is over, and the source never says when one is final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a billing period stands.

    Attributes:
        state: open, closed, reopened or unknown.
        closes_at: from when on it counts as closed unless it changes, None if nobody says.
        allocations: rows of the provider's own split of resources that came with it.
    """

    state: PeriodState
    closes_at: datetime | None = None
    allocations: int = 0


def standing_of(deliveries: Sequence[Delivery], now: datetime, *, tells: bool = False) -> Standing:
    """Say how a period stands.

    Args:
        deliveries: all of one source and period, oldest first, at least one.
        now: the present.
        tells: the source says of other periods when they close.
    """
    newest = deliveries[-1]
    closing = [one.closes_at for one in deliveries if one.closes_at is not None]
    was_closed = any(
        earlier.closes_at is not None and earlier.closes_at <= later.seen_at
        for earlier, later in pairwise(deliveries)
    )
    if newest.closes_at is not None and newest.closes_at <= now:
        state = PeriodState.CLOSED
    elif was_closed:
        state = PeriodState.REOPENED
    elif closing or tells or month_window(newest.billing_period).end > now:
        state = PeriodState.OPEN
    else:
        state = PeriodState.UNKNOWN
    return Standing(state=state, closes_at=newest.closes_at, allocations=newest.allocations)


def standings(deliveries: Iterable[Delivery], now: datetime) -> Mapping[tuple[str, str], Standing]:
    """Give how every source and billing period stands; deliveries are in order, oldest first."""
    kept: dict[tuple[str, str], list[Delivery]] = {}
    for one in deliveries:
        kept.setdefault((one.source, one.billing_period), []).append(one)
    telling = {source for (source, _), ours in kept.items() if any(one.closes_at for one in ours)}
    return {key: standing_of(ours, now, tells=key[0] in telling) for key, ours in kept.items()}
