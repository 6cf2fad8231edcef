"""The gates of a month of AWS: what was charged is what was booked, and what was promised was used. Pure.

Every gate is exact, except where AWS itself rounds. It writes amounts with ten digits after the
point, each line rounded for itself: so the sum of what a plan covered may differ from the one line
that negates it, and from the plan's own account of what was used, by half of the tenth digit a line.
What a month's negations leave over in this way is booked (`remainder`), so that the sum of the charges
is the invoice to the last digit; more than that is an objection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl

from collectors.aws import commitments, exact, overspent
from collectors.aws.convert import Converted
from collectors.aws.evidence import COMMITMENTS, PARENTS, SPLITS, Evidence
from collectors.focus.sums import EXACT, Sums
from domain.charge import COSTS, RAW_SCHEMA
from domain.delivery import Closing, Objection
from domain.money import plain, stored
from domain.window import month_window

ROUNDING = Decimal("0.00000000005")
"""Half of the tenth digit after the point: what rounding a line can change at most."""

QUIET = timedelta(days=14)
"""AWS may change a month for about two weeks after it ended (billing periods, Data Exports guide)."""

_HELD = 64
"""Frames held before they are summed into one."""


class Tally:
    """Adds up what the pieces of some months say."""

    def __init__(self, changed_at: datetime | None = None) -> None:
        """Begin with nothing; `changed_at` is when the manifest was last changed, if known."""
        self._changed_at = changed_at
        self._invoiced: dict[exact.Key, Decimal] = {}
        self._billed: dict[exact.Key, Decimal] = {}
        self._rounded: Counter[exact.Key] = Counter()
        self._accounts: set[tuple[str, str, str]] = set()
        self._open: Counter[str] = Counter()
        self._net: set[str] = set()
        self._discounts: set[str] = set()
        self._commitments = [COMMITMENTS.to_frame()]
        self._parents = [PARENTS.to_frame()]
        self._splits = [SPLITS.to_frame()]

    def add(self, converted: Converted) -> None:
        """Take what a piece says."""
        found = converted.evidence
        self._invoiced = exact.added(self._invoiced, found.invoiced)
        self._billed = exact.added(self._billed, found.billed)
        self._rounded.update(found.rounded)
        self._accounts |= found.facts.accounts
        self._open.update(found.facts.open)
        self._net |= found.facts.net_lines
        self._discounts |= found.facts.discount_lines
        self._commitments = _held(self._commitments, found.commitments)
        self._parents = _held(self._parents, found.parents)
        self._splits = _held(self._splits, found.splits)

    def remainder(self) -> Converted | None:
        """Give charges for what AWS's own rounding of negations leaves over; None if nothing is.

        To be asked once, after the last piece; what it gives counts as added.
        """
        left = {key: rest for key, rest in self._differences() if abs(rest) <= self._allowed(key)}
        if not left:
            return None
        months = [(key, amount, month_window(key[1])) for key, amount in sorted(left.items())]
        rows = [
            {
                **dict.fromkeys(COSTS.values(), stored(amount)),
                "BillingAccountId": payer,
                "BillingAccountType": "Organization management account",
                "BillingCurrency": currency,
                "BillingPeriodStart": month.start,
                "BillingPeriodEnd": month.end,
                "ChargePeriodStart": month.start,
                "ChargePeriodEnd": month.end,
                "ChargeCategory": "Adjustment",
                "ChargeFrequency": "One-Time",
                "ChargeDescription": "What the rounding of Savings Plan negations leaves over",
                "ProviderName": "AWS",
                "PublisherName": "AWS",
                "ServiceProviderName": "AWS",
                "HostProviderName": "AWS",
                "InvoiceIssuerName": "AWS",
                "ServiceName": "Savings Plans for AWS Compute usage",
                "ServiceCategory": "Compute",
                "ServiceSubcategory": "Other (Compute)",
                "x_LineItemType": "SavingsPlanNegation",
            }
            for (payer, _, currency), amount, month in months
        ]
        charges = pl.DataFrame(rows, schema_overrides=RAW_SCHEMA).select(
            pl.col(name) if name in rows[0] else pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in RAW_SCHEMA.items()
        )
        parsed: dict[tuple[str, str, str], Decimal] = {}
        residual: dict[tuple[str, str, str], Decimal] = {}
        for (_, period, currency), amount, _ in months:
            for cost in COSTS.values():
                cell = period, currency, cost
                parsed[cell] = EXACT.add(parsed.get(cell, Decimal(0)), amount)
                if rest := EXACT.subtract(amount, stored(amount)):
                    residual[cell] = EXACT.add(residual.get(cell, Decimal(0)), rest)
        self._billed = exact.added(self._billed, left)
        return Converted(
            charges=charges, sums=Sums(parsed=parsed, residual=residual), evidence=Evidence(billed=left)
        )

    def closing(self, period: str, changed_at: datetime | None = None) -> Closing:
        """Say whether the gates of a month hold, and when it closes, once all of it was added."""
        changed = changed_at or self._changed_at
        objections = list(self._unbooked(period))
        broken, notes = commitments.judged(
            pl.concat(self._commitments),
            period,
            changed_at=changed,
            is_whole=self._is_whole(period),
            rounding=ROUNDING,
        )
        objections += [Objection(gate="commitment", reason=reason, forcible=True) for reason in broken]
        notes += overspent.noted(pl.concat(self._parents), pl.concat(self._splits), period, ROUNDING)
        if period in self._net & self._discounts:
            notes.append(
                "this month has discounts both as lines of their own and within net costs; compare its total "
                "with the invoice, and export it without manual discount compatibility if it is too low"
            )
        return Closing(
            objections=tuple(objections), closes_at=self._closes_at(period, changed), notes=tuple(notes)
        )

    def _differences(self) -> list[tuple[exact.Key, Decimal]]:
        """Give what AWS charges and no charge has, per payer, month and currency."""
        keys = sorted(self._invoiced.keys() | self._billed.keys())
        zero = Decimal(0)
        found = [
            (key, EXACT.subtract(self._invoiced.get(key, zero), self._billed.get(key, zero))) for key in keys
        ]
        return [(key, rest) for key, rest in found if rest]

    def _allowed(self, key: exact.Key) -> Decimal:
        return ROUNDING * self._rounded[key]

    def _unbooked(self, period: str) -> Iterable[Objection]:
        for key, rest in self._differences():
            payer, month, currency = key
            if month != period:
                continue
            invoiced = plain(self._invoiced.get(key, Decimal(0)))
            yield Objection(
                gate="billed",
                reason=f"payer {payer} is charged {invoiced} {currency} in {period}, but the charges made "
                f"of it differ by {plain(rest)} {currency}: lines that a Savings Plan covers and their "
                "negations do not cancel out, so lines are missing from the export; let AWS write it again",
            )

    def _is_whole(self, period: str) -> bool:
        """Say whether the export sees all accounts: a member account's export sees only its own."""
        seen = {(payer, account) for month, payer, account in self._accounts if month == period}
        return len(seen) > 1 or any(payer == account for payer, account in seen)

    def _closes_at(self, period: str, changed_at: datetime | None) -> datetime | None:
        if changed_at is None or changed_at < month_window(period).end:
            return None
        has_all = period in self._open and self._open[period] == 0
        return changed_at + QUIET if has_all else None


def _held(frames: list[pl.DataFrame], new: pl.DataFrame) -> list[pl.DataFrame]:
    """Hold one more frame; many are summed into one, so that a month stays as small as its keys."""
    if new.is_empty():
        return frames
    frames = [*frames, new]
    if len(frames) < _HELD:
        return frames
    together = pl.concat(frames)
    keys = [name for name in ("period", "arn", "currency", "start", "key") if name in together.columns]
    if "key" in keys:
        keys = ["period", "key"]
    summed = [
        pl.col(name).first() if name in {"resource", "start"} else pl.col(name).sum()
        for name in together.columns
        if name not in keys
    ]
    return [together.group_by(keys).agg(summed).select(together.columns)]
