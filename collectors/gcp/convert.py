"""Rows of Google's usage export as FOCUS charges. Pure.

Discounts reduce the row they are given on, promotions are charges of their own, and the fees of
commitments go to the usage they paid for (`commitments.py`). Months are those of the invoice, which
Google cuts in Pacific time: they keep their name and get the bounds of the UTC month, so charge periods
may lie outside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import polars as pl

from collectors.focus.amounts import Amounts, amounts
from collectors.focus.instants import instants
from collectors.focus.sums import Key, add_up
from collectors.gcp import charges
from collectors.gcp.charges import COSTS
from collectors.gcp.memory import Memory
from collectors.gcp.promotions import promoted
from collectors.gcp.rows import as_rows
from collectors.gcp.spread import Spread
from domain.charge import MONEY
from domain.money import SCALE
from domain.text import shortened
from domain.window import month_of

_MONTH = re.compile(r"\d{4}(0[1-9]|1[0-2])", re.ASCII)
_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)
_KNOWN_TYPES = ("regular", "tax", "adjustment", "rounding_error")
_MONEY = ("cost", "cost_at_list", "credits_applied", "commitment_amount", "covered", "offset")
_QUANTITIES = ("usage_amount", "pricing_amount", "list_price", "effective_price")
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """Rows of an export as charges.

    Attributes:
        charges: frame of `RAW_SCHEMA`.
        rejected: row of the input -> what is wrong with it.
        parsed: what was read, per billing period, currency and cost column.
        billed: sum of BilledCost per billing account and currency.
        notes: what is worth telling about these rows.
    """

    charges: pl.DataFrame
    rejected: dict[int, str] = field(default_factory=dict)
    parsed: dict[Key, Decimal] = field(default_factory=dict)
    billed: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def to_focus(rows: pl.DataFrame, memory: Memory | None = None, *, spread: Spread | None = None) -> Converted:
    """Turn rows of a standard or detailed export into charges.

    Rows are flat (`collectors.gcp.rows.ROW_SCHEMA`) or nested as the table has them. Without `spread`,
    charges whose effective cost still lacks fees of commitments say so in `x_EffectiveCostProvisional`.
    """
    memory, given = memory or Memory(), as_rows(rows)
    work, faults = _typed(given, memory)
    if faults:
        work = work.filter(~pl.col("row").is_in(list(faults)))
    work = _shared(work.hstack(memory.skus(work)), spread)
    work = work.with_columns(memory.tags(work).alias("Tags"))
    frame = pl.concat([charges.charges(work, settled=spread is not None), promoted(work)])
    return Converted(
        charges=frame,
        rejected=faults,
        parsed=parsed_sums(frame),
        billed=billed_sums(frame),
        notes=_notes(work["cost_type"]),
    )


def parsed_sums(frame: pl.DataFrame) -> dict[Key, Decimal]:
    """Sum every cost of charges, as the ledger wants to compare it with what it stored."""
    starts = frame["BillingPeriodStart"].unique().to_list()
    costs = {name: Amounts(stored=frame[name]) for name in COSTS}
    return add_up(frame, None, costs, {start: month_of(start) for start in starts}).parsed


def billed_sums(frame: pl.DataFrame) -> dict[tuple[str, str], Decimal]:
    """Sum the billed cost of charges per billing account and currency."""
    # The streaming engine, because the other lets a sum of decimals in groups wrap around.
    sums = (
        frame.lazy()
        .group_by("BillingAccountId", "BillingCurrency")
        .agg(pl.col("BilledCost").sum())
        .collect(engine="streaming")
    )
    return {(account, currency): billed for account, currency, billed in sums.iter_rows()}


def _typed(rows: pl.DataFrame, memory: Memory) -> tuple[pl.DataFrame, dict[int, str]]:
    """Give the rows with amounts and times, and what is wrong with which."""
    faults: dict[int, list[str]] = {}

    def refuse(bad: Collection[int], column: str, what: str) -> None:
        for row in bad:
            value = rows[column][row]
            shown = "" if value is None else f": {shortened(value, _SHOWN)!r}"
            faults.setdefault(row, []).append(f"{column} {what}{shown}")

    done: list[pl.Series] = []
    for names, scale in ((_MONEY, SCALE), (_QUANTITIES, 15)):
        for name in names:
            found = amounts(rows[name], scale)
            refuse(found.bad, name, "is no amount")
            done.append(found.stored)
    for name in ("usage_start", "usage_end"):
        times = instants(rows[name], memory.times)
        refuse((rows[name].is_not_null() & times.is_null()).arg_true().to_list(), name, "is no time")
        done.append(times)
    for name in ("cost", "billing_account_id", "usage_start", "usage_end"):
        refuse(rows[name].is_null().arg_true().to_list(), name, "is missing")
    for name, pattern, what in (
        ("invoice_month", _MONTH, "is no month (YYYYMM)"),
        ("currency", _CURRENCY, "is no ISO 4217 code"),
    ):
        strange = [text for text in rows[name].unique() if not pattern.fullmatch(text or "")]
        if strange:
            refuse(rows[name].is_in(strange, nulls_equal=True).arg_true().to_list(), name, what)
    typed = rows.with_columns(done).with_row_index("row")
    return typed, {row: "; ".join(texts) for row, texts in sorted(faults.items())}


def _shared(work: pl.DataFrame, spread: Spread | None) -> pl.DataFrame:
    """Add what each row bears of its commitment's fee, and what that commitment is called."""
    found: list[tuple[int, Decimal, str, str]] = []
    if spread is not None:
        regular = pl.col("cost_type").fill_null("regular") == "regular"
        concerned = work.filter(regular & (pl.col("is_fee") | pl.col("commitment_amount").is_not_null()))
        for row in concerned.select(_CONCERNED).iter_rows():
            found.extend(_share(row, spread))
    shares = pl.DataFrame(found, schema=_SHARES, orient="row")
    joined = work.join(shares, on="row", how="left", maintain_order="left")
    return joined.with_columns(pl.col("share").fill_null(0))


_CONCERNED = (
    *("row", "is_fee", "billing_account_id", "currency", "region", "sku_id", "subscription"),
    *("cost", "credits_applied", "covered"),
)
_SHARES = pl.Schema({"row": pl.UInt32(), "share": MONEY, "pool_id": pl.String(), "pool_name": pl.String()})


def _share(row: tuple[Any, ...], spread: Spread) -> Iterator[tuple[int, Decimal, str, str]]:
    index, is_fee, *texts = row[:7]
    cost, credited, covered = row[7:]
    account, currency, region, sku, subscription = (text or "" for text in texts)
    key = (account, currency), region, sku, subscription
    plan = spread.plan
    pool = plan.of_fee.get(key) if is_fee else plan.of_usage.get(key)
    if pool is None:
        return
    if is_fee:
        spread.note_fee(pool, cost + (credited or 0))
    share = Decimal(0) if is_fee or not covered else spread.share(pool, covered)
    yield index, share, plan.pools[pool].id, plan.pools[pool].name


def _notes(types: pl.Series) -> tuple[str, ...]:
    strange = sorted(text for text in types.drop_nulls().unique() if text not in _KNOWN_TYPES)
    return tuple(
        f"cost_type {shortened(text, _SHOWN)!r} is new; its charges are kept as Adjustment. Please report it"
        for text in strange
    )
