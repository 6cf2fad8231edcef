"""The fees of commitments reach the usage they covered, exactly, and what nobody used is named."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import gcp_export
import polars as pl
import pytest
from gcp_export import Row, adjustment, committed, credit, fee, rounding, tax, usage
from hypothesis import given
from hypothesis import strategies as st

from collectors.gcp.commitments import plan
from collectors.gcp.convert import to_focus
from collectors.gcp.promotions import unused
from collectors.gcp.rows import flat
from collectors.gcp.spread import Spread
from collectors.gcp.summary import Summary, of_answer
from collectors.gcp.tally import Tally
from domain.delivery import Closing

HOURS_OF_FOUR_CORES = 4 * 3600 * 24


def month(rows: list[Row], *, page: int = 1000) -> tuple[pl.DataFrame, Closing]:
    """Convert a month as the collector does: summed up first, then page by page."""
    summary: Summary = of_answer(gcp_export.summary(rows))
    spread = Spread(plan(summary.groups))
    tally = Tally(summary, spread)
    frames = []
    for start in range(0, len(rows), page):
        found = to_focus(flat(rows[start : start + page]), spread=spread)
        assert found.rejected == {}
        tally.add(found.billed)
        frames.append(found.charges)
    frames.append(unused(list(spread.plan.pools.values()), "2026-06"))
    return pl.concat(frames), tally.closing("2026-06")


def by_kind(rows: list[Row]) -> dict[str, list[Decimal]]:
    """Give the effective costs of a month per kind of charge; nothing may be wrong with it."""
    frame, closing = month(rows)
    assert closing.objections == ()
    found: defaultdict[str, list[Decimal]] = defaultdict(list)
    for row in frame.iter_rows(named=True):
        kind = row["CommitmentDiscountStatus"] or row["ChargeCategory"]
        found[kind].append(row["EffectiveCost"].normalize())
    return dict(found)


def covered(cost: float, listed: float | None = None, **fields: Any) -> Row:
    """Give a row of usage that a commitment covers whole."""
    return usage(cost=cost, cost_at_list=listed or cost, credits=[committed(-cost)], **fields)


def test_a_fee_that_was_used_whole_goes_to_what_it_covered_by_list_value() -> None:
    used = by_kind([covered(3, quantity=3000), covered(1, quantity=1000), fee(2, quantity=4000)])
    assert used == {"Used": [Decimal("1.5"), Decimal("0.5")], "Purchase": [Decimal(0)]}


def test_what_was_not_used_is_a_row_of_its_own() -> None:
    found = by_kind([covered(3, quantity=3000), fee(2, quantity=4000)])
    assert found == {"Used": [Decimal("1.5")], "Purchase": [Decimal(0)], "Unused": [Decimal("0.5")]}


def test_a_commitment_that_covered_nothing_is_unused_whole() -> None:
    assert by_kind([usage(cost=3), fee(2, quantity=4000)])["Unused"] == [Decimal(2)]


def test_usage_of_other_machines_bears_nothing() -> None:
    other = covered(3, quantity=3000, sku="E2 Instance Core running in Americas")
    memory = covered(3, quantity=3000, sku="N2 Instance Ram running in Americas")
    frame, closing = month([covered(1, quantity=4000), other, memory, fee(2, quantity=4000)])
    assert closing.objections == ()
    bearing = frame.filter(pl.col("EffectiveCost") > 0)
    assert bearing.select("ChargeDescription", "EffectiveCost").rows() == [
        ("N2 Instance Core running in Americas", Decimal(2))
    ]
    assert "usage of 6 USD" in closing.notes[0]


@pytest.mark.parametrize(
    ("usage_sku", "fee_sku"),
    [
        ("N2D AMD Instance Ram running in Americas", "Commitment v1: N2D AMD Ram in Americas for 3 Years"),
        ("N1 Predefined Instance Core running in Americas", "Commitment v1: Cpu in Americas for 1 Year"),
        ("Custom Instance Core running in Americas", "Commitment v1: Cpu in Americas for 1 Year"),
        ("Memory-optimized Instance Core running in Iowa", "Commitment v1: Memory-optimized Cpu in Iowa"),
        ("Compute optimized Core running in Iowa", "Commitment v1: Compute optimized Cpu in Iowa"),
        ("Nvidia Tesla A100 GPU running in Americas", "Commitment v1: Nvidia Tesla A100 GPU in Americas"),
        ("SSD backed Local Storage", "Commitment v1: Local SSD In Iowa"),
    ],
)
def test_a_commitment_is_found_for_the_usage_that_it_is_for(usage_sku: str, fee_sku: str) -> None:
    for other in ("Commitment v1: E2 Cpu in Americas", "Commitment v1: Nvidia Tesla V100 GPU in Iowa"):
        rows = [covered(3, quantity=10, sku=usage_sku), fee(2, quantity=10, sku=fee_sku),
                fee(5, quantity=10, sku=other, subscription={"instance_id": "sub-other"})]  # fmt: skip
        assert by_kind(rows)["Used"] == [Decimal(2)]


def test_usage_bears_the_fee_of_the_commitment_that_it_names() -> None:
    mine, theirs = {"instance_id": "sub-1"}, {"instance_id": "sub-2"}
    rows = [
        covered(3, quantity=10, subscription=mine),
        covered(3, quantity=10, subscription=theirs),
        fee(2, quantity=10, subscription=mine),
        fee(1, quantity=10, subscription=theirs),
    ]
    frame, _ = month(rows)
    used = frame.filter(pl.col("CommitmentDiscountStatus") == "Used")
    assert used.select("CommitmentDiscountId", "EffectiveCost").rows() == [
        ("sub-1", Decimal(2)),
        ("sub-2", Decimal(1)),
    ]


def test_a_fee_with_an_offset_leaves_what_nobody_used() -> None:
    offset = fee(
        10,
        sku="Commitment - dollar based v1: GCE for 1 Year",
        credits=[credit("FEE_UTILIZATION_OFFSET", -7)],
    )
    frame, closing = month([usage(cost=7, consumption_model={"id": "A", "description": "Flexible"}), offset])
    assert closing.objections == ()
    assert [
        (
            row["ChargeCategory"],
            row["CommitmentDiscountStatus"],
            str(row["BilledCost"].normalize()),
            str(row["EffectiveCost"].normalize()),
        )
        for row in frame.iter_rows(named=True)
    ] == [("Usage", "Used", "7", "7"), ("Purchase", None, "3", "0"), ("Usage", "Unused", "0", "3")]


def test_in_the_month_of_the_change_each_form_is_shared_out_by_its_own_rule() -> None:
    sku = "Commitment - dollar based v1: GCE for 1 Year"
    before = usage(cost=13, cost_at_list=13, credits=[credit("COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE", -13)])
    after = usage(cost=8, cost_at_list=11, consumption_model={"id": "A", "description": "Flexible"})
    offset = fee(10, sku=sku, credits=[credit("FEE_UTILIZATION_OFFSET", -8)])
    found = by_kind([before, fee(10, sku=sku), after, offset])
    assert found == {
        "Used": [Decimal(10).normalize(), Decimal(8)],
        "Purchase": [Decimal(0), Decimal(0)],
        "Unused": [Decimal(2)],
    }


def test_an_amount_per_hour_in_its_old_form_is_borne_up_to_what_it_covered() -> None:
    sku = "Commitment - dollar based v1: GCE for 1 Year"
    paid = usage(cost=4, cost_at_list=4, credits=[credit("COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE", -4)])
    found = by_kind([paid, fee(10, sku=sku)])
    assert found == {"Used": [Decimal(4)], "Purchase": [Decimal(0)], "Unused": [Decimal(6)]}


def test_usage_whose_commitment_is_billed_elsewhere_bears_nothing_and_is_told() -> None:
    frame, closing = month([covered(3)])
    assert frame["EffectiveCost"].to_list() == [Decimal(0)]
    assert closing.objections == ()
    assert "covered by commitments whose fee is not in this bill" in closing.notes[0]


def test_nothing_is_provisional_once_fees_were_handed_out() -> None:
    frame, _ = month([covered(3, quantity=3000), fee(2, quantity=4000)])
    assert frame["x_EffectiveCostProvisional"].to_list() == [None] * 3


def test_accounts_and_currencies_do_not_share_commitments() -> None:
    rows = [
        covered(3, quantity=10),
        covered(3, quantity=10, currency="EUR"),
        fee(2, quantity=10, currency="EUR"),
    ]
    frame, _ = month(rows)
    used = frame.filter(pl.col("EffectiveCost") != 0)
    assert used.select("BillingCurrency", "EffectiveCost").rows() == [("EUR", Decimal(2))]


def test_a_row_that_is_missing_is_an_objection_of_both_gates() -> None:
    rows = [covered(3, quantity=3000), covered(2, quantity=100), fee(2, quantity=4000), usage(cost=1)]
    summary = of_answer(gcp_export.summary(rows))
    spread = Spread(plan(summary.groups))
    tally = Tally(summary, spread)
    tally.add(to_focus(flat([rows[0], rows[2]]), spread=spread).billed)
    gates = {one.gate for one in tally.closing("2026-06").objections}
    assert gates == {"billed", "commitment"}
    assert not any(one.forcible for one in tally.closing("2026-06").objections)


def test_a_month_closes_a_week_after_its_end() -> None:
    _, closing = month([usage()])
    assert closing.closes_at == datetime(2026, 7, 8, tzinfo=UTC)


# -- properties ------------------------------------------------------------------------------------

amounts = st.floats(-50, 500, allow_nan=False).map(lambda value: round(value, 9))
positive = st.floats(0.000001, 500).map(lambda value: round(value, 9))
starts = st.integers(0, 700).map(lambda hour: datetime(2026, 6, 1, 8, tzinfo=UTC) + timedelta(hours=hour))
subscriptions = st.sampled_from(["sub-1", "sub-2", None]).map(lambda name: name and {"instance_id": name})
kinds = st.sampled_from(["SUSTAINED_USAGE_DISCOUNT", "PROMOTION", "DISCOUNT", "FREE_TIER", "NEW_KIND"])
machines = st.sampled_from(["N2 Instance Core", "N2 Instance Ram", "N1 Predefined Instance Core", "A100 GPU"])


@st.composite
def lines(draw: st.DrawFn) -> Row:  # noqa: PLR0911  # one return per kind of line
    """Give one line of a bill, of any kind."""
    same: dict[str, Any] = {
        "start": draw(starts),
        "month": "202606",
        "currency": draw(st.sampled_from(["USD", "EUR"])),
    }
    kind, cost = (
        draw(st.sampled_from(["usage", "covered", "dollars", "fee", "flex", "tax", "odd", "fix"])),
        draw(amounts),
    )
    match kind:
        case "usage":
            return usage(
                cost=cost,
                credits=[credit(draw(kinds), draw(amounts)) for _ in range(draw(st.integers(0, 3)))],
                **same,
            )
        case "covered":
            share = draw(st.sampled_from([1, 0.5, 0.333]))
            given = [committed(-cost * share), credit(draw(kinds), draw(amounts))]
            return usage(
                cost=cost,
                cost_at_list=draw(positive),
                credits=given,
                sku=draw(machines),
                subscription=draw(subscriptions),
                **same,
            )
        case "dollars":
            return usage(cost=cost, credits=[credit("COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE", -cost)], **same)
        case "fee":
            sku = draw(
                st.sampled_from(["Commitment v1: N2 Cpu in Americas", "Commitment v1: Ram in Americas"])
            )
            return fee(
                draw(positive),
                sku=sku,
                quantity=draw(st.integers(0, 10**6)),
                subscription=draw(subscriptions),
                **same,
            )
        case "flex":
            given = [credit("FEE_UTILIZATION_OFFSET", -draw(positive))] * draw(st.integers(0, 1))
            return fee(draw(positive), sku="Commitment - dollar based v1: GCE", credits=given, **same)
        case "tax":
            return tax(cost, **same)
        case "odd":
            return rounding(cost / 1000, **same)
        case _:
            return adjustment(cost, days_back=draw(st.integers(0, 60)), **same)


@given(st.lists(lines(), min_size=1, max_size=40), st.integers(1, 41))
def test_every_mix_of_lines_holds_every_gate(rows: list[Row], page: int) -> None:
    frame, closing = month(rows, page=page)
    assert closing.objections == ()
    billed, effective = (_sums(frame, name) for name in ("BilledCost", "EffectiveCost"))
    wanted = {currency: total for (_, currency), total in gcp_export.invoice(rows).items()}
    assert billed == wanted
    assert effective == wanted  # what commitments cost ends with who used them, or as unused
    for row in frame.filter(pl.col("CommitmentDiscountStatus") == "Unused").iter_rows(named=True):
        assert row["EffectiveCost"] != 0


@given(st.lists(lines(), min_size=2, max_size=30), st.integers(0, 2**32))
def test_the_order_of_rows_moves_no_more_than_the_last_unit(rows: list[Row], seed: int) -> None:
    shuffled = list(rows)
    Random(seed).shuffle(shuffled)  # noqa: S311  # hypothesis gives the seed
    (one, _), (other, _) = month(rows), month(shuffled)
    assert _sums(one, "EffectiveCost") == _sums(other, "EffectiveCost")
    first, second = (frame["EffectiveCost"].sort().to_list() for frame in (one, other))
    assert all(abs(a - b) <= Decimal("2E-12") for a, b in zip(first, second, strict=True))


def _sums(frame: pl.DataFrame, column: str) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for currency, value in frame.select("BillingCurrency", column).iter_rows():
        sums[currency] += value
    return dict(sums)


@pytest.mark.parametrize("page", [1, 7, 100])
def test_pages_of_any_size_give_the_same_month(page: int) -> None:
    rows = gcp_export.month_rows("202606", days=3)
    whole, _ = month(rows)
    paged, closing = month(rows, page=page)
    assert closing.objections == ()
    order = ["ChargePeriodStart", "ChargeDescription", "SubAccountId", "BilledCost", "EffectiveCost"]
    assert paged.select(order).sort(order).equals(whole.select(order).sort(order))
