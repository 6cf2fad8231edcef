"""Generated months of AWS: whatever they mix, every gate holds and every sum is kept."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

import polars as pl
from cur_months import NEXT, PERIOD, Month, drawn, frame, legacy
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.aws.convert import Converted, to_focus
from collectors.aws.names import cur2_names
from collectors.aws.tally import Tally
from collectors.focus.normalise import Memory
from collectors.focus.sums import EXACT
from domain.charge import COSTS, RAW_SCHEMA

SEEDS = st.integers(0, 2**32)


def pieces_of(month: Month, *, is_legacy: bool, size: int) -> list[Converted]:
    read = frame([legacy(row) for row in month.rows] if is_legacy else month.rows)
    names = cur2_names(read.columns)
    named, memory = read.select(list(names)).rename(names), Memory()
    return [to_focus(named[start : start + size], memory) for start in range(0, named.height, size)]


def by_currency(amounts: dict[tuple[str, str], Decimal]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for (_, currency), amount in amounts.items():
        found[currency] = EXACT.add(found[currency], amount)
    return {currency: amount for currency, amount in found.items() if amount}


def parsed(pieces: list[Converted], cost: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for piece in pieces:
        for (_, currency, column), amount in piece.sums.parsed.items():
            if column == cost:
                found[currency] = EXACT.add(found[currency], amount)
    return {currency: amount for currency, amount in found.items() if amount}


@given(seed=SEEDS, is_legacy=st.booleans(), size=st.integers(3, 200))
@settings(max_examples=25)
def test_every_gate_holds_and_every_sum_is_kept(seed: int, *, is_legacy: bool, size: int) -> None:
    month = drawn(seed)
    pieces = pieces_of(month, is_legacy=is_legacy, size=size)
    tally = Tally(NEXT + timedelta(days=9))
    for piece in pieces:
        tally.add(piece)
        assert piece.rejected == {}
        assert piece.charges.schema == RAW_SCHEMA
    assert tally.remainder() is None
    closing = tally.closing(PERIOD)
    assert closing.objections == ()
    assert not [note for note in closing.notes if "more was split" in note]
    assert parsed(pieces, "BilledCost") == by_currency(month.invoiced)
    assert parsed(pieces, "EffectiveCost") == by_currency(month.effective)


@given(seed=SEEDS)
@settings(max_examples=15)
def test_what_is_stored_and_what_is_not_is_what_was_parsed(seed: int) -> None:
    for piece in pieces_of(drawn(seed), is_legacy=False, size=40):
        sums = piece.charges.group_by("BillingCurrency").agg(pl.col(name).sum() for name in COSTS.values())
        for row in sums.iter_rows(named=True):
            for name in COSTS.values():
                key = PERIOD, row["BillingCurrency"], name
                rest = piece.sums.residual.get(key, Decimal(0))
                assert EXACT.add(row[name], rest) == piece.sums.parsed.get(key, Decimal(0))


@given(seed=SEEDS)
@settings(max_examples=10)
def test_what_a_commitment_promised_is_used_or_unused(seed: int) -> None:
    month = drawn(seed)
    charges = pl.concat(piece.charges for piece in pieces_of(month, is_legacy=False, size=10**6))
    committed = charges.filter(
        pl.col("CommitmentDiscountStatus").is_not_null(), pl.col("PublisherName") == "AWS"
    )
    plain = committed.group_by("CommitmentDiscountId").agg(pl.col("EffectiveCost").sum())
    found = {arn: amount for arn, amount in plain.rows() if amount}
    assert found == {arn: amount for arn, amount in month.commitments.items() if amount}


@given(seed=SEEDS)
@settings(max_examples=10)
def test_the_order_of_lines_and_the_form_of_the_report_change_no_charge(seed: int) -> None:
    month = drawn(seed)
    shuffled = Month(rows=random.Random(seed + 1).sample(month.rows, len(month.rows)))  # noqa: S311  # same dice
    of_form = [name for name in RAW_SCHEMA if name != "x_RawTags"]
    forms = [
        pieces_of(month, is_legacy=False, size=10**6),
        pieces_of(month, is_legacy=True, size=10**6),
        pieces_of(shuffled, is_legacy=False, size=10**6),
    ]
    counted = [
        Counter(row for piece in pieces for row in piece.charges.select(of_form).rows()) for pieces in forms
    ]
    assert counted[0] == counted[1] == counted[2]


@given(seed=SEEDS)
@settings(max_examples=10)
def test_a_line_that_is_taken_away_is_missed(seed: int) -> None:
    month = drawn(seed, lines=1)
    tally = Tally(NEXT + timedelta(days=9))
    gone = [row for row in month.rows if row["line_item_line_item_type"] == "SavingsPlanNegation"][:1]
    rest = Month(rows=[row for row in month.rows if row not in gone])
    for piece in pieces_of(rest, is_legacy=False, size=10**6) if rest.rows else ():
        tally.add(piece)
    objections = tally.closing(PERIOD).objections
    assert bool(objections) == bool(gone)
    assert {one.gate for one in objections} <= {"billed"}
