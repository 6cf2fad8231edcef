"""Parts of charges add up to them in every column, whatever is shared by whatever weights."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Any

import polars as pl
from cells import a_fact, resources
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.kubernetes import carve, gaps, holders
from attribution.kubernetes.part_rows import Names, part_rows
from attribution.kubernetes.schema import SHARES, WHOLE
from domain.allocation import PART_SCHEMA
from domain.charge import FACT_SCHEMA, RESOURCE_SCHEMA
from domain.money import EXACT
from domain.usage import NODE_HOURS, VOLUME_HOURS

T0 = datetime(2026, 6, 10, tzinfo=UTC)


def at(hour: int) -> datetime:
    return T0 + timedelta(hours=hour)


def facts(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FACT_SCHEMA)


def a_day(cost: str, dim_id: int = 0) -> dict[str, Any]:
    return a_fact(dim_id, cost, ChargePeriodEnd=at(24))


def the_node(*hours: int, seconds: float = 3600.0) -> pl.DataFrame:
    rows = [
        {
            **dict.fromkeys(NODE_HOURS),
            "cluster": "prod",
            "hour": at(hour),
            "node": "n1",
            "alive_seconds": seconds,
            "cpu_cores": 4.0,
            "memory_gib": 16.0,
        }
        for hour in hours
    ]
    return pl.DataFrame(rows, schema=NODE_HOURS)


def shares(hour: int, **weights: int) -> pl.DataFrame:
    """Give the shares of pods by name; `idle` is nobody's."""
    rows = [
        {
            **dict.fromkeys(SHARES),
            "cluster": "prod",
            "hour": at(hour),
            "node": "n1",
            "kind": "idle" if name == "idle" else "workload",
            "uid": None if name == "idle" else f"uid-{name}",
            "namespace": None if name == "idle" else "shop",
            "pod": None if name == "idle" else name,
            "workload_kind": None if name == "idle" else "Deployment",
            "workload": None if name == "idle" else "web",
            "weight": weight,
        }
        for name, weight in weights.items()
    ]
    return pl.DataFrame(rows, schema=SHARES)


NODE = pl.DataFrame({"dim_id": [0], "cluster": ["prod"], "thing": ["node/n1"]}, schema=holders.THINGS)


