"""`costd status --periods` as rows: what is stored of every billing period, and what the gates said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from daemon.output import Field, Listing, Row, Value
from domain.delivery import Verdict

if TYPE_CHECKING:
    from daemon.status import Status
    from ledger.status import PeriodStatus


def periods_listing(status: Status) -> Listing:
    """Give every billing period: what is stored, and how the last attempt ended."""
    return Listing(
        fields=(
            Field(name="source"),
            Field(name="period"),
            Field(name="state", missing=""),
            Field(name="result", missing="stored"),
            Field(name="gates", machine_only=True),
            Field(name="charges", number=True),
            Field(name="currency"),
            Field(name="billed", number=True),
            Field(name="days", title="DAYS", missing=""),
            Field(name="seen_at", title="SEEN"),
            Field(name="quarantined", number=True),
            Field(name="focus_version", title="FOCUS"),
            Field(name="closes_at", machine_only=True),
            Field(name="split_rows", machine_only=True, number=True),
            Field(name="forced", machine_only=True),
            Field(name="gate", missing=""),
            Field(name="reason", missing=""),
        ),
        rows=[row for period in status.periods for row in _period(status, period)],
        document={"schema": "costd.periods/1"},
        empty="Nothing is stored yet. `costd collect` fetches the bills.",
    )


def gates_of(period: PeriodStatus) -> str:
    """Say how the last attempt stood with the gates: passed, refused or forced."""
    if period.verdict is Verdict.REFUSED:
        return "refused"
    return "forced" if period.forced else "passed"


def _period(status: Status, period: PeriodStatus) -> Iterator[Row]:
    standing = status.standings.get((period.source, period.billing_period))
    head: dict[str, Value] = {
        "source": period.source,
        "period": period.billing_period,
        "state": standing.state.value if standing else None,
        "gates": gates_of(period),
        "closes_at": standing.closes_at if standing else None,
        "split_rows": standing.allocations if standing else None,
        "result": period.verdict.value if period.verdict else None,
        "charges": period.rows if period.delivery_id else None,
        "days": f"{period.first_day} to {period.last_day}" if period.first_day else None,
        "seen_at": period.seen_at,
        "quarantined": period.rejected,
        "focus_version": period.focus_version or None,
        "forced": period.forced,
        "gate": period.gate or None,
        "reason": period.reason or None,
    }
    if not period.sums:
        yield head
    for currency, sums in sorted(period.sums.items()):
        yield {**head, "currency": currency, "billed": sums.get("BilledCost")}
