"""Who has which part of a node: vectors V4 to V6, V8 and V9, and every cause of a residual."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from clusters import (
    START,
    a_device,
    a_holder,
    a_node,
    a_pod,
    a_quota,
    device_hours,
    node_hours,
    pod_hours,
    quota_hours,
)

from attribution.kubernetes.policy import rates
from attribution.kubernetes.schema import RESIDUALS, SHARES, WHOLE
from attribution.kubernetes.shares import Measured, SplitHours, shares, split_hours
from config.allocation import AllocationSettings
from domain.folding import fold
from domain.usage import STEP

VECTORS = {
    one["id"]: one
    for one in json.loads(Path("tests/data/attribution_vectors.json").read_text(encoding="utf-8"))
}
CLOSE = 1e-9


def settings(**said: Any) -> AllocationSettings:
    return AllocationSettings.model_validate(said)


def split(
    nodes: pl.DataFrame, pods: pl.DataFrame, *, how: AllocationSettings | None = None, **more: Any
) -> SplitHours:
    done = split_hours(Measured(nodes=nodes, pods=pods, **more), how or settings())
    assert done.shares.schema == SHARES
    assert done.residuals.schema == RESIDUALS
    sums = done.shares.group_by("hour", "node").agg(pl.col("weight").sum())
    assert sums.height == nodes.height
    assert (sums["weight"] == WHOLE).all()
    return done


def costs(done: SplitHours, price: float = 1.0) -> dict[str | None, float]:
    sums: Counter[str | None] = Counter()
    for uid, weight in done.shares.select("uid", "weight").iter_rows():
        sums[uid] += weight / WHOLE * price
    return dict(sums)


def told(done: SplitHours) -> set[tuple[str | None, str | None, str, float | None]]:
    return set(done.residuals.select("uid", "resource", "cause", "amount").iter_rows())


def a_day_of_v4() -> tuple[pl.DataFrame, pl.DataFrame]:
    frames = []
    for name in ("cpu", "ram"):
        amounts = VECTORS["V4"]["input"]["pods"].items()
        steps = pl.concat(
            pl.DataFrame(
                {
                    "uid": uid,
                    "at": [START + at * STEP for at in range(12 * VECTORS["V4"]["input"]["hours"])],
                    "request": float(pod[f"{name}_request" + ("_gib" if name == "ram" else "")]),
                    "used": float(pod[f"{name}_usage" + ("_gib" if name == "ram" else "")]),
                }
            )
            for uid, pod in amounts
        )
        frames.append(fold(steps, ["uid"]))
    folded = frames[0].join(frames[1], on=["uid", "hour"], suffix="_memory")
    pods = [
        a_pod(uid, at=int((hour - START) / timedelta(hours=1)), cpu_hours=cpu, memory_hours=memory)
        for uid, hour, cpu, memory in folded.select("uid", "hour", "hours", "hours_memory").iter_rows()
    ]
    return node_hours(*(a_node(at=at) for at in range(24))), pod_hours(*pods)


def test_v4_pods_cost_the_greater_of_request_and_usage_and_the_rest_is_idle() -> None:
    nodes, pods = a_day_of_v4()
    expected = VECTORS["V4"]["expected"]
    price = VECTORS["V2"]["input"]["node_price"]
    done = split(nodes, pods)
    for uid, pod in expected["pods"].items():
        held = pods.filter(uid=uid)
        assert held["cpu_hours"].sum() == pytest.approx(pod["core_hours"], rel=CLOSE)
        assert held["memory_hours"].sum() == pytest.approx(pod["gib_hours"], rel=CLOSE)
        sums = done.shares.filter(uid=uid).select("cpu", "memory").sum() / WHOLE * price
        assert sums.row(0) == pytest.approx((pod["cpu_cost"], pod["ram_cost"]), rel=CLOSE)
        each = rates("opencost", price, cpu=4, memory=16)
        assert each.cpu * pod["core_hours"] == pytest.approx(pod["cpu_cost"], rel=CLOSE)
    idle = done.shares.filter(kind="idle")
    assert idle["weight"].sum() / WHOLE * price == pytest.approx(expected["idle"], rel=CLOSE)
    assert idle["cpu"].sum() / WHOLE * price == pytest.approx(expected["idle_cpu"], rel=CLOSE)
    assert idle["memory"].sum() / WHOLE * price == pytest.approx(expected["idle_ram"], rel=CLOSE)
    assert sum(costs(done, price).values()) == pytest.approx(expected["node_cost"], rel=CLOSE)
    assert costs(done, price)[None] / expected["node_cost"] == pytest.approx(
        expected["idle_fraction"], rel=CLOSE
    )
    assert done.residuals.is_empty()


@pytest.mark.parametrize("idle", ["node", "cluster"])
def test_v5_idle_is_shared_by_what_each_resource_of_a_pod_costs(idle: str) -> None:
    nodes, pods = a_day_of_v4()
    done = split(nodes, pods, how=settings(idle=idle))
    expected = VECTORS["V5"]["expected"]
    found = costs(done, VECTORS["V2"]["input"]["node_price"])
    assert found == pytest.approx(expected["total"], rel=CLOSE)
    assert sum(found.values()) == pytest.approx(expected["sum"], rel=CLOSE)


def test_v6_overcommit_is_scaled_to_what_the_node_has_and_told() -> None:
    given, expected = VECTORS["V6"]["input"], VECTORS["V6"]["expected"]
    nodes = node_hours(a_node(cpu_cores=0.0, memory_gib=float(given["node_ram_gib"])))
    pods = pod_hours(
        *(
            a_pod(
                f"p{at}",
                cpu_hours=0.0,
                memory_request_hours=float(pod["request"]),
                memory_used_hours=float(pod["usage"]),
            )
            for at, pod in enumerate(given["pods"])
        )
    )
    done = split(nodes, pods)
    price = given["node_ram_gib"] * given["rate"]
    assert price == pytest.approx(expected["node"])
    assert costs(done, price) == pytest.approx(
        dict(zip(("p0", "p1"), expected["by_pod"], strict=True)), rel=CLOSE
    )
    assert done.shares.filter(kind="idle").is_empty() is (expected["idle"] == 0)
    assert done.shares["overcommit"].sum() * price == pytest.approx(expected["overcommit"], rel=CLOSE)


@pytest.mark.parametrize("idle", ["node", "cluster"])
def test_v8_idle_is_shared_on_its_node_or_across_the_cluster(idle: str) -> None:
    given = VECTORS["V8"]["input"]["nodes"]
    nodes, pods, prices = [], [], []
    for at, node in enumerate(given):
        name = f"n{at}"
        nodes.append(a_node(name, cpu_cores=float(node["cost"]), memory_gib=0.0))
        prices.append({"cluster": "prod", "hour": START, "node": name, "cost": node["cost"]})
        pods += [a_holder(uid, float(used), 0.0, name) for uid, used in node["used"].items()]
    more = {"costs": pl.DataFrame(prices)} if idle == "cluster" else {}
    done = split(node_hours(*nodes), pod_hours(*pods), how=settings(idle=idle), **more)
    assert costs(done, 6) == pytest.approx(VECTORS["V8"]["expected"][f"by_{idle}"], rel=CLOSE)
    assert done.shares.height < 10


@pytest.mark.parametrize("by", ["request", "device"])
def test_v9_a_part_of_a_gpu_costs_a_part_and_the_rest_is_idle(by: str) -> None:
    given, expected = VECTORS["V9"]["input"], VECTORS["V9"]["expected"]
    nodes = node_hours(a_node(cpu_cores=0.0, memory_gib=0.0, gpus=float(given["gpus"])))
    wanted = {uid: float(part) for uid, part in given["pods"].items()}
    asked = wanted if by == "request" else dict.fromkeys(wanted, 1.0)
    pods = pod_hours(*(a_holder(uid, 0.0, 0.0, gpu_request_hours=asked[uid]) for uid in asked))
    held = [
        a_device(
            f"GPU-{uid}", uid=uid, share=None if part == 1 else part, sharing=None if part == 1 else "hami"
        )
        for uid, part in given["pods"].items()
    ]
    devices = device_hours(*held) if by == "device" else device_hours()
    done = split(nodes, pods, devices=devices)
    found = costs(done, given["gpu_rate"] * given["gpus"])
    assert found.pop(None) == pytest.approx(expected["idle"], rel=CLOSE)
    assert found == pytest.approx({uid: expected[uid] for uid in found}, rel=CLOSE)
    assert sum(costs(done, 32.0).values()) == pytest.approx(expected["total"], rel=CLOSE)


def test_the_plain_call_gives_the_same_shares() -> None:
    nodes, pods = a_day_of_v4()
    assert shares(nodes, pods, device_hours(), settings()).equals(split(nodes, pods).shares)


def test_refuses_two_clusters_at_once() -> None:
    nodes = node_hours(a_node(), {**a_node(), "cluster": "dev"})
    with pytest.raises(ValueError, match="one cluster"):
        shares(nodes, pod_hours(), device_hours(), settings())


def test_without_usage_the_request_counts_and_without_a_request_the_usage() -> None:
    pods = pod_hours(
        a_pod("a", cpu_request_hours=1.0, memory_used_hours=4.0),
        a_pod("b", cpu_used_hours=1.0, memory_request_hours=4.0),
    )
    done = split(node_hours(a_node()), pods)
    assert costs(done)["a"] == pytest.approx(0.25, rel=CLOSE) == costs(done)["b"]
    assert done.residuals.is_empty()


def test_a_pod_of_which_nothing_is_known_is_named_and_has_no_part() -> None:
    pods = pod_hours(a_holder("a", 4.0, float("nan")), a_pod("b"))
    done = split(node_hours(a_node()), pods)
    assert costs(done)["b"] == 0
    assert told(done) == {
        ("a", "memory", "no-metrics", None),
        ("b", "cpu", "no-metrics", None),
        ("b", "memory", "no-metrics", None),
    }


def test_a_pod_on_an_unknown_node_does_not_vanish() -> None:
    pods = pod_hours(
        a_holder("a", 2.0, 1.0, "gone", gpu_request_hours=1.0),
        a_pod("b", at=7, cpu_hours=2.0),
        a_holder("c", 0.0, 0.0, "gone"),
        a_holder("d", 1.0, 1.0),
    )
    done = split(node_hours(a_node()), pods)
    assert set(costs(done)) == {"d", None}
    assert told(done) == {
        ("a", "cpu", "unknown-node", 2.0),
        ("a", "memory", "unknown-node", 1.0),
        ("a", "gpu", "unknown-node", 1.0),
        ("b", "cpu", "unknown-node", 2.0),
        ("b", "memory", "unknown-node", None),
        ("c", None, "unknown-node", 0.0),
    }


def test_without_any_node_all_pods_are_residuals() -> None:
    done = split(node_hours(), pod_hours(a_holder("a", 1.0, 1.0)))
    assert done.shares.is_empty()
    assert {cause for _, _, cause, _ in told(done)} == {"unknown-node"}


def test_a_node_without_pods_is_idle() -> None:
    (row,) = split(node_hours(a_node()), pod_hours()).shares.rows(named=True)
    assert (row["kind"], row["uid"], row["weight"]) == ("idle", None, WHOLE)
    assert row["cpu"] + row["memory"] == pytest.approx(WHOLE)


def test_a_node_whose_size_is_unknown_is_idle_and_says_so() -> None:
    nodes = node_hours(a_node(cpu_cores=None, memory_gib=None, gpus=None))
    done = split(nodes, pod_hours(a_holder("a", 1.0, 0.0)))
    assert costs(done) == {"a": 0.0, None: 1.0}
    assert told(done) == {("a", "cpu", "no-capacity", 1.0), (None, None, "no-price", None)}


def test_a_gpu_that_the_node_does_not_have_is_named() -> None:
    pods = pod_hours(a_holder("a", 4.0, 16.0, gpu_request_hours=1.0))
    done = split(node_hours(a_node(gpus=None)), pods)
    assert costs(done) == {"a": 1.0}
    assert told(done) == {("a", "gpu", "no-capacity", 1.0)}


def test_a_node_that_was_there_for_half_an_hour_has_half_the_capacity() -> None:
    pods = pod_hours(a_holder("a", 1.0, 4.0))
    done = split(node_hours(a_node(alive_seconds=1800.0)), pods)
    assert costs(done) == pytest.approx({"a": 0.5, None: 0.5}, rel=CLOSE)


def test_a_pod_name_that_returns_is_another_pod() -> None:
    pods = pod_hours(
        a_holder("a-1", 1.0, 4.0, pod="db-0"),
        a_holder("a-2", 2.0, 8.0, pod="db-0"),
    )
    done = split(node_hours(a_node()), pods)
    assert costs(done) == pytest.approx({"a-1": 0.25, "a-2": 0.5, None: 0.25}, rel=CLOSE)


def test_unused_quota_is_charged_only_if_asked_for() -> None:
    nodes, pods = node_hours(a_node()), pod_hours(a_holder("a", 1.0, 4.0))
    quotas = quota_hours(
        a_quota("lab", "cpu", 3.0, 1.0), a_quota("lab", "cpu", 9.0, 1.0), a_quota("dev", "cpu", 2.0, None)
    )
    plain = split(nodes, pods, quotas=quotas)
    assert costs(plain)[None] == pytest.approx(0.75, rel=CLOSE)
    assert plain.shares["namespace"].drop_nulls().unique().to_list() == ["shop"]
    asked = split(nodes, pods, quotas=quotas, how=settings(quota={"charge_unused": True}))
    (charged,) = asked.shares.filter(namespace="lab").rows(named=True)
    each = rates("opencost", 1.0, cpu=4, memory=16)
    assert (charged["kind"], charged["workload_kind"], charged["uid"]) == ("idle", "ResourceQuota", None)
    assert charged["weight"] / WHOLE == pytest.approx(2 * each.cpu, rel=CLOSE)
    assert costs(asked)["a"] == costs(plain)["a"]


def test_quotas_beyond_what_is_idle_share_what_is_there() -> None:
    nodes = node_hours(a_node("n1"), a_node("n2"))
    pods = pod_hours(a_holder("a", 4.0, 16.0))
    quotas = quota_hours(
        *(
            a_quota(ns, name, hard, 0.0)
            for ns, hard in (("x", 300.0), ("y", 100.0))
            for name in ("cpu", "memory")
        )
    )
    done = split(nodes, pods, quotas=quotas, how=settings(quota={"charge_unused": True}, idle="node"))
    by_namespace = dict(done.shares.group_by("namespace").agg(pl.col("weight").sum() / WHOLE).iter_rows())
    assert by_namespace == pytest.approx({"shop": 1.0, "x": 0.75, "y": 0.25}, rel=CLOSE)


def test_what_nobody_in_the_cluster_holds_stays_idle() -> None:
    nodes = node_hours(a_node("n1", gpus=2.0), a_node("n2"))
    pods = pod_hours(
        a_holder("a", 1.0, 1.0, "n1"),
        a_holder("b", 1.0, 1.0, "n2"),
    )
    for idle in ("node", "cluster"):
        done = split(nodes, pods, how=settings(idle=idle))
        (left,) = done.shares.filter(kind="idle").rows(named=True)
        assert left["node"] == "n1"
        assert left["weight"] == pytest.approx(left["gpu"])


def test_an_empty_node_is_carried_by_the_pods_of_the_others() -> None:
    nodes = node_hours(a_node("n1"), a_node("n2"), a_node("n3", at=1))
    pods = pod_hours(
        a_holder("a", 1.0, 4.0, "n1"),
        a_holder("b", 1.0, 4.0, "n1"),
    )
    done = split(nodes, pods, how=settings(idle="cluster"))
    assert costs(done) == pytest.approx({"a": 1.0, "b": 1.0, None: 1.0}, rel=CLOSE)
    there = done.shares.filter(node="n2")
    assert there["uid"].sort().to_list() == ["a", "b"]
    assert done.shares.filter(kind="idle")["node"].to_list() == ["n3"]


def test_a_node_without_a_known_cost_keeps_its_idle_part() -> None:
    nodes = node_hours(a_node("n1"), a_node("n2"))
    pods = pod_hours(*(a_holder(uid, 1.0, 4.0, node) for uid, node in (("a", "n1"), ("b", "n2"))))
    prices = pl.DataFrame({"cluster": ["prod"], "hour": [START], "node": ["n1"], "cost": [2.0]})
    done = split(nodes, pods, how=settings(idle="cluster"), costs=prices)
    assert costs(done) == pytest.approx({"a": 1.0, "b": 0.25, None: 0.75}, rel=CLOSE)
