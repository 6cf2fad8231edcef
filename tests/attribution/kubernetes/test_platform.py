"""Control planes find their cluster, load balancers their Service; what is unsure finds nothing."""

from __future__ import annotations

from typing import Any

import polars as pl
from cells import resources

from attribution.kubernetes.merge import merged
from attribution.kubernetes.platform import join_control_planes, join_services, services_of
from domain.usage import NODE_HOURS, OBJECTS

EKS = "arn:aws:eks:eu-central-1:111:cluster/"
AZURE = "/subscriptions/5a/resourceGroups/rg/providers"
ELB = "arn:aws:elasticloadbalancing:eu-central-1:111:loadbalancer/"


def objects(*rows: dict[str, Any]) -> pl.DataFrame:
    usual = {"cluster": "prod", "kind": "service", "namespace": "shop", "name": "web"}
    return pl.DataFrame([dict.fromkeys(OBJECTS) | usual | row for row in rows], schema=OBJECTS)


def test_control_planes_are_found_by_the_name_of_the_cluster() -> None:
    bill = resources(
        {"ResourceId": f"{EKS}prod"},
        {"ResourceId": f"{EKS}other"},
        {"ResourceId": "//container.googleapis.com/projects/p/locations/europe-west1/clusters/ml"},
        {"ResourceId": f"{AZURE}/Microsoft.ContainerService/managedClusters/AKS"},
    )
    found = join_control_planes(["prod", "ml", "aks"], bill)
    assert sorted(found.select("dim_id", "cluster").rows()) == [(0, "prod"), (2, "ml"), (3, "aks")]


def test_a_name_that_two_clusters_of_the_bill_have_finds_none() -> None:
    twice = resources({"ResourceId": f"{EKS}prod"}, {"ResourceId": f"{EKS.replace('central', 'west')}prod"})
    assert join_control_planes(["prod"], twice).is_empty()


def test_load_balancers_are_their_services() -> None:
    some = objects(
        {"address": "k8s-shop-web-0123456789-ab12cd34.elb.eu-central-1.amazonaws.com", "uid": "u1"},
        {"name": "api", "address": "a0b1-1234567890.eu-central-1.elb.amazonaws.com", "uid": "u2"},
        {"name": "gke", "address": "34.1.2.3", "uid": "0a1b-2c3d"},
        {"name": "aks", "address": "20.1.2.3", "uid": "u4"},
        {"name": "none", "address": None, "uid": "u5"},
    )
    bill = resources(
        {"ResourceId": f"{ELB}net/k8s-shop-web-0123456789/ab12cd34"},
        {"ResourceId": f"{ELB}a0b1"},
        {"ResourceId": "//compute.googleapis.com/projects/p/regions/r/forwardingRules/a0a1b2c3d"},
        {
            "ResourceId": f"{AZURE}/Microsoft.Network/publicIPAddresses/x",
            "Tags": {"k8s-azure-service": "shop/aks"},
        },
        {"ResourceId": f"{ELB}net/elsewhere/77"},
    )
    found = join_services(some, bill)
    assert sorted(found.select("dim_id", "thing").rows()) == [
        (0, "service/shop/web"),
        (1, "service/shop/api"),
        (2, "service/shop/gke"),
        (3, "service/shop/aks"),
    ]
    assert services_of(some)["workload"].to_list() == ["web", "api", "gke", "aks"]


def test_a_load_balancer_that_two_services_share_is_neithers() -> None:
    address = "shared-12ab.elb.eu-central-1.amazonaws.com"
    both = objects({"address": address, "uid": "u1"}, {"name": "api", "address": address, "uid": "u2"})
    assert join_services(both, resources({"ResourceId": f"{ELB}net/shared/12ab"})).is_empty()


def test_numbers_come_from_what_measures_and_names_from_what_lists() -> None:
    rows = [
        {"source": "list", "instance_type": "m5.large", "cpu_cores": 2.0, "memory_gib": 8.0, "zone": "a"},
        {"source": "metrics", "instance_type": "m5", "cpu_cores": 1.93, "region": "eu"},
    ]
    schema = pl.Schema({"source": pl.String(), **NODE_HOURS})
    place = {"cluster": "prod", "node": "n1"}
    frame = pl.DataFrame([dict.fromkeys(schema) | place | row for row in rows], schema=schema)
    (found,) = merged("node_hours", frame, {"list": False, "metrics": True}).to_dicts()
    assert (found["instance_type"], found["zone"], found["region"]) == ("m5.large", "a", "eu")
    assert (found["cpu_cores"], found["memory_gib"]) == (1.93, 8.0)
