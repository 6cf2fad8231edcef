"""Generated clusters: whatever happened, every node-hour is split exactly and nothing vanishes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl
import pytest
from clusters import (
    Row,
    a_device,
    a_node,
    a_pod,
    a_quota,
    device_hours,
    node_hours,
    pod_hours,
    quota_hours,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.kubernetes.money import split_money
from attribution.kubernetes.schema import KEY, WHOLE, Cause
from attribution.kubernetes.shares import Measured, SplitHours, split_hours
from config.allocation import AllocationSettings
from domain.charge import MONEY
from domain.money import UNIT

HOURS, NODES, UIDS = range(2), ("n1", "n2", "n3"), tuple("abcdefg")

size = st.one_of(st.none(), st.just(0.0), st.sampled_from([1.0, 4.0, 64.0]), st.floats(0.001, 500))
amount = st.one_of(
    st.none(), st.just(float("nan")), st.just(0.0), st.sampled_from([1.0, 4.0]), st.floats(0, 300)
)
profile = st.sampled_from([None, "1g.10gb", "3g.40gb", "4g.40gb"])


def _node(name: str, at: int) -> st.SearchStrategy[Row]:
    sizes = {"cpu_cores": size, "memory_gib": size, "gpus": st.sampled_from([None, 0.0, 1.0, 8.0])}
    alive = {"alive_seconds": st.sampled_from([None, 0.0, 600.0, 3600.0])}
    return st.fixed_dictionaries({**sizes, **alive}).map(lambda said: a_node(name, at, **said))


def _pod(uid: str, node: str, at: int) -> st.SearchStrategy[Row]:
    parts = ("request", "used")
    amounts = {f"{what}_{part}_hours": amount for what in ("cpu", "memory") for part in parts}
    more = {"gpu_request_hours": st.sampled_from([None, 0.0, 0.5, 1.0, 8.0])}
    return st.fixed_dictionaries({**amounts, **more}).map(
        lambda said: a_pod(uid, node, at, pod="db-0", **said)
    )


def _device(node: str, at: int) -> st.SearchStrategy[Row]:
    said = {
        "uid": st.sampled_from([None, *UIDS]),
        "share": st.one_of(st.none(), st.floats(0, 1)),
        "profile": profile,
        "seconds": st.sampled_from([None, 900.0, 3600.0]),
    }
    return st.fixed_dictionaries(said).map(lambda more: a_device("GPU-0", node, at, **more))


@st.composite
def clusters(draw: st.DrawFn) -> Measured:
    """Draw nodes that come and go, pods that restart and move, gaps, devices in all forms, quotas."""
    places = [(node, at) for node in NODES for at in HOURS]
    there = draw(st.lists(st.sampled_from(places), unique=True))
    nodes = [draw(_node(*place)) for place in there]
    keys = st.tuples(st.sampled_from(UIDS), st.sampled_from([*NODES, "gone"]), st.sampled_from(HOURS))
    pods = [draw(_pod(*key)) for key in draw(st.lists(keys, unique=True, max_size=12))]
    devices = [draw(_device(*place)) for place in draw(st.lists(st.sampled_from(places), max_size=4))]
    resource = st.sampled_from(["cpu", "memory", "gpu", "pods"])
    quota = st.builds(
        a_quota, st.sampled_from(["x", "y"]), resource, amount, amount, st.sampled_from(range(3))
    )
    return Measured(
        nodes=node_hours(*nodes),
        pods=pod_hours(*pods),
        devices=device_hours(*devices),
        quotas=quota_hours(*draw(st.lists(quota, max_size=4))),
    )


def policies() -> st.SearchStrategy[AllocationSettings]:
    splits = ["opencost", "aws-scad", "fixed-95-3-2", "half", {"gpu": 2.0}]
    return st.builds(
        lambda split, idle, charge: AllocationSettings.model_validate(
            {"split": split, "idle": idle, "quota": {"charge_unused": charge}}
        ),
        st.sampled_from(splits),
        st.sampled_from(["apart", "node", "cluster"]),
        st.booleans(),
    )


def weights(done: SplitHours) -> list[tuple[object, ...]]:
    by = (*KEY, "kind", "uid", "namespace")
    return done.shares.group_by(by).agg(pl.col("weight").sum()).sort(by).rows()


@settings(max_examples=150, deadline=None)
@given(clusters(), policies())
def test_every_node_hour_is_split_exactly_and_nothing_is_negative(
    measured: Measured, how: AllocationSettings
) -> None:
    done = split_hours(measured, how)
    sums = done.shares.group_by(KEY).agg(pl.col("weight").sum())
    assert sums.height == measured.nodes.height
    assert (sums["weight"] == WHOLE).all()
    assert done.shares.filter(
        pl.any_horizontal(pl.col("weight", "cpu", "memory", "gpu", "overcommit") < 0)
    ).is_empty()
    off = pl.col("weight") - pl.sum_horizontal("cpu", "memory", "gpu")
    priced = done.shares.join(done.residuals.filter(cause=Cause.NO_PRICE.value), on=KEY, how="anti")
    assert priced.filter(off.abs() > 1000).is_empty()


@settings(max_examples=60, deadline=None)
@given(clusters(), policies())
def test_no_pod_vanishes(measured: Measured, how: AllocationSettings) -> None:
    done = split_hours(measured, how)
    by = [*KEY, "uid"]
    named = pl.concat([done.shares.select(by), done.residuals.select(by)]).unique()
    assert measured.pods.join(named, on=by, how="anti").is_empty()
    unknown = measured.pods.filter(
        pl.all_horizontal(pl.col("^(cpu|memory)_.*hours$").fill_nan(None).is_null())
    )
    told = done.residuals.filter(pl.col("cause").is_in([Cause.NO_METRICS.value, Cause.UNKNOWN_NODE.value]))
    assert unknown.join(told, on=by, how="anti").is_empty()


@settings(max_examples=60, deadline=None)
@given(clusters(), policies(), st.integers(0, 10**6))
def test_the_order_of_rows_is_irrelevant(measured: Measured, how: AllocationSettings, seed: int) -> None:
    mixed = Measured(
        nodes=measured.nodes.sample(fraction=1, shuffle=True, seed=seed),
        pods=measured.pods.sample(fraction=1, shuffle=True, seed=seed),
        devices=measured.devices.sample(fraction=1, shuffle=True, seed=seed),
        quotas=measured.quotas,
    )
    ours, theirs = weights(split_hours(measured, how)), weights(split_hours(mixed, how))
    assert [row[:-1] for row in ours] == [row[:-1] for row in theirs]
    assert [row[-1] for row in ours] == pytest.approx([row[-1] for row in theirs], abs=10)


def _of(frame: pl.DataFrame | None, at: int) -> pl.DataFrame:
    assert frame is not None
    return frame.filter(pl.col("hour") == a_node(at=at)["hour"])


@settings(max_examples=60, deadline=None)
@given(clusters(), policies())
def test_hours_split_one_by_one_are_the_same_as_together(measured: Measured, how: AllocationSettings) -> None:
    apart: list[tuple[object, ...]] = []
    for at in HOURS:
        alone = Measured(
            nodes=_of(measured.nodes, at),
            pods=_of(measured.pods, at),
            devices=_of(measured.devices, at),
            quotas=_of(measured.quotas, at),
        )
        apart += weights(split_hours(alone, how))
    together = weights(split_hours(measured, how))
    assert sorted(apart, key=str) == sorted(together, key=str)


def _total(costs: pl.Series) -> Decimal:
    return Decimal(costs.sum() or 0)


@settings(max_examples=60, deadline=None)
@given(clusters(), policies(), st.lists(st.integers(-(10**15), 10**15), min_size=6, max_size=6))
def test_the_money_of_every_node_hour_is_all_there(
    measured: Measured, how: AllocationSettings, units: Sequence[int]
) -> None:
    done = split_hours(measured, how)
    charges = measured.nodes.select(KEY).with_columns(
        pl.Series("cost", [units[at] * UNIT for at in range(measured.nodes.height)], dtype=MONEY)
    )
    parts = split_money(charges, done.shares, ["cost"])
    sums = parts.group_by("charge").agg(pl.col("cost").sum()).sort("charge")
    assert sums["cost"].to_list() == charges["cost"].to_list()
    by_hour = (
        parts.with_columns(hour=charges["hour"].gather(parts["charge"]))
        .group_by("hour")
        .agg(pl.col("cost").sum())
    )
    assert _total(by_hour["cost"]) == _total(charges["cost"])
