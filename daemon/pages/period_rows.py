"""Billing periods on the Sources page: whether they may change, what the gates said, what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.pages.ask import Ask
from daemon.pages.layout import name
from daemon.period_listing import gates_of
from domain.delivery import Verdict
from domain.show import instant_text
from domain.standing import PeriodState

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from daemon.status import Status
    from domain.standing import Standing
    from ledger.status import PeriodStatus

_GATES = {"passed": "good", "refused": "bad", "forced": "idle"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """One billing period of one source and currency."""

    source: str
    period: str
    url: str
    state: str
    closes: str
    style: str
    gates: str
    charges: int
    split: int
    currency: str
    billed: Decimal | None
    seen: str
    focus: str
    told: str


def refused_periods(status: Status) -> Iterator[str]:
    """Give what a gate keeps out, in sentences: what is stored from before still counts."""
    for one in status.periods:
        if one.verdict is Verdict.REFUSED:
            kept = "; what was stored before still counts" if one.delivery_id else "; nothing of it is stored"
            yield (
                f"{name(one.source, 40)} {one.billing_period} was refused by the gate {one.gate}: "
                f"{name(one.reason, 240)}{kept}."
            )


def period_rows(status: Status, one: PeriodStatus) -> Iterator[PeriodRow]:
    """Give a billing period, one row per currency."""
    gates = gates_of(one)
    told = f"gate {one.gate}: {name(one.reason, 200)}" if one.gate else name(one.reason, 200)
    standing = status.standings.get((one.source, one.billing_period))
    sums = sorted(one.sums.items()) or [("", {})]
    for currency, costs in sums:
        ask = Ask(by=("cloud_service",), cost="billed", periods=(one.billing_period,))
        yield PeriodRow(
            source=name(one.source, 40),
            period=one.billing_period,
            url=ask.only("source", one.source).url,
            state=standing.state.value if standing is not None else "nothing stored",
            closes=_closes(standing, status.at),
            style=_GATES[gates],
            gates=gates,
            charges=one.rows,
            split=standing.allocations if standing is not None else 0,
            currency=name(currency, 8),
            billed=costs.get("BilledCost"),
            seen=instant_text(one.seen_at) if one.seen_at is not None else "",
            focus=name(one.focus_version, 12),
            told=told,
        )


def _closes(standing: Standing | None, now: datetime) -> str:
    """Say when an open period is going to be closed, "" where that is known or nobody says."""
    if standing is None or standing.closes_at is None or standing.state is PeriodState.CLOSED:
        return ""
    return f"closes {instant_text(standing.closes_at)}" if standing.closes_at > now else ""
