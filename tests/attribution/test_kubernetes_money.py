"""Charges shared by whole weights: the parts of `domain.money.split`, for millions of them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.kubernetes.money import split_money
from attribution.kubernetes.schema import WHOLE
from domain.charge import MONEY
from domain.money import UNIT, split

COSTS = ("BilledCost", "EffectiveCost")


def charges(*rows: tuple[int, Decimal | None]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema={"thing": pl.Int64, "BilledCost": MONEY}, orient="row")
    return frame.with_columns(EffectiveCost=pl.col("BilledCost"))


def weights(*rows: tuple[int, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"thing": pl.Int64, "weight": pl.Int64}, orient="row")


def parts(of: pl.DataFrame, by: pl.DataFrame) -> dict[tuple[int, int], Decimal | None]:
    found = split_money(of, by, COSTS, on=["thing"])
    assert found["BilledCost"].equals(found["EffectiveCost"], null_equal=True)
    assert found.schema["BilledCost"] == MONEY
    return {(charge, part): cost for charge, part, cost, _ in found.iter_rows()}


def test_v13_a_bill_is_shared_by_what_things_were_thought_to_cost() -> None:
    vectors = json.loads(Path("tests/data/attribution_vectors.json").read_text(encoding="utf-8"))
    (v13,) = (one for one in vectors if one["id"] == "V13")
    names, thought = zip(*v13["input"]["allocation"].items(), strict=True)
    billed = charges((1, Decimal(v13["input"]["billed"])))
    found = parts(billed, weights(*((1, one) for one in thought)))
    expected = {name: Decimal(str(cost)) for name, cost in v13["expected"].items()}
    assert {names[part]: cost for (_, part), cost in found.items()} == expected


def test_the_odd_units_go_to_the_largest_fractions_and_then_to_the_earlier() -> None:
    found = parts(charges((1, 2 * UNIT)), weights((1, 1), (1, 1), (1, 1)))
    assert found == {(0, 0): UNIT, (0, 1): UNIT, (0, 2): Decimal(0)}
    assert parts(charges((1, 2 * UNIT)), weights((1, 1), (1, 4)))[0, 1] == 2 * UNIT


def test_every_charge_of_a_thing_is_shared_for_itself() -> None:
    found = parts(
        charges((1, Decimal(10)), (2, Decimal(1)), (1, Decimal(-4))), weights((1, 1), (2, 5), (1, 3), (9, 1))
    )
    assert found == {
        (0, 0): Decimal("2.5"),
        (0, 2): Decimal("7.5"),
        (1, 1): Decimal(1),
        (2, 0): Decimal(-1),
        (2, 2): Decimal(-3),
    }


def test_what_has_no_weights_has_no_parts_and_null_stays_null() -> None:
    assert parts(charges((1, Decimal(1))), weights((2, 1), (1, 0))) == {}
    assert parts(charges((1, None), (1, Decimal(1))), weights((1, 1))) == {(0, 0): None, (1, 0): Decimal(1)}
    assert parts(charges(), weights()) == {}


amounts = st.one_of(
    st.integers(min_value=-(10**14), max_value=10**14),
    st.integers(min_value=-(10**19), max_value=10**19),
    st.integers(min_value=-(10**36), max_value=10**36),
)
some_weights = st.lists(
    st.one_of(st.integers(min_value=0, max_value=9), st.integers(min_value=0, max_value=750 * WHOLE)),
    min_size=1,
    max_size=12,
).filter(any)


@given(
    groups=st.lists(some_weights, min_size=1, max_size=4),
    units=st.lists(st.tuples(st.integers(min_value=0, max_value=3), amounts), max_size=6),
)
def test_parts_are_those_of_the_plain_rule_whatever_the_sizes(
    groups: list[list[int]], units: list[tuple[int, int]]
) -> None:
    of = [(thing % len(groups), amount * UNIT) for thing, amount in units]
    rows = [(thing, weight) for thing, several in enumerate(groups) for weight in several]
    found = parts(charges(*of), weights(*rows))
    expected = {}
    for charge, (thing, amount) in enumerate(of):
        mine = [at for at, (whose, weight) in enumerate(rows) if whose == thing and weight]
        for at, part in zip(mine, split(amount, [rows[at][1] for at in mine]), strict=True):
            expected[charge, at] = part
    assert found == expected


def test_fractions_that_only_differ_far_behind_the_point_are_told_apart() -> None:
    by = weights((1, WHOLE), (1, WHOLE + 1), (1, WHOLE + 2), (1, 3 * WHOLE))
    for units in range(1, 12):
        amount = units * UNIT
        expected = split(amount, by["weight"].to_list())
        assert list(parts(charges((1, amount)), by).values()) == expected


@pytest.mark.parametrize("things", [70_000])
def test_more_things_than_sixteen_bits_hold_keep_their_parts(things: int) -> None:
    numbers = pl.int_range(things, eager=True).alias("thing").to_frame()
    of = numbers.with_columns(BilledCost=pl.col("thing").cast(MONEY))
    by = pl.concat([numbers, numbers.reverse()]).with_columns(weight=pl.lit(1, pl.Int64))
    found = split_money(of, by, ["BilledCost"], on=["thing"])
    sums = found.group_by("charge").agg(pl.col("BilledCost").sum()).sort("charge")
    assert sums["BilledCost"].equals(of["BilledCost"])
    assert (by["thing"].gather(found["part"]) == found["charge"]).all()
