"""Fractions of GPUs: nobody's parts of a device exceed the device."""

from __future__ import annotations

import polars as pl
import pytest
from clusters import Row, a_device, a_holder, a_node, device_hours, node_hours, pod_hours
from hypothesis import given
from hypothesis import strategies as st

from attribution.kubernetes.gpu import device_parts
from attribution.kubernetes.schema import WHOLE
from attribution.kubernetes.shares import Measured, split_hours
from config.allocation import AllocationSettings, BasePrices

ONLY_GPUS = AllocationSettings(split=BasePrices(gpu=1))
A100 = "NVIDIA A100-SXM4-80GB"


def parts(*rows: Row) -> dict[str, float]:
    found = device_parts(device_hours(*rows)).group_by("uid").agg(pl.col("hours").sum())
    return dict(found.iter_rows())


def bill(devices: pl.DataFrame, gpus: float, requests: dict[str, float | None]) -> dict[str | None, float]:
    """Give the device-hours that every pod of one GPU node pays for."""
    pods = pod_hours(*(a_holder(uid, 0.0, 0.0, gpu_request_hours=asked) for uid, asked in requests.items()))
    measured = Measured(nodes=node_hours(a_node(gpus=gpus)), pods=pods, devices=devices)
    done = split_hours(measured, ONLY_GPUS)
    sums = done.shares.group_by("uid").agg(pl.col("weight").sum() / WHOLE * gpus)
    return dict(sums.iter_rows())


def a_slice(profile: str, instance: str, **said: object) -> Row:
    return a_device("GPU-0", profile=profile, instance=instance, sharing="mig", model=A100, **said)


def test_small_instances_are_their_slices_and_the_rest_is_nobodys() -> None:
    found = parts(a_slice("1g.10gb", "7", uid="a"), a_slice("2g.20gb", "8", uid="b"), a_slice("1g.10gb", "9"))
    assert found == pytest.approx({"a": 1 / 7, "b": 2 / 7})


def test_instances_that_fill_a_device_in_different_ways_are_scaled_to_it() -> None:
    found = parts(a_slice("3g.40gb", "1", uid="a"), a_slice("4g.40gb", "2", uid="b"))
    assert found == pytest.approx({"a": 0.5 / (15 / 14), "b": (4 / 7) / (15 / 14)})
    assert sum(found.values()) == pytest.approx(1)
    beside_a_free_one = parts(a_slice("3g.40gb", "1"), a_slice("4g.40gb", "2", uid="b"))
    assert beside_a_free_one["b"] == pytest.approx(found["b"])


def test_holders_of_one_instance_share_that_instance() -> None:
    found = parts(a_slice("3g.40gb", "1", uid="a"), a_slice("3g.40gb", "1", uid="b"))
    assert found == pytest.approx({"a": 0.25, "b": 0.25})


def test_time_slices_are_shared_by_who_holds_them_and_turns_by_their_length() -> None:
    together = [a_device("GPU-0", sharing="time-slicing", uid=uid) for uid in "abcd"]
    assert parts(*together) == pytest.approx(dict.fromkeys("abcd", 0.25))
    turns = [a_device("GPU-0", uid=uid, seconds=1800.0) for uid in "ab"]
    assert parts(*turns) == pytest.approx({"a": 0.5, "b": 0.5})


@pytest.mark.parametrize("sharing", ["mps", "hami", "dra"])
def test_a_fraction_is_what_the_device_says(sharing: str) -> None:
    held = [
        a_device("GPU-0", sharing=sharing, share=share, uid=uid) for uid, share in (("a", 0.25), ("b", 0.5))
    ]
    found = bill(device_hours(*held), 1.0, {"a": 1.0, "b": 1.0})
    assert found == pytest.approx({"a": 0.25, "b": 0.5, None: 0.25})


def test_four_quarters_make_one_gpu_hour() -> None:
    held = [a_device("GPU-0", sharing="hami", share=0.25, uid=uid) for uid in "abcd"]
    assert bill(device_hours(*held), 1.0, dict.fromkeys("abcd", 1.0)) == pytest.approx(
        dict.fromkeys("abcd", 0.25)
    )


def test_a_whole_device_that_is_not_measured_is_reserved_all_the_same() -> None:
    found = bill(device_hours(a_device("GPU-0", uid="a")), 4.0, {"a": 2.0, "b": 1.0})
    assert found == pytest.approx({"a": 2.0, "b": 1.0, None: 1.0})


def test_without_any_device_the_request_counts() -> None:
    assert bill(device_hours(), 4.0, {"a": 2.5, "b": None}) == pytest.approx({"a": 2.5, "b": 0.0, None: 1.5})


def test_a_device_that_only_names_the_pod_finds_it() -> None:
    device = a_device("GPU-0", namespace="shop", pod="a", sharing="mps", share=0.5)
    assert bill(device_hours(device), 1.0, {"a": 1.0}) == pytest.approx({"a": 0.5, None: 0.5})


def test_a_holder_that_is_no_pod_of_the_node_is_named() -> None:
    devices = device_hours(a_device("GPU-0", uid="gone"), a_device("GPU-1", namespace="shop", pod="strange"))
    measured = Measured(nodes=node_hours(a_node(gpus=2.0)), pods=pod_hours(), devices=devices)
    done = split_hours(measured, ONLY_GPUS)
    told = set(done.residuals.select("uid", "pod", "resource", "cause", "amount").iter_rows())
    assert told == {("gone", None, "gpu", "unknown-pod", 1.0), (None, "strange", "gpu", "unknown-pod", 1.0)}
    assert done.shares["kind"].to_list() == ["idle"]


device = st.builds(
    lambda device, uid, seconds, how: a_device(device, uid=uid, seconds=seconds, **how),
    st.sampled_from(["GPU-0", "GPU-1"]),
    st.sampled_from(["a", "b", "c", None]),
    st.one_of(st.none(), st.floats(min_value=0, max_value=4000)),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"share": st.floats(min_value=0, max_value=1), "sharing": st.just("hami")}),
        st.fixed_dictionaries(
            {
                "profile": st.sampled_from(["1g.10gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb", "odd"]),
                "instance": st.sampled_from(["1", "2", "3"]),
                "sharing": st.just("mig"),
                "model": st.sampled_from([A100, None]),
            }
        ),
    ),
)


@given(st.lists(device, max_size=12))
def test_what_holders_have_of_a_device_is_never_more_than_it(rows: list[Row]) -> None:
    found = device_parts(device_hours(*rows))
    assert found.filter(pl.col("hours") < 0).is_empty()
    by_device = found.group_by("device").agg(pl.col("hours").sum())
    assert by_device.filter(pl.col("hours") > 1 + 1e-12).is_empty()
    mixed = parts(*reversed(rows))
    assert mixed == pytest.approx(parts(*rows))
