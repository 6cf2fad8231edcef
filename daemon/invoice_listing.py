"""`costd reconcile --period` as rows and sentences: each account, then the lines of its difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from daemon.invoices import NOTHING_STORED
from daemon.output import Field, Listing, Row
from domain.charge import COSTS
from domain.delivery import Verdict
from domain.money import plain
from domain.window import month_window

if TYPE_CHECKING:
    from attribution.invoices import Compared
    from daemon.invoices import Month
    from daemon.rooms import Rooms
    from ledger.status import PeriodStatus

Months = Mapping[str, Sequence["Month"]]
SCHEMA = "costd.invoices/1"


def invoices_listing(rooms: Rooms, months: Months) -> Listing:
    """Give every account with its invoice, and below it the difference line by line."""
    rows = [
        row
        for period, found in months.items()
        for month in found
        for one in month.compared
        for row in _rows(period, one)
    ]
    return Listing(
        fields=(
            Field(name="period", machine_only=len(months) == 1),
            Field(name="source"),
            Field(name="account", missing="all"),
            Field(name="currency"),
            Field(name="line"),
            Field(name="invoice", missing="", number=True),
            Field(name="ledger", missing="", number=True),
            Field(name="attributed", missing="", number=True),
            Field(name="difference", missing="", number=True),
            Field(name="why", missing=""),
            Field(name="numbers", machine_only=True),
        ),
        rows=rows,
        document={
            "schema": SCHEMA,
            "holds": not _broken(months),
            "rows": [],
            "notes": list(_notes(rooms, months)),
        },
        above=(f"Billed cost of {', '.join(months)}: invoice, ledger, owners", ""),
        notes=(_verdict(months), *_notes(rooms, months)),
        following=("costd status --periods", "costd report --by billing_account --cost billed"),
        empty="Nothing of the month is stored, and no invoice is known. `costd collect` fetches the bills.",
    )


def exit_status(rooms: Rooms, months: Months) -> int:
    """Give 1 if a difference has no name, 6 if a provider could not be asked, 5 if parts are missing."""
    if _broken(months):
        return 1
    if any(month.unasked for found in months.values() for month in found):
        return 6
    missing = any(
        line.why.startswith(NOTHING_STORED)
        for found in months.values()
        for month in found
        for one in month.compared
        for line in one.lines
    )
    return 5 if missing or any(_refused(rooms, months)) else 0


def _rows(period: str, one: Compared) -> Iterator[Row]:
    head: dict[str, str | None] = {
        "period": period,
        "source": one.source,
        "account": one.account or None,
        "currency": one.currency,
    }
    yield {
        **head,
        "line": "total",
        "invoice": one.invoice,
        "ledger": one.ledger,
        "attributed": one.attributed,
        "difference": one.difference,
        "why": one.origin or None,
        "numbers": list(one.numbers) or None,
    }
    for line in one.lines:
        named = "explained" if line.why else "unexplained"
        yield {**head, "line": named, "difference": line.amount, "why": line.why or None}
    if one.lost:
        yield {
            **head,
            "line": "unexplained",
            "difference": one.lost,
            "why": "stored but attributed to nobody",
        }


def _broken(months: Months) -> int:
    """Count accounts with a difference that has no name."""
    compared = (one for found in months.values() for month in found for one in month.compared)
    return sum(1 for one in compared if one.lost or any(not line.why for line in one.lines))


def _verdict(months: Months) -> str:
    compared = [one for found in months.values() for month in found for one in month.compared]
    if not compared:
        return ""
    broken, with_invoice = _broken(months), sum(1 for one in compared if one.invoice is not None)
    if broken:
        return f"{broken} of {len(compared)} accounts have a difference that nobody can explain."
    if not with_invoice:
        return "Every sum holds: what is stored is attributed. There is no invoice to compare with."
    return f"Every sum holds: {with_invoice} of {len(compared)} accounts agree with their invoice."


def _refused(rooms: Rooms, months: Months) -> Iterator[PeriodStatus]:
    asked = {(month.source, period) for period, found in months.items() for month in found}
    for status in rooms.state.periods():
        if (status.source, status.billing_period) in asked and status.verdict is Verdict.REFUSED:
            yield status


def _notes(rooms: Rooms, months: Months) -> Iterator[str]:
    """Say what else moves sums: months that go on, refused and unreadable parts, rounding."""
    today = rooms.clock.now()
    for period, found in months.items():
        if month_window(period).end > today:
            yield f"{period} is not over: invoice and export are of different hours, so they differ by some."
        yield from (f"{month.source}: {month.unasked}" for month in found if month.unasked)
        empty = [month.source for month in found if not month.compared]
        if empty:
            yield f"Nothing of {period} is stored, and no invoice is known, of {', '.join(empty)}."
    for status in _refused(rooms, months):
        held = "withheld" if status.delivery_id and status.gate == "attributed" else "refused"
        yield f"{status.source} {status.billing_period} was {held} by gate {status.gate}: {status.reason}"
    yield from _of_deliveries(rooms, months)


def _of_deliveries(rooms: Rooms, months: Months) -> Iterator[str]:
    newest = {(one.source, one.billing_period): one for one in rooms.ledger.deliveries()}
    for period, found in months.items():
        for month in found:
            delivery = newest.get((month.source, period))
            if delivery is None:
                continue
            if delivery.rejected:
                yield (
                    f"{month.source} {period}: {delivery.rejected:,} rows are in quarantine and in no sum; "
                    "a difference may be theirs. See: costd status --quarantine"
                )
            for currency, sums in sorted(delivery.residuals.items()):
                rounded = sums.get(COSTS["billed"])
                if rounded:
                    yield (
                        f"{month.source} {period}: {plain(rounded)} {currency} are "
                        "digits beyond twelve, rounded when stored"
                    )
