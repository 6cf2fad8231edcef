"""Whether the charges of a month are what BigQuery says the month adds up to. Pure."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from collectors.gcp.months import closes_at
from collectors.gcp.spread import Spread
from collectors.gcp.summary import Account, Summary
from domain.delivery import Closing, Objection
from domain.money import EXACT, plain
from domain.text import printable


class Tally:
    """Adds up the charges of one month as they stream by."""

    def __init__(self, summary: Summary, spread: Spread | None, *, rows_before: int = 0) -> None:
        self._summary = summary
        self._spread = spread
        self._rows_before = rows_before
        self._billed: defaultdict[Account, Decimal] = defaultdict(Decimal)
        self.notes: list[str] = []

    def add(self, billed: dict[Account, Decimal]) -> None:
        """Count what some charges add up to."""
        for account, amount in billed.items():
            self._billed[account] = EXACT.add(self._billed[account], amount)

    def closing(self, period: str) -> Closing:
        """Give what is wrong with the month, if anything, and when it closes."""
        return Closing(
            objections=(*self._billed_faults(), *self._commitment_faults(), *self._vanished(period)),
            closes_at=closes_at(period),
            notes=(*self._orphans(), *self.notes),
        )

    def _billed_faults(self) -> list[Objection]:
        found = []
        for account in sorted({*self._billed, *self._summary.billed}):
            wanted = self._summary.billed.get(account, Decimal(0))
            got = self._billed.get(account, Decimal(0))
            if got != wanted:
                name, currency = account
                found.append(
                    Objection(
                        gate="billed",
                        reason=f"charges of {printable(name)} add up to {plain(got)} {printable(currency)}, "
                        f"but cost and credits in BigQuery to {plain(wanted)}; nothing was replaced. "
                        "Rows may have come in between: collect again, and report it if it stays",
                    )
                )
        return found

    def _commitment_faults(self) -> list[Objection]:
        return [
            Objection(
                gate="commitment",
                reason=f"used and unused of commitment {printable(pool.id)} differ from its fee by "
                f"{plain(difference)} {printable(pool.account[1])}; nothing was replaced. "
                "Collect again, and report it if it stays",
            )
            for pool, difference in (self._spread.faults() if self._spread else ())
        ]

    def _vanished(self, period: str) -> list[Objection]:
        lost = self._rows_before - self._summary.rows
        if lost <= 0:
            return []
        reason = (
            f"{lost:,} rows of {period} are gone from the table, which otherwise only grows: partitions "
            "expired or were dropped. What is stored stays. If that is meant, collect with --force"
        )
        return [Objection(gate="partitions", reason=reason, forcible=True)]

    def _orphans(self) -> list[str]:
        orphans = self._spread.plan.orphans if self._spread else {}
        return [
            f"usage of {plain(amount)} {currency} in {printable(account)} is covered by commitments whose "
            "fee is not in this bill; it bears none"
            for (account, currency), amount in sorted(orphans.items())
        ]
