"""Nodes find their charges in every form in which bills name machines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from cells import resources

from attribution.kubernetes.join import NODES, VOLUMES, NodeJoin, join_nodes, join_volumes
from domain.usage import NODE_HOURS

AZURE = "/subscriptions/5a/resourceGroups/MC_acme/providers/Microsoft.Compute"
PATH = "//compute.googleapis.com/projects"
GOOGLE = {"ProviderName": "Google Cloud", "SubAccountId": "acme-prod"}


def nodes(*ids: str | None, cluster: str = "prod") -> pl.DataFrame:
    rows = [(cluster, f"n{at}", provider_id) for at, provider_id in enumerate(ids)]
    return pl.DataFrame(rows, schema=NODES, orient="row")


def found(join: NodeJoin) -> list[tuple[Any, ...]]:
    return sorted(join.joined.select("dim_id", "node", "by").iter_rows())


@pytest.mark.parametrize(
    ("provider_id", "row"),
    [
        ("aws:///eu-central-1a/i-0abc12345678def00", {"ResourceId": "i-0abc12345678def00"}),
        (
            "aws:///eu-central-1a/i-0abc",
            {"ResourceId": "arn:aws:ec2:eu-central-1:111:instance/i-0abc"},
        ),
        ("aws:///eu-central-1a/i-0abc", {"ResourceId": "arn:aws-us-gov:ec2:us-gov-west-1:1:instance/i-0ABC"}),
        (
            "gce://acme-prod/europe-west1-b/gke-a-1",
            {
                **GOOGLE,
                "ResourceId": f"{PATH}/acme-prod/zones/europe-west1-b/instances/gke-a-1",
            },
        ),
        (
            "gce://acme-prod/europe-west1-b/gke-a-1",
            {
                **GOOGLE,
                "ResourceId": "//compute.googleapis.com/projects/5512/zones/europe-west1-b/instances/834722",
                "ResourceName": "projects/5512/instances/gke-a-1",
            },
        ),
        (
            "gce://acme-prod/europe-west1-b/gke-a-1",
            {**GOOGLE, "ResourceId": "projects/5512/instances/gke-a-1", "ResourceName": "gke-a-1"},
        ),
        ("gce://acme-prod/europe-west1-b/gke-a-1", {**GOOGLE, "ResourceId": "gke-a-1"}),
        (
            f"azure://{AZURE}/virtualMachines/aks-1",
            {"ResourceId": f"{AZURE}/virtualMachines/aks-1".replace("MC_acme", "mc_ACME")},
        ),
        (
            f"azure://{AZURE}/virtualMachineScaleSets/aks-pool-vmss/virtualMachines/0",
            {"ResourceId": f"{AZURE.lower()}/virtualmachinescalesets/aks-pool-vmss/virtualmachines/0"},
        ),
    ],
)
def test_a_machine_is_found_however_the_bill_names_it(provider_id: str, row: dict[str, Any]) -> None:
    join = join_nodes(nodes(provider_id), resources(row, {"ResourceId": "i-0ffff"}))
    assert found(join) == [(0, "n0", "instance")]
    assert join.missing.is_empty()


def test_machines_of_a_scale_set_share_what_is_billed_for_the_set() -> None:
    whole = f"{AZURE}/virtualMachineScaleSets/aks-pool-vmss"
    join = join_nodes(
        nodes(f"azure://{whole}/virtualMachines/0", f"azure://{whole}/virtualMachines/1"),
        resources({"ResourceId": whole.upper()}),
    )
    assert found(join) == [(0, "n0", "set"), (0, "n1", "set")]


def test_a_name_that_two_zones_have_joins_only_where_the_zone_is_said() -> None:
    both = nodes("gce://acme-prod/europe-west1-b/node", "gce://acme-prod/europe-west1-c/node")
    join = join_nodes(
        both,
        resources(
            {**GOOGLE, "ResourceId": "projects/5512/instances/node"},
            {**GOOGLE, "ResourceId": "projects/5512/instances/node", "AvailabilityZone": "europe-west1-c"},
        ),
    )
    assert found(join) == [(1, "n1", "instance")]
    assert join.missing["node"].to_list() == ["n0"]


def test_a_machine_that_two_clusters_claim_is_nobodys() -> None:
    twice = pl.concat([nodes("aws:///a/i-0a"), nodes("aws:///a/i-0a", cluster="copy")])
    join = join_nodes(twice, resources({"ResourceId": "i-0a"}))
    assert join.joined.is_empty()
    assert join.missing["reason"].unique().to_list() == ["the clusters copy, prod all say that it is theirs"]


def test_says_why_a_node_is_not_found() -> None:
    join = join_nodes(
        nodes("aws:///a/i-0a", None, "kind://docker/kind/node", "aws:///a/x/fargate-ip-10-0-0-1.internal"),
        resources({"ResourceId": "i-0b"}),
    )
    assert join.missing["reason"].to_list() == [
        "no charge names i-0a",
        "its provider id is not known",
        "no bill names machines as kind:// does",
        "Fargate bills its pods, not a machine",
    ]


def test_a_part_that_the_provider_split_off_is_no_machine() -> None:
    row = {"ResourceId": "i-0a", "AllocatedResourceId": "pod-1"}
    assert join_nodes(nodes("aws:///a/i-0a"), resources(row)).joined.is_empty()


def test_a_machines_own_disks_are_found_by_name_and_by_tag() -> None:
    vm = f"{AZURE}/virtualMachines/aks-1"
    frame = resources(
        {**GOOGLE, "ResourceId": "//compute.googleapis.com/projects/acme-prod/zones/z-b/disks/gke-a"},
        {"ResourceId": f"{AZURE}/disks/aks-1_OsDisk_1_88aa"},
        {"ResourceId": "vol-0a", "Tags": {"node": "n2"}},
        {"ResourceId": "vol-0b", "Tags": {"node": "i-0c"}},
        {"ResourceId": "vol-0c", "Tags": {"node": "elsewhere"}},
    )
    some = nodes("gce://acme-prod/z-b/gke-a", f"azure://{vm}", "aws:///a/i-0c")
    assert found(join_nodes(some, frame, disk_tags=["node"])) == [
        (0, "n0", "disk"),
        (1, "n1", "disk"),
        (2, "n2", "disk"),
        (3, "n2", "disk"),
    ]
    assert {row[0] for row in found(join_nodes(some, frame))} == {0, 1}


def test_counts_the_node_hours_that_have_charges() -> None:
    join = join_nodes(nodes("aws:///a/i-0a", "aws:///a/i-0b"), resources({"ResourceId": "i-0a"}))
    hour = datetime(2026, 6, 10, tzinfo=UTC)
    rows = [
        {**dict.fromkeys(NODE_HOURS), "cluster": "prod", "hour": hour, "node": node, "alive_seconds": alive}
        for node, alive in (("n0", 3600.0), ("n1", 1800.0))
    ]
    assert join.hours(pl.DataFrame(rows, schema=NODE_HOURS)) == (1.0, 1.5)


def test_volumes_find_their_disks() -> None:
    rows = [
        ("prod", "pvc-1", "vol-0a1"),
        ("prod", "pvc-2", "aws://eu-central-1a/vol-0a2"),
        ("prod", "pvc-3", "projects/acme-prod/zones/z-b/disks/pvc-3"),
        ("prod", "pvc-4", f"{AZURE}/disks/pvc-4"),
        ("prod", "pvc-5", "nfs.acme.example/export"),
    ]
    bill = resources(
        {"ResourceId": "arn:aws:ec2:eu-central-1:111:volume/vol-0a1"},
        {"ResourceId": "vol-0a2"},
        {
            **GOOGLE,
            "ResourceId": "//compute.googleapis.com/projects/55/zones/z-b/disks/9912",
            "ResourceName": "projects/55/disks/pvc-3",
            "AvailabilityZone": "z-b",
        },
        {"ResourceId": f"{AZURE}/disks/pvc-4".lower()},
    )
    joined = join_volumes(pl.DataFrame(rows, schema=VOLUMES, orient="row"), bill)
    assert sorted(joined.select("dim_id", "volume").iter_rows()) == [
        (0, "pvc-1"),
        (1, "pvc-2"),
        (2, "pvc-3"),
        (3, "pvc-4"),
    ]
