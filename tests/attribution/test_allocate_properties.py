"""Money under any rules, costs, currencies and pools: nothing is lost, nothing depends on order."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal, localcontext
from typing import Any

import polars as pl
import pytest
from cells import a_fact, a_star, facts, resources
from hypothesis import given, settings
from hypothesis import strategies as st
from share_oracle import shares

from attribution.allocate import allocate
from attribution.slices import Filter, Sharing, Slice
from attribution.star import OWNERS, Star
from domain.charge import FACT_SCHEMA
from domain.money import EXACT
from domain.window import Window

COST = "EffectiveCost"
FEWER = settings(max_examples=max(10, settings().max_examples // 4))
"""For tests that run once per kind of cut; scales with the profile."""

AMOUNTS = st.one_of(
    st.integers(-(10**15), 10**15),  # up to a thousand, in units of 1E-12
    st.integers(-7, 7),
    st.integers(-(10**35), 10**35),
    st.just(0),
).map(lambda units: Decimal(units).scaleb(-12, context=EXACT))

RESOURCES = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["aws", "azure"]),
        "BillingCurrency": st.sampled_from(["USD", "USD", "EUR"]),
        "ChargeCategory": st.sampled_from(
            ["Usage", "Usage", "Usage", "Tax", "Credit", "Purchase", "Adjustment"]
        ),
        "CommitmentDiscountStatus": st.sampled_from([None, None, "Used", "Unused"]),
        "SubAccountId": st.sampled_from([None, "111", "222"]),
        "ServiceName": st.sampled_from([None, "EC2", "S3", "AWS Support (Business)"]),
        "RegionId": st.sampled_from(["eu", "us"]),
        "Tags": st.dictionaries(
            st.sampled_from(["team", "env", "Team", "k8s-namespace"]),
            st.sampled_from(["a", "b", "c", "kube-system", "logs"]),
        ),
    }
)
OWNERSHIP = st.fixed_dictionaries(
    {
        "shared": st.sampled_from(
            [
                [],
                [{"name": "platform", "when": {"namespace": "kube-system"}}],
                [{"name": "platform", "when": {"namespace": "kube-system"}, "split": "even"}],
                [
                    {"name": "logs", "when": {"tag:env": "logs"}, "across": ["team", "environment"]},
                    {"name": "idle", "when": {"commitment_status": "Unused"}, "split": "even"},
                    {"name": "tax", "when": {"charge_category": "Tax"}},
                ],
            ]
        ),
        "follow": st.fixed_dictionaries(
            {name: st.sampled_from(["related", "pool", "none"]) for name in ("tax", "support", "credits")}
        ),
        "accounts": st.sampled_from([{}, {"222": "c"}]),
    }
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Star, pl.DataFrame]:
    """A few resources under some rules, and charges of a few hours, days and billing periods."""
    rows = draw(st.lists(RESOURCES, min_size=1, max_size=7))
    dims = resources(*rows)
    charges = st.builds(
        a_fact,
        st.integers(0, len(rows) - 1),
        AMOUNTS,
        st.sampled_from(["2026-06-10T00:00", "2026-06-10T01:00", "2026-06-11T00:00", "2026-07-01T00:00"]),
        period=st.sampled_from([None, "2026-07"]),
    )
    cells = facts(*draw(st.lists(charges, min_size=1, max_size=14))).collect()
    cells = (
        cells.drop("source").join(dims.select("dim_id", "source"), on="dim_id").select(FACT_SCHEMA.names())
    )
    return a_star(dims, draw(OWNERSHIP)), cells


def sums_by(cells: pl.DataFrame, star: Star, *by: str, **asked: Any) -> dict[tuple[Any, ...], Decimal]:
    """Give sums that are not zero by dimensions and currency."""
    frame = allocate(cells.lazy(), star, Slice(by=by, costs=(COST,), **asked)).collect()
    found: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    with localcontext(EXACT):
        for *key, amount in frame.iter_rows():
            found[tuple(key)] += amount or 0
    assert len(found) == frame.height, "a key came twice"
    return {key: amount for key, amount in found.items() if amount}


def added(*parts: dict[tuple[Any, ...], Decimal]) -> dict[tuple[Any, ...], Decimal]:
    total: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    with localcontext(EXACT):
        for part in parts:
            for key, amount in part.items():
                total[key] += amount
    return {key: amount for key, amount in total.items() if amount}


@pytest.mark.parametrize("sharing", Sharing)
@given(world=worlds())
def test_every_part_of_every_charge_goes_where_plain_arithmetic_says(
    sharing: Sharing, world: tuple[Star, pl.DataFrame]
) -> None:
    star, cells = world
    expected: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    with localcontext(EXACT):
        for fact, owner, part in shares(cells, star, COST, after=sharing is Sharing.AFTER):
            key = (*owner, fact["RegionId"], fact["day"], fact["billing_period"], fact["BillingCurrency"])
            expected[key] += part
    found = sums_by(cells, star, *OWNERS, "region", "day", "billing_month", sharing=sharing)
    assert found == {key: amount for key, amount in expected.items() if amount}


@pytest.mark.parametrize("sharing", Sharing)
@FEWER
@given(world=worlds())
def test_nothing_is_lost_per_currency_period_and_source(
    sharing: Sharing, world: tuple[Star, pl.DataFrame]
) -> None:
    star, cells = world
    currencies = star.resources.select("dim_id", "BillingCurrency")
    truth: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    with localcontext(EXACT):
        for row in cells.join(currencies, on="dim_id").iter_rows(named=True):
            truth[row["source"], row["billing_period"], row["BillingCurrency"]] += row[COST]
    by_owner = sums_by(cells, star, "source", "billing_month", *OWNERS, sharing=sharing)
    whole = added(*({(*key[:2], key[-1]): amount} for key, amount in by_owner.items()))
    assert whole == {key: amount for key, amount in truth.items() if amount}


@FEWER
@given(world=worlds(), data=st.data())
def test_neither_the_order_of_rows_nor_the_files_they_are_in_matter(
    world: tuple[Star, pl.DataFrame], data: st.DataObject
) -> None:
    star, cells = world
    order = data.draw(st.permutations(range(cells.height)))
    cut = data.draw(st.integers(0, cells.height))
    shuffled = cells[order]
    dims = data.draw(st.permutations(range(star.resources.height)))
    turned = Star(
        resources=star.resources[dims], ownership=star.ownership[list(reversed(dims))], policy=star.policy
    )
    parts = pl.concat([shuffled[:cut].lazy(), shuffled[cut:].lazy()]).collect()
    by = ("team", "environment", "cost_kind", "pool")
    assert sums_by(parts, turned, *by, sharing=Sharing.AFTER) == sums_by(
        cells, star, *by, sharing=Sharing.AFTER
    )


@pytest.mark.parametrize("fine", ["hour", "day", "week", "month", "sku"])
@FEWER
@given(world=worlds())
def test_finer_rows_add_up_to_coarser_ones(fine: str, world: tuple[Star, pl.DataFrame]) -> None:
    star, cells = world
    priced = Star(
        resources=star.resources,
        ownership=star.ownership,
        policy=star.policy,
        prices=pl.DataFrame({"price_id": [0], "SkuId": ["one"]}),
    )
    rows = sums_by(cells, priced, "team", "pool", fine, sharing=Sharing.AFTER)
    coarse = added(*({(*key[:2], key[3]): amount} for key, amount in rows.items()))
    assert coarse == sums_by(cells, star, "team", "pool", sharing=Sharing.AFTER)


@FEWER
@given(world=worlds(), cut=st.sampled_from(["2026-06-10T01:00", "2026-06-11T00:00", "2026-06-30T12:30"]))
def test_splitting_a_window_is_additive(world: tuple[Star, pl.DataFrame], cut: str) -> None:
    star, cells = world
    whole = Window.of_days(date(2026, 6, 1), date(2026, 8, 1))
    middle = a_fact(0, start=cut)["ChargePeriodStart"]
    asked = {"sharing": Sharing.AFTER}
    parts = [
        sums_by(cells, star, "team", "pool", window=Window(start=start, end=end), **asked)
        for start, end in ((whole.start, middle), (middle, whole.end))
    ]
    assert added(*parts) == sums_by(cells, star, "team", "pool", window=whole, **asked)


@pytest.mark.parametrize(
    "condition",
    [
        Filter(dimension="team", values=("a", None)),
        Filter(dimension="team", values=("b",), negated=True),
        Filter(dimension="region", values=("e*",)),
        Filter(dimension="day", values=("2026-06-10",)),
        Filter(dimension="billing_month", values=("2026-07",)),
        Filter(dimension="cost_kind", values=("shared",)),
        Filter(dimension="pool", values=(None,)),
    ],
    ids=lambda condition: f"{condition.dimension}{'!' if condition.negated else ''}={condition.values}",
)
@FEWER
@given(world=worlds())
def test_filtering_what_was_shared_is_sharing_and_then_filtering(
    condition: Filter, world: tuple[Star, pl.DataFrame]
) -> None:
    star, cells = world
    by = ("team", "region", "day", "billing_month", "cost_kind", "pool")
    whole = allocate(cells.lazy(), star, Slice(by=by, costs=(COST,), sharing=Sharing.AFTER)).collect()
    kept = whole.filter(condition.keeps(whole.get_column(condition.dimension)))
    expected = {tuple(key): amount for *key, amount in kept.iter_rows() if amount}
    assert sums_by(cells, star, *by, sharing=Sharing.AFTER, where=(condition,)) == expected
    narrow = added(*({(key[0], key[-1]): amount} for key, amount in expected.items()))
    assert sums_by(cells, star, "team", sharing=Sharing.AFTER, where=(condition,)) == narrow


@FEWER
@given(world=worlds(), more=OWNERSHIP)
def test_other_rules_never_change_what_is_spent(
    world: tuple[Star, pl.DataFrame], more: dict[str, Any]
) -> None:
    star, cells = world
    ruled = {**more, "rules": [{"when": {"region": "eu"}, "team": "europe"}]}
    other = a_star(star.resources, ruled)
    by = ("source", "billing_month", "region", "account")
    before = sums_by(cells, star, *by)
    for sharing in Sharing:
        assert sums_by(cells, other, *by, sharing=sharing) == before


@FEWER
@given(world=worlds())
def test_asking_for_several_costs_gives_what_each_gives_alone(world: tuple[Star, pl.DataFrame]) -> None:
    star, cells = world
    mixed = cells.with_columns(
        BilledCost=pl.when(pl.col("day").dt.day() == 10).then(pl.lit(None)).otherwise(pl.col(COST)),
        ListCost=pl.col(COST).neg(),
    )
    by = ("team", "pool", "account")
    costs = ("BilledCost", COST, "ListCost")
    whole = allocate(mixed.lazy(), star, Slice(by=by, costs=costs, sharing=Sharing.AFTER)).collect()
    for cost in costs:
        alone = allocate(mixed.lazy(), star, Slice(by=by, costs=(cost,), sharing=Sharing.AFTER)).collect()
        rows = {tuple(row[:4]): row[4] for row in alone.iter_rows() if row[4]}
        assert {
            tuple(row[n] for n in (*by, "currency")): row[cost]
            for row in whole.iter_rows(named=True)
            if row[cost]
        } == rows
