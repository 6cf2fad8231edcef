"""What a cluster costs beside its machines: control planes by name, load balancers by their Service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import polars as pl

from attribution.kubernetes.holders import CLUSTER, THINGS

_TEXT = pl.String()
SERVICES = pl.Schema(dict.fromkeys(("cluster", "thing", "uid", "namespace", "workload"), _TEXT))
"""Services with a load balancer, as things."""

_PLANES = (
    r"^arn:[a-z-]+:eks:[^:]*:[^:]*:cluster/([^/]+)$",
    r"(?:^|/)projects/[^/]+/(?:locations|zones|regions)/[^/]+/clusters/([^/]+)$",
    r"(?i)/providers/microsoft\.containerservice/managedclusters/([^/]+)$",
)
_ELB = re.compile(
    r"^(?:dualstack\.)?(?:internal-)?(?P<name>[^.]+)-[0-9a-z]+\.(?:elb\.[a-z0-9-]+|[a-z0-9-]+\.elb)\."
)
_NAMED = (
    r":loadbalancer/(?:net/|app/|gwy/)?([^/]+)",
    r"/(?:forwardingRules|targetPools|addresses)/([^/]+)$",
)
_SERVICE_TAGS = ("kubernetes.io/service-name", "k8s-azure-service", "service.k8s.aws/stack")


def join_control_planes(clusters: Iterable[str], resources: pl.DataFrame) -> pl.DataFrame:
    """Give the fees of clusters as `THINGS`; a name that several clusters of the bill have joins none."""
    found = pl.coalesce(pl.col("ResourceId").str.extract(pattern) for pattern in _PLANES)
    named = resources.lazy().filter(pl.col("AllocatedResourceId").is_null())
    planes = named.select("dim_id", "ResourceId", name=found).drop_nulls("name").collect()
    known = pl.DataFrame({"cluster": sorted(set(clusters))}, schema={"cluster": _TEXT})
    folded = known.with_columns(name=pl.col("cluster").str.to_lowercase())
    joined = planes.with_columns(pl.col("name").str.to_lowercase()).join(folded, on="name")
    one = pl.col("ResourceId").str.to_lowercase().n_unique().over("name") == 1
    same = pl.col("cluster").n_unique().over("name") == 1
    return joined.filter(one & same).select("dim_id", "cluster", thing=pl.lit(CLUSTER)).cast(THINGS)


def services_of(objects: pl.DataFrame) -> pl.DataFrame:
    """Give the Services that have a load balancer (`SERVICES`)."""
    kept = objects.filter(pl.col("kind") == "service", pl.col("address").is_not_null())
    thing = pl.concat_str(pl.lit("service/"), "namespace", pl.lit("/"), "name")
    named = kept.select("cluster", thing.alias("thing"), "uid", "namespace", workload=pl.col("name"))
    return named.unique(["cluster", "thing"], keep="last", maintain_order=True).cast(SERVICES)


def join_services(objects: pl.DataFrame, resources: pl.DataFrame) -> pl.DataFrame:
    """Give load balancers as `THINGS` of the Service at their address, or named by their tags."""
    kept = objects.filter(pl.col("kind") == "service", pl.col("address").is_not_null())
    rows = [
        {"cluster": cluster, "thing": f"service/{namespace}/{name}", "key": key}
        for cluster, namespace, name, uid, address in kept.select(
            "cluster", "namespace", "name", "uid", "address"
        ).iter_rows()
        for key in _keys(namespace, name, uid, address)
    ]
    keyed = pl.DataFrame(rows, schema={"cluster": _TEXT, "thing": _TEXT, "key": _TEXT}).unique()
    sure = keyed.filter(pl.len().over("key") == 1)
    balancers = resources.filter(pl.col("AllocatedResourceId").is_null())
    names = [balancers.select("dim_id", key=pl.col("ResourceId").str.extract(pattern)) for pattern in _NAMED]
    is_balancer = pl.col("ResourceId").str.contains(r"(?i)loadbalancer|forwardingRules|publicIPAddresses")
    tagged = [
        balancers.filter(is_balancer).select("dim_id", key=pl.col("Tags").map.get(tag))
        for tag in _SERVICE_TAGS
    ]
    found = pl.concat([*names, *tagged]).drop_nulls("key").join(sure, on="key")
    return found.select(THINGS.names()).unique("dim_id", keep="first", maintain_order=True).cast(THINGS)


def _keys(namespace: str | None, name: str, uid: str | None, address: str) -> Iterator[str]:
    """Give what the load balancer of a Service is called on bills and in tags."""
    if found := _ELB.match(address.lower()):
        yield found["name"]
    if uid:
        yield "a" + uid.replace("-", "")  # what the cloud providers of Kubernetes itself call it
    yield f"{namespace}/{name}"
