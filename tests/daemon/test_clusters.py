"""A node's bill becomes its pods' cost, and every report still adds up to the bill."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from acme import Acme, Ran
from builders import a_charge
from usage import a_usage_batch, rows

from daemon.assemble import open_settings
from daemon.clock import FixedClock
from daemon.cluster_estimates import estimate_clusters
from daemon.cluster_usage import Usage
from daemon.clusters import SplitDone, split_clusters
from daemon.progress import Silent
from daemon.rooms import Rooms
from domain.price import BOOK_SCHEMA, KEY

DAY = datetime(2026, 6, 10, tzinfo=UTC)
TEAMS = "ownership:\n  keys: {team: [team]}\n  rules:\n  - {when: {namespace: kube-system}, team: platform}\n"


def at(hour: int) -> datetime:
    return DAY + timedelta(hours=hour)


def the_hours(*hours: int) -> dict[str, pl.DataFrame]:
    """Two machines: on n1 a shop's pod has half, on n2 a model has a quarter and the system an eighth."""
    nodes, pods = [], []
    for hour in hours:
        whole = {"hour": at(hour), "alive_seconds": 3600.0, "cpu_cores": 4.0, "memory_gib": 16.0, "gpus": 0.0}
        nodes += [
            {**whole, "node": "n1", "provider_id": "aws:///eu-central-1a/i-0a1"},
            {**whole, "node": "n2", "provider_id": "aws:///eu-central-1a/i-0a2"},
        ]
        pods += [
            a_pod(hour, "n1", "shop", "web", "u-web", 2.0, 8.0),
            a_pod(hour, "n2", "ml", "train", "u-train", 1.0, 4.0),
            a_pod(hour, "n2", "kube-system", "dns", "u-dns", 0.5, 2.0),
        ]
    labels = [
        {"kind": "pod", "namespace": "shop", "name": "web", "uid": "u-web", "labels": {"team": "storefront"}},
        {"kind": "pod", "namespace": "ml", "name": "train", "uid": "u-train", "labels": {"app": "train"}},
        {"kind": "namespace", "namespace": "ml", "name": "ml", "uid": "ns-ml", "labels": {"team": "ml"}},
    ]
    return {
        "node_hours": rows("node_hours", *nodes),
        "pod_hours": rows("pod_hours", *pods),
        "objects": rows("objects", *labels),
    }


def a_pod(hour: int, node: str, namespace: str, name: str, uid: str, *held: float) -> dict[str, Any]:
    cpu, memory = held
    names = {"node": node, "namespace": namespace, "pod": name, "uid": uid, "workload": name}
    amounts = {"cpu_hours": cpu, "memory_hours": memory, "alive_seconds": 3600.0}
    return {"hour": at(hour), **names, "workload_kind": "Deployment", **amounts}


