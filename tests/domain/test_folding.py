"""Steps folded into hours: the greater of request and usage in each step, nothing invented."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from domain.charge import INSTANT
from domain.folding import fold
from domain.usage import STEP

START = datetime(2026, 6, 1, tzinfo=UTC)
SCHEMA = {"uid": pl.String(), "at": INSTANT, "request": pl.Float64(), "used": pl.Float64()}
Measured = tuple[float | None, float | None]


def steps(measured: list[Measured], *, step: timedelta = STEP, uid: str = "a") -> pl.DataFrame:
    rows = [(uid, START + at * step, *pair) for at, pair in enumerate(measured)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_v10_hours_of_peaks_are_more_than_a_day_of_averages() -> None:
    vectors = json.loads(Path("tests/data/attribution_vectors.json").read_text(encoding="utf-8"))
    (v10,) = (one for one in vectors if one["id"] == "V10")
    request = v10["input"]["request"]
    step = timedelta(hours=v10["input"]["step_hours"])
    hours = fold(steps([(request, used) for used in v10["input"]["usage"]], step=step), ["uid"], step=step)
    assert hours.height == 24
    assert hours["hours"].sum() == pytest.approx(v10["expected"]["core_hours"], rel=1e-9)


def test_v10_the_same_on_the_grid_of_five_minutes() -> None:
    measured: list[Measured] = [(1.0, 0.0)] * (12 * 12) + [(1.0, 3.0)] * (12 * 12)
    hours = fold(steps(measured), ["uid"])
    assert hours["hours"].sum() == pytest.approx(48)
    assert hours["request_hours"].sum() == pytest.approx(24)
    assert hours["used_hours"].sum() == pytest.approx(36)


def test_a_peak_of_one_step_counts_though_the_average_hides_it() -> None:
    (row,) = fold(steps([(1.0, 0.5)] * 11 + [(1.0, 7.0)]), ["uid"]).rows(named=True)
    assert row["hours"] == pytest.approx((11 * 1 + 7) / 12)


def test_a_resize_in_the_middle_keeps_both_values() -> None:
    (row,) = fold(steps([(1.0, None)] * 6 + [(3.0, None)] * 6), ["uid"]).rows(named=True)
    assert row["request_hours"] == pytest.approx(2)
    assert row["used_hours"] is None
    assert row["hours"] == pytest.approx(2)


def test_what_was_not_measured_is_not_zero() -> None:
    (row,) = fold(steps([(None, None), (None, float("nan"))]), ["uid"]).rows(named=True)
    assert (row["request_hours"], row["used_hours"], row["hours"]) == (None, None, None)
    (known,) = fold(steps([(None, 0.0), (None, None)]), ["uid"]).rows(named=True)
    assert known["hours"] == 0.0


def test_things_are_folded_apart() -> None:
    both = pl.concat([steps([(1.0, 0.0)] * 12), steps([(2.0, 0.0)] * 12, uid="b")])
    folded = fold(both, ["uid"])
    assert dict(folded.select("uid", "hours").iter_rows()) == pytest.approx({"a": 1.0, "b": 2.0})


value = st.one_of(st.none(), st.floats(min_value=0, max_value=1e4))


@given(st.lists(st.tuples(value, value), max_size=48))
def test_any_cut_and_any_order_of_the_steps_gives_the_same_hours(measured: list[Measured]) -> None:
    frame = steps(measured)
    whole = fold(frame, ["uid"]).sort("hour")
    cut = [fold(one, ["uid"]) for _, one in frame.group_by(pl.col("at").dt.truncate("1h"))]
    joined = pl.concat([whole.clear(), *cut]).sort("hour")
    assert joined.equals(whole)
    shuffled = fold(frame.sample(fraction=1.0, shuffle=True, seed=3), ["uid"]).sort("hour")
    assert_frame_equal(shuffled, whole)
