"""What is known about a staged period, and whether it may replace what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext

import polars as pl

from domain.charge import COSTS
from domain.delivery import Batch, Delivery
from domain.errors import MoneyError
from domain.money import EXACT, PRECISION, SCALE
from ledger import gates
from ledger.cube import sum_or_null
from ledger.gates import Sums, Tally
from ledger.record import Entry
from ledger.staging import COST_COLUMNS, Stage

_LIMIT = Decimal(10) ** (PRECISION - SCALE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a batch is stored.

    Attributes:
        now: when it is stored (UTC).
        seen_at: when its data was first seen (UTC).
        max_loss: share by which a period may shrink.
        force: a person takes a smaller delivery for right.
    """

    now: datetime
    seen_at: datetime
    max_loss: Decimal
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a period is not replaced."""

    gate: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A period that passed every gate: what is to be committed, and what it was compared with."""

    entry: Entry
    before: Entry | None


def judge(batch: Batch, stage: Stage, period: str, before: Entry | None, terms: Terms) -> Checked | Refusal:
    """Run the gates on what is staged for a period, read back from where it lies."""
    read = stage.periods[period]
    try:
        tally = tally_of(stage, period)
    except MoneyError as error:
        return Refusal(gate="money", reason=f"{error}; {error.hint}")
    command = f"costd collect {batch.source} --force"
    closing, lost = batch.closing(period), None
    if before is not None and not closing.supersedes:
        lost = gates.nothing_is_lost(before.tally, tally, terms.max_loss, command)
    for gate, reason in (
        ("rows", gates.rows_are_stored(tally, read.rows)),
        ("parsed", gates.parsed_is_stored(tally, read.parsed, read.residual)),
        *((one.gate, one.reason) for one in closing.objections if not (one.forcible and terms.force)),
        ("loss", None if terms.force else lost),
    ):
        if reason is not None:
            return Refusal(gate=gate, reason=reason)
    # Time never runs backwards within a period: `as_first_seen` reads deliveries in order.
    seen_at = terms.seen_at if before is None else max(terms.seen_at, before.delivery.seen_at)
    delivery = Delivery(
        id=read.id,
        source=batch.source,
        billing_period=period,
        seen_at=seen_at,
        manifest_hash=batch.manifest_hash,
        rows=tally.rows,
        rejected=read.rejected,
        sums=tally.sums,
        residuals=_without_zeros(read.residual),
        days=len(tally.days),
        first_day=min(tally.days).isoformat() if tally.days else "",
        last_day=max(tally.days).isoformat() if tally.days else "",
        version=-1,
        through=None if read.through is None else min(read.through, seen_at),
        cursor=dict(batch.cursors.get(period, {})),
        focus_version=batch.focus_version,
        notes=(*batch.notes, *closing.notes),
        forced=terms.force and (lost is not None or bool(closing.objections)),
        closes_at=closing.closes_at,
        allocations=read.split_rows,
    )
    return Checked(entry=Entry(delivery=delivery, tally=tally), before=before)


def _without_zeros(sums: Sums) -> Sums:
    kept = {
        currency: {column: amount for column, amount in columns.items() if amount}
        for currency, columns in sums.items()
    }
    return {currency: columns for currency, columns in kept.items() if columns}


def tally_of(stage: Stage, period: str) -> Tally:
    """Count and sum what is staged for a period.

    Raises:
        MoneyError: a sum has more digits than are stored.
    """
    cells = (
        stage.facts(period)
        .join(stage.currencies().lazy(), on="dim_id", how="left")
        .group_by("BillingCurrency", "day")
        .agg(
            pl.len().alias("rows"),
            *(sum_or_null(name) for name in COST_COLUMNS),
            *(pl.col(name).abs().sum().name.suffix("_gross") for name in COSTS.values()),
        )
    )
    with adding_up(period):
        by_day = cells.collect()
    tally = Tally(
        rows=int(by_day["rows"].sum()),
        days=frozenset(by_day["day"].unique().to_list()),
        sums=_over_days(by_day, dict(zip(COST_COLUMNS, COST_COLUMNS, strict=True))),
        gross=_over_days(by_day, {f"{name}_gross": name for name in COSTS.values()}),
    )
    if any(amount >= _LIMIT for columns in tally.gross.values() for amount in columns.values()):
        raise _too_large(period)
    return tally


def _over_days(by_day: pl.DataFrame, columns: dict[str, str]) -> Sums:
    sums: Sums = {}
    with localcontext(EXACT):
        for row in by_day.iter_rows(named=True):
            mine = sums.setdefault(row["BillingCurrency"], {})
            for column, name in columns.items():
                if row[column] is not None:
                    mine[name] = mine.get(name, Decimal(0)) + row[column]
    return sums


@contextmanager
def adding_up(period: str) -> Iterator[None]:
    """Tell sums that do not fit as an error in the delivered amounts.

    Raises:
        MoneyError: a sum in the block has more digits than are stored.
    """
    try:
        yield
    except pl.exceptions.ComputeError as error:
        if "overflow" not in str(error):
            raise
        raise _too_large(period) from error


def _too_large(period: str) -> MoneyError:
    return MoneyError(
        f"amounts of {period} add up to more than Decimal({PRECISION},{SCALE}) holds; nothing was replaced",
        hint="look for an absurd amount or quantity in the delivered files",
    )