def a_node_charge(hour: int, name: str, cost: str, **more: object) -> dict[str, object]:
    costs = dict.fromkeys(("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), cost)
    return a_charge(start=at(hour), ResourceId=name, **{"ResourceName": None, "Tags": {}, **costs, **more})


@pytest.fixture
def bill(acme: Acme) -> Acme:
    """Two machines for two hours, a credit, and a bucket."""
    return acme.collected(
        *(a_node_charge(hour, "i-0a1", "0.192") for hour in (0, 1)),
        *(a_node_charge(hour, "i-0a2", "0.192000000001") for hour in (0, 1)),
        a_node_charge(0, "i-0a2", "-0.01", ChargeCategory="Credit"),
        a_charge(start=DAY, ResourceId="bucket", EffectiveCost="5", Tags={"team": "web"}),
        more=TEAMS + "  follow: {credits: none}\n",
    )


def the_rooms(acme: Acme) -> Rooms:
    settings = open_settings(acme.folder / "costd.yaml")
    return Rooms(settings=settings, clock=FixedClock(at=datetime(2026, 6, 20, tzinfo=UTC)))


def store(acme: Acme, *hours: int, **frames: pl.DataFrame) -> None:
    rooms = the_rooms(acme)
    batch = a_usage_batch(hours=24, **(the_hours(*hours) | frames))
    rooms.ledger.replace_usage(batch, seen_at=datetime(2026, 6, 11, tzinfo=UTC))


def split(acme: Acme) -> list[SplitDone]:
    return split_clusters(the_rooms(acme), Silent())


def report(acme: Acme, *more: str) -> Ran:
    ran = acme.costd("report", "--output", "json", "--from", "2026-06-01", *more)
    assert ran.status == 0, ran.err
    return ran


def by(acme: Acme, *names: str) -> dict[tuple[str | None, ...], Decimal]:
    found = report(acme, "--by", ",".join(names)).json["rows"]
    return {tuple(row[name] for name in names): Decimal(row["cost"]) for row in found}


def test_a_report_by_team_namespace_and_pod_adds_up_to_the_bill(bill: Acme) -> None:
    before = report(bill).json["totals"]
    store(bill, 0, 1)
    (done,) = split(bill)
    assert (done.source, done.parents, done.clusters, done.failed) == ("aws", 5, ("prod",), ())
    found = by(bill, "team", "namespace", "pod")
    assert report(bill, "--by", "team,namespace,pod").json["totals"] == before
    assert sum(found.values()) == Decimal(before[0]["cost"]) == Decimal("5.758000000002")
    assert found["storefront", "shop", "web"] == Decimal("0.192")
    assert found["ml", "ml", "train"] == Decimal("0.0935")  # a quarter of all of n2, the credit included
    assert found["platform", "kube-system", "dns"] == Decimal("0.04675")
    assert found["web", None, None] == 5


def test_idle_is_a_cost_kind_of_its_own(bill: Acme) -> None:
    store(bill, 0, 1)
    split(bill)
    found = by(bill, "cost_kind", "cluster")
    idle = found["idle", "prod"]
    assert idle == Decimal("0.192") + Decimal("0.374000000002") - Decimal("0.14025")
    assert sum(found.values()) == Decimal("5.758000000002")


def test_collecting_splits(bill: Acme) -> None:
    store(bill, 0, 1)
    assert bill.costd("collect").status == 0
    assert by(bill, "namespace")["shop",] == Decimal("0.192")


def test_nothing_is_split_twice_and_all_of_it_anew_when_the_usage_changed(bill: Acme) -> None:
    store(bill, 0, 1)
    assert len(split(bill)) == 1
    assert split(bill) == []
    twice = a_pod(0, "n1", "shop", "web", "u-web", 4.0, 16.0)
    pods = pl.concat([the_hours(1)["pod_hours"], rows("pod_hours", twice)])
    store(bill, 0, 1, pod_hours=pods)
    assert len(split(bill)) == 1
    assert by(bill, "namespace")["shop",] == Decimal("0.288")


def test_a_new_delivery_is_split_anew(bill: Acme) -> None:
    store(bill, 0, 1)
    split(bill)
    bill.bill("aws", a_node_charge(0, "i-0a1", "1"), a_node_charge(1, "i-0a1", "1"))
    ran = bill.costd("collect", "--force")
    assert ran.status == 0, ran.err
    assert by(bill, "namespace") == {("shop",): Decimal(1), (None,): Decimal(1)}


def test_charges_of_hours_without_usage_stay_with_the_node(bill: Acme) -> None:
    store(bill, 0)
    (done,) = split(bill)
    assert done.parents == 3
    assert by(bill, "resource", "namespace")["i-0a1", "shop"] == Decimal("0.096")
    assert by(bill, "resource", "pod")["i-0a1", None] == Decimal("0.288")


def test_bills_without_clusters_are_left_alone(bill: Acme) -> None:
    assert split(bill) == []


def test_the_bill_still_reconciles_after_it_was_split(bill: Acme) -> None:
    store(bill, 0, 1)
    split(bill)
    ran = bill.costd("reconcile", "--output", "json")
    assert ran.status == 0, ran.err
    assert {row["holds"] for row in ran.json["rows"]} == {True}


def test_settings_decide_and_changing_them_splits_anew(bill: Acme) -> None:
    store(bill, 0, 1)
    split(bill)
    bill.configure("aws", more=TEAMS + "allocation: {idle: node}\n")
    assert len(split(bill)) == 1
    assert by(bill, "namespace")["shop",] == Decimal("0.384")


def test_a_cluster_that_cannot_be_split_stops_no_other(bill: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    from attribution.kubernetes import shares
    from daemon import cluster_parts

    def fails_for_test(measured: shares.Measured, settings: Any) -> Any:
        if measured.nodes["cluster"].item(0) == "test":
            raise ValueError("no such hours")
        return shares.split_hours(measured, settings)

    monkeypatch.setattr(cluster_parts, "split_hours", fails_for_test)
    store(bill, 0, 1)
    node = {"node": "n9", "provider_id": "aws:///a/i-0a2", "alive_seconds": 3600.0, "hour": at(0)}
    rooms = the_rooms(bill)
    first = the_hours(0, 1)["node_hours"].filter(pl.col("node") == "n1")
    rooms.ledger.replace_usage(a_usage_batch(hours=24, node_hours=first), seen_at=DAY)
    other = a_usage_batch(
        source="test", cluster="test", hours=24, node_hours=rows("node_hours", node, cluster="test")
    )
    rooms.ledger.replace_usage(other, seen_at=DAY)
    (done,) = split(bill)
    assert done.clusters == ("prod",)
    assert done.failed == ("cluster test could not be split: no such hours",)
    assert by(bill, "namespace")["shop",] == Decimal("0.192")


def test_pod_hours_are_a_step_of_a_report(bill: Acme) -> None:
    store(bill, 0, 1)
    split(bill)
    ran = report(bill, "--by", "pod", "--step", "hour", "--where", "pod=web")
    assert [(row["hour"], row["cost"]) for row in ran.json["rows"]] == [
        ("2026-06-10 00:00Z", "0.096"),
        ("2026-06-10 01:00Z", "0.096"),
    ]
    ran = bill.costd("report", "--step", "hour", "--as-of", "2026-06-19")
    assert ran.status == 2
    assert "kept by the day" in ran.err


def doctor(acme: Acme) -> list[dict[str, Any]]:
    found = acme.costd("doctor", "--output", "json").json["rows"]
    return [row for row in found if row["check"] == "clusters"]


def test_doctor_says_how_much_of_a_cluster_is_on_a_bill(bill: Acme) -> None:
    assert doctor(bill) == []
    store(bill, 0, 1)
    (found,) = doctor(bill)
    assert (found["subject"], found["health"]) == ("100.0% of 4 node-hours of prod are on a bill", "ok")


def test_doctor_names_nodes_that_no_bill_has(bill: Acme) -> None:
    lost = {"node": "n3", "provider_id": "aws:///a/i-0ff", "hour": at(0), "alive_seconds": 3600.0}
    nodes = pl.concat([the_hours(0, 1)["node_hours"], rows("node_hours", lost)])
    store(bill, 0, 1, node_hours=nodes)
    (found,) = doctor(bill)
    assert (found["subject"], found["health"]) == ("80.0% of 5 node-hours of prod are on a bill", "warn")
    assert "n3: no charge names i-0ff" in found["breaks"]
    assert "resource IDs" in found["fix"]


def the_prices(acme: Acme, **more: str) -> None:
    """The book knows what n1 costs, not n2."""
    price = {
        **dict.fromkeys(KEY, ""),
        "provider": "aws",
        "service": "AmazonEC2",
        "item": "m5.xlarge",
        "variant": "Linux",
        "region": "eu-central-1",
        "offer": "list",
        "currency": "USD",
        "unit": "Hrs",
        "amount": Decimal("0.2"),
        "effective_from": DAY - timedelta(days=30),
        "origin": "a list",
        "seen_at": DAY,
        **more,
    }
    row = {name: price.get(name) for name in BOOK_SCHEMA}
    the_rooms(acme).price_book.add(pl.DataFrame([row], schema=BOOK_SCHEMA), seen_at=DAY)


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    kind = pl.when(pl.col("node") == "n1").then(pl.lit("m5.xlarge"))
    return frame.with_columns(instance_type=kind, region=pl.lit("eu-central-1"))


@pytest.fixture
def estimated(bill: Acme) -> Acme:
    """The bill reaches two hours into the 10th, usage the end of the 11th."""
    the_prices(bill)
    for day in (0, 1):
        whole = the_hours(*range(24 * day, 24 * day + 24))
        batch = a_usage_batch(
            hours=24, day=at(24 * day), **{**whole, "node_hours": typed(whole["node_hours"])}
        )
        the_rooms(bill).ledger.replace_usage(batch, seen_at=at(48))
    split(bill)
    return bill


def test_days_that_no_bill_has_reached_are_estimated_and_say_so(estimated: Acme) -> None:
    found = report(estimated, "--by", "pod", "--where", "day=2026-06-11").json
    assert found["basis"] == "estimated"
    assert {row["pod"]: row["cost"] for row in found["rows"]} == {"web": "2.4", None: "2.4"}
    assert report(estimated, "--by", "team").json["basis"] == "mixed"
    assert report(estimated, "--by", "team", "--where", "day=2026-06-10").json["basis"] == "billed"
    assert by(estimated, "team", "day")["storefront", "2026-06-11"] == Decimal("2.4")


def test_a_node_without_a_price_is_counted_and_never_0(estimated: Acme) -> None:
    rooms = the_rooms(estimated)
    (lost,) = estimate_clusters(rooms, Usage(rooms))
    assert (lost.cluster, lost.node, lost.hours) == ("prod", "n2", 24.0)
    assert lost.reason == "its instance type is not known"
    assert ("i-0a2", "2026-06-11") not in by(estimated, "resource", "day")


def test_the_bill_takes_the_place_of_the_estimate(estimated: Acme) -> None:
    hours = [a_node_charge(hour, "i-0a1", "0.15") for hour in range(48)]
    estimated.bill("aws", *hours)
    ran = estimated.costd("collect", "--force")
    assert ran.status == 0, ran.err
    found = report(estimated, "--by", "day").json
    assert found["basis"] == "billed"
    assert [row["cost"] for row in found["rows"]] == ["3.6", "3.6"]


def test_estimates_that_say_the_same_are_not_written_again(estimated: Acme) -> None:
    before = the_rooms(estimated).ledger.split_version()
    split(estimated)
    assert the_rooms(estimated).ledger.split_version() == before


def test_estimates_are_no_part_of_what_is_reconciled(estimated: Acme) -> None:
    assert estimated.costd("reconcile").status == 0


def test_sensitivity_shows_the_report_under_every_policy(bill: Acme) -> None:
    gpus = {
        "node": "n1",
        "provider_id": "aws:///a/i-0a1",
        "gpus": 8.0,
        "cpu_cores": 64.0,
        "memory_gib": 488.0,
    }
    node = rows("node_hours", {**gpus, "hour": at(0), "alive_seconds": 3600.0})
    shop = {**a_pod(0, "n1", "shop", "web", "u-web", 0.0, 0.0), "gpu_request_hours": 8.0}
    store(bill, 0, node_hours=node, pod_hours=rows("pod_hours", shop))
    split(bill)
    asked = ("--by", "pod", "--where", "resource=i-0a1", "--sensitivity", "split")
    found = {row["pod"]: row for row in report(bill, *asked).json["rows"]}
    web = {name: Decimal(found["web"][name]) for name in ("opencost", "aws_scad", "fixed_95_3_2", "half")}
    share = {name: (cost / Decimal("0.192")).quantize(Decimal("0.001")) for name, cost in web.items()}
    assert share["opencost"] == Decimal("0.650")  # the same node as in the published comparison
    assert share["aws_scad"] == Decimal("0.404")
    assert share["fixed_95_3_2"] == Decimal("0.950")
    assert web["half"] == 0
    assert Decimal(found["web"]["spread"]) == web["fixed_95_3_2"]
    assert web["opencost"] == by(bill, "pod")["web",]
    for name in web:
        assert sum(Decimal(row[name]) for row in found.values()) == Decimal("0.384")


def test_reconcile_ties_clusters_out_to_their_bill(bill: Acme) -> None:
    store(bill, 0)
    split(bill)
    ran = bill.costd("reconcile", "--clusters", "--output", "json")
    assert ran.status == 0, ran.err
    (held,) = ran.json["bills"]
    assert held["charges"] == "0.758000000002"
    assert held["split"] == held["parts"] == "0.374000000001"
    assert (held["whole"], held["missing_hours"], held["holds"]) == ("0.384000000001", 2, True)
    assert [(node["node_hours"], node["billed_node_hours"]) for node in ran.json["nodes"]] == [(2.0, 2.0)]
    found = {row["namespace"]: (row["ours"], row["provider"]) for row in ran.json["rows"]}
    assert found["shop"] == ("0.096", None)
    shown = bill.costd("reconcile", "--clusters").out
    assert "prod: 100.0% of 2 node-hours are on a bill." in shown
    assert "usage is missing for 2 hours" in shown
    assert "The parts are the charges, to the last digit." in shown


def test_reconcile_sets_our_split_beside_the_labels_of_google(acme: Acme) -> None:
    tags = {"goog-k8s-cluster-name": "prod", "k8s-namespace": "shop"}
    acme.collected(
        a_node_charge(0, "i-0a1", "0.07", Tags=tags),
        a_node_charge(0, "i-0a1", "0.12", Tags={**tags, "k8s-namespace": "kube:unallocated"}),
    )
    store(acme, 0)
    split(acme)
    ran = acme.costd("reconcile", "--clusters", "--output", "json")
    idle, shop = ran.json["rows"]
    assert (shop["ours"], shop["provider"], shop["difference"]) == ("0.095", "0.07", "0.025")
    assert (idle["namespace"], idle["ours"], idle["provider"]) == ("kube:unallocated", "0", "0.12")


def test_doctor_says_which_node_hours_have_no_price(estimated: Acme) -> None:
    found = {row["subject"]: row for row in doctor(estimated)}
    lost = found["24 node-hours of prod have no known price"]
    assert lost["health"] == "warn"
    assert "its instance type is not known" in lost["breaks"]
    assert "docs/prices.md" in lost["fix"]


def test_reconcile_names_what_was_held_and_has_no_share(bill: Acme) -> None:
    stray = a_pod(0, "n7", "shop", "stray", "u-stray", 3.0, 8.0)
    unknown = {**a_pod(1, "n1", "shop", "dark", "u-dark", 0.0, 0.0), "cpu_hours": None, "memory_hours": None}
    pods = pl.concat([the_hours(0, 1)["pod_hours"], rows("pod_hours", stray, unknown)])
    store(bill, 0, 1, pod_hours=pods)
    split(bill)
    ran = bill.costd("reconcile", "--clusters", "--output", "json")
    assert ran.status == 0, ran.err
    found = {one["cause"]: one for one in ran.json["lost"]}
    assert set(found) == {"unknown-node", "no-metrics"}
    stray_found = found["unknown-node"]
    assert (stray_found["hours"], stray_found["cpu_hours"], stray_found["memory_gib_hours"]) == (1, 3.0, 8.0)
    assert (found["no-metrics"]["hours"], found["no-metrics"]["cpu_hours"]) == (1, None)
    shown = bill.costd("reconcile", "--clusters").out
    assert "1 pod-hours have no share (unknown-node): ran on a node" in shown
    assert "such as shop/stray on n7" in shown


def test_a_name_that_went_to_another_machine_within_a_day_pays_for_neither_twice(acme: Acme) -> None:
    whole_day = {"ChargePeriodEnd": DAY + timedelta(days=1)}
    acme.collected(*(a_node_charge(0, name, "12", **whole_day) for name in ("i-0a1", "i-0b1")), more=TEAMS)
    nodes, pods = [], []
    for hour in range(24):
        machine, namespace = ("i-0a1", "shop") if hour < 8 else ("i-0b1", "ml")
        size = {"alive_seconds": 3600.0, "cpu_cores": 4.0, "memory_gib": 16.0, "gpus": 0.0}
        nodes.append({"hour": at(hour), "node": "n1", "provider_id": f"aws:///a/{machine}", **size})
        pods.append(a_pod(hour, "n1", namespace, "one", f"u-{namespace}", 4.0, 16.0))
    store(acme, node_hours=rows("node_hours", *nodes), pod_hours=rows("pod_hours", *pods))
    split(acme)
    assert by(acme, "resource", "namespace") == {("i-0a1", "shop"): 12, ("i-0b1", "ml"): 12}


def measured(acme: Acme, day: int, **frames: pl.DataFrame) -> None:
    """Store the usage of a whole day, counted from the 10th."""
    whole = the_hours(*range(24 * day, 24 * day + 24))
    told = {**whole, "node_hours": typed(whole["node_hours"]), **frames}
    batch = a_usage_batch(hours=24, day=at(24 * day), **told)
    the_rooms(acme).ledger.replace_usage(batch, seen_at=at(72))


def test_estimates_follow_a_pod_to_the_team_that_its_label_names_now(estimated: Acme) -> None:
    label = {"labels": {"team": "checkout"}, "seen_at": at(70)}
    pod = {"kind": "pod", "namespace": "shop", "name": "web", "uid": "u-web", **label}
    measured(estimated, 1, objects=rows("objects", pod))
    split(estimated)
    found = by(estimated, "team", "day")
    assert found["checkout", "2026-06-11"] == Decimal("2.4")
    assert ("storefront", "2026-06-11") not in found


def test_usage_that_begins_after_the_bill_ends_is_estimated(bill: Acme) -> None:
    the_prices(bill)
    for day in (2, 3):
        measured(bill, day)
    split(bill)
    assert by(bill, "day", "pod")["2026-06-13", "web"] == Decimal("2.4")


def test_a_bill_that_comes_while_it_is_estimated_is_not_counted_twice(
    estimated: Acme, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon import cluster_estimates

    estimate = cluster_estimates.estimated

    def overtaken(*args: Any) -> Any:
        monkeypatch.setattr(cluster_estimates, "estimated", estimate)
        estimated.bill("aws", *(a_node_charge(hour, "i-0a1", "0.15") for hour in range(48)))
        assert estimated.costd("collect", "--force").status == 0
        return estimate(*args)

    rooms = the_rooms(estimated)
    usage = Usage(rooms)
    rooms.ledger.replace_estimates(
        usage.source_of("prod"), "2026-06", cluster_estimates.RAW_SCHEMA.to_frame(), seen_at=at(72)
    )
    monkeypatch.setattr(cluster_estimates, "estimated", overtaken)
    estimate_clusters(rooms, usage)
    assert by(estimated, "day") == {("2026-06-10",): Decimal("3.6"), ("2026-06-11",): Decimal("3.6")}


def test_a_charge_that_lacks_a_cost_is_counted_once_however_many_share_it(acme: Acme) -> None:
    acme.collected(*(a_node_charge(hour, "i-0a2", "1", ListCost=None) for hour in (0, 1)), more=TEAMS)
    store(acme, 0, 1)
    split(acme)
    assert len(by(acme, "pod")) == 3
    assert report(acme, "--cost", "list").json["missing"] == [{"source": "aws", "rows": 2}]


def test_an_estimate_that_lacks_a_cost_is_counted_too(bill: Acme) -> None:
    the_prices(bill, offer="spot", variant="Linux/UNIX")
    for day in (0, 1):
        nodes = typed(the_hours(*range(24 * day, 24 * day + 24))["node_hours"])
        measured(bill, day, node_hours=nodes.with_columns(capacity_type=pl.lit("spot")))
    split(bill)
    assert by(bill, "day", "pod")["2026-06-11", "web"] == Decimal("2.4")
    assert report(bill).json["missing"] == []
    (missing,) = report(bill, "--cost", "list").json["missing"]
    assert (missing["source"], missing["rows"]) == (Usage(the_rooms(bill)).source_of("prod"), 2)


def test_reconcile_says_which_cluster_cannot_be_split(bill: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    from daemon import cluster_lost

    def fails(*_: Any) -> Any:
        raise ValueError("no such hours")

    store(bill, 0, 1)
    monkeypatch.setattr(cluster_lost, "split_hours", fails)
    ran = bill.costd("reconcile", "--clusters")
    assert ran.status == 1
    assert "cluster prod could not be split: no such hours" in ran.err