def cut(charges: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    windows = carve.windows_of(charges, NODE)
    return carve.carve(charges, windows, carve.weigh(windows, NODE, held))


def costs(parts: pl.DataFrame) -> dict[str | None, Decimal]:
    summed = parts.group_by("pod").agg(pl.col("EffectiveCost").sum())
    return dict(summed.iter_rows())


def test_a_charge_of_an_hour_goes_by_the_weights_of_that_hour() -> None:
    held = holders.of_nodes(
        pl.concat([shares(0, a=WHOLE // 4, idle=WHOLE - WHOLE // 4), shares(1, a=WHOLE)]), the_node(0, 1)
    )
    parts = cut(facts(a_fact(0, "2")), held)
    assert costs(parts) == {"a": Decimal("0.5"), None: Decimal("1.5")}


def test_a_charge_of_a_day_goes_by_the_sum_over_the_hours_that_the_node_was_there() -> None:
    two = pl.concat([shares(0, a=WHOLE), shares(1, b=WHOLE)])
    alive = pl.concat([the_node(0), the_node(1, seconds=900.0)])
    parts = cut(facts(a_day("5")), holders.of_nodes(two, alive))
    assert costs(parts) == {"a": Decimal(4), "b": Decimal(1)}


def test_charges_by_the_hour_and_by_the_day_give_everybody_the_same() -> None:
    two = pl.concat([shares(0, a=WHOLE // 2, idle=WHOLE // 2), shares(1, a=WHOLE // 4, b=WHOLE * 3 // 4)])
    held = holders.of_nodes(two, the_node(0, 1))
    hourly = cut(facts(a_fact(0, "1"), a_fact(0, "1", "2026-06-10T01:00")), held)
    assert costs(hourly) == costs(cut(facts(a_day("2")), held))


AMOUNTS = st.decimals(-(10**9), 10**9, places=12, allow_nan=False) | st.none()
QUANTITIES = st.decimals(-(10**15), 10**15, places=15, allow_nan=False) | st.none()


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_parts_add_up_to_the_charge_in_every_column(data: st.DataObject) -> None:
    rows = []
    for _ in range(data.draw(st.integers(1, 4))):
        row = a_fact(0, None, ChargePeriodEnd=at(data.draw(st.sampled_from([1, 2, 24]))))
        for name in carve.AMOUNTS:
            is_cost = FACT_SCHEMA[name].scale == 12  # type: ignore[attr-defined]
            row[name] = data.draw(AMOUNTS if is_cost else QUANTITIES)
        rows.append(row)
    counts = data.draw(st.lists(st.integers(1, WHOLE), min_size=1, max_size=7))
    held = holders.of_nodes(shares(0, **{f"p{i}": count for i, count in enumerate(counts)}), the_node(0))
    parts = cut(facts(*rows), held)
    assert parts.height == len(rows) * len(counts)
    for name in carve.AMOUNTS:
        whole = [row[name] for row in rows if row[name] is not None]
        with localcontext(EXACT):
            assert parts[name].sum() == sum(whole, Decimal(0))
        assert parts[name].null_count() == (len(rows) - len(whole)) * len(counts)


def test_machines_that_are_billed_together_share_by_how_long_each_was_there() -> None:
    both = pl.concat([NODE, NODE.with_columns(thing=pl.lit("node/n2"))])
    other = shares(0, b=WHOLE).with_columns(node=pl.lit("n2"))
    later = the_node(0, seconds=1200.0).with_columns(node=pl.lit("n2"))
    held = holders.of_nodes(pl.concat([shares(0, a=WHOLE), other]), pl.concat([the_node(0), later]))
    charge = facts(a_fact(0, "4"))
    windows = carve.windows_of(charge, both)
    assert costs(carve.carve(charge, windows, carve.weigh(windows, both, held))) == {
        "a": Decimal(3),
        "b": Decimal(1),
    }


def left(charge: pl.DataFrame, node_hours: pl.DataFrame, others: pl.DataFrame) -> list[int]:
    """Give for how many hours usage is missing, per window that stays whole."""
    both = pl.concat([node_hours, others])
    alive = both.select("cluster", "hour", thing=pl.concat_str(pl.lit("node/"), "node"))
    missing = gaps.gaps(alive, at(-24), at(48))
    windows = carve.windows_of(charge, NODE)
    found = carve.incomplete(windows, NODE, alive, missing)
    kept = carve.splittable(charge.select(*carve.WINDOW, "price_id"), windows, found)
    assert kept.height == (0 if found.height else 1)
    return found["hours"].to_list()


def another(*hours: int) -> pl.DataFrame:
    return the_node(*hours).with_columns(node=pl.lit("other"))


def test_a_day_is_split_if_all_hours_of_the_node_are_known() -> None:
    assert left(facts(a_day("1")), the_node(3, 4), another(*range(24))) == []


def test_a_day_stays_whole_while_hours_beside_the_nodes_are_unknown() -> None:
    assert left(facts(a_day("1")), the_node(3, 4), another(0, 1, 2, *range(8, 24))) == [3]


def test_hours_that_are_still_to_come_are_missing() -> None:
    assert left(facts(a_day("1")), the_node(*range(20)), another(*range(20))) == [4]


def test_a_charge_of_hours_without_the_node_stays_whole() -> None:
    assert left(facts(a_fact(0, "1")), the_node(3), another(*range(24))) == [0]


def test_all_charges_of_one_key_are_split_or_none() -> None:
    charges = facts(a_fact(0, "1", ChargePeriodEnd=at(3)), a_day("1"))
    alive = the_node(*range(4)).select("cluster", "hour", thing=pl.concat_str(pl.lit("node/"), "node"))
    windows = carve.windows_of(charges, NODE)
    found = carve.incomplete(windows, NODE, alive, gaps.gaps(alive, at(0), at(24)))
    assert found["hours"].to_list() == [20]
    assert carve.splittable(charges.select(*carve.WINDOW, "price_id"), windows, found).is_empty()


def volume(hour: int, uid: str | None) -> dict[str, Any]:
    row = {"cluster": "prod", "hour": at(hour), "volume": "v", "claim": "data", "namespace": "shop"}
    return {**dict.fromkeys(VOLUME_HOURS), **row, "uid": uid}


def test_a_volume_goes_to_the_pods_that_hold_it_else_it_is_unmounted() -> None:
    hours = pl.DataFrame(
        [volume(0, "uid-a"), volume(0, "uid-b"), volume(0, None), volume(1, None)], schema=VOLUME_HOURS
    )
    disk = NODE.with_columns(thing=pl.lit("volume/v"))
    held = holders.of_volumes(hours, shares(0, a=1, b=1))
    charge = facts(a_fact(0, "8", ChargePeriodEnd=at(2)))
    windows = carve.windows_of(charge, disk)
    parts = carve.carve(charge, windows, carve.weigh(windows, disk, held))
    found = {(row["kind"], row["pod"]): row["EffectiveCost"] for row in parts.iter_rows(named=True)}
    assert found == {("volume", "a"): 2, ("volume", "b"): 2, ("unmounted", None): 4}
    assert parts.filter(kind="unmounted").select("workload_kind", "workload", "namespace").row(0) == (
        "PersistentVolumeClaim",
        "data",
        "shop",
    )


def test_a_control_plane_goes_to_pods_by_what_they_hold_of_machines() -> None:
    big = the_node(0).with_columns(node=pl.lit("n2"), cpu_cores=pl.lit(12.0), memory_gib=pl.lit(48.0))
    some = pl.concat(
        [shares(0, a=WHOLE // 2, idle=WHOLE // 2), shares(0, b=WHOLE // 2).with_columns(node=pl.lit("n2"))]
    )
    plane = NODE.with_columns(thing=pl.lit(holders.CLUSTER))
    held = holders.of_clusters(some, pl.concat([the_node(0), big]))
    charge = facts(a_fact(0, "4"))
    windows = carve.windows_of(charge, plane)
    parts = carve.carve(charge, windows, carve.weigh(windows, plane, held))
    assert costs(parts) == {"a": Decimal(1), "b": Decimal(3)}
    assert parts["kind"].unique().to_list() == ["overhead"]


def test_what_no_pod_held_still_has_a_place() -> None:
    charge = facts(a_fact(0, "4"))
    windows = carve.windows_of(charge, NODE)
    none = carve.weigh(windows, NODE, pl.DataFrame(schema=holders.HELD))
    text = pl.String()
    no_services = pl.DataFrame(
        schema={"cluster": text, "thing": text, "uid": text, "namespace": text, "workload": text}
    )
    whole = carve.filled(none, windows, holders.alone(NODE, no_services))
    parts = carve.carve(charge, windows, whole)
    assert parts.select("kind", "EffectiveCost").rows() == [("idle", Decimal(4))]


def test_a_part_is_of_the_machine_and_has_the_labels_of_its_pod() -> None:
    node = resources(
        {"ResourceId": "i-0a", "Tags": {"team": "platform", "k8s-namespace": "x"}, "RegionId": "eu-central-1"}
    )
    held = holders.of_nodes(shares(0, a=WHOLE // 2, idle=WHOLE // 2), the_node(0))
    names = Names(
        pods={("prod", "uid-a"): {"app": "web"}}, namespaces={("prod", "shop"): {"team": "storefront"}}
    )
    rows = part_rows(cut(facts(a_fact(0, "4")), held), node, names)
    assert rows.schema == PART_SCHEMA
    found = {row["x_AllocationKind"]: row for row in rows.iter_rows(named=True)}
    pod, idle = found["workload"], found["idle"]
    assert (pod["AllocatedResourceId"], pod["AllocatedResourceName"]) == ("uid-a", "a")
    assert (pod["ResourceId"], pod["RegionId"]) == ("i-0a", "eu-central-1")
    assert json.loads(pod["Tags"]) == {
        "k8s-cluster": "prod",
        "k8s-namespace": "shop",
        "k8s-workload-kind": "Deployment",
        "k8s-workload-name": "web",
        "k8s-pod": "a",
        "k8s-label/app": "web",
        "k8s-namespace-labels/team": "storefront",
    }
    assert json.loads(idle["Tags"]) == {"team": "platform", "k8s-cluster": "prod"}
    assert idle["AllocatedResourceId"] is None
    assert (pod["parent_dim_id"], pod["parent_start"]) == (0, T0)
    assert set(rows.columns) >= set(RESOURCE_SCHEMA) - {"source", "dim_id"}
