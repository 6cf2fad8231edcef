"""Provider ids of Kubernetes and resource ids of bills, as keys that are equal for the same thing.

Kubernetes names a machine in `spec.providerID` (`aws:///eu-central-1a/i-0abc`, `gce://project/zone/name`,
`azure:///subscriptions/…`) and a disk in a volume's handle; bills name them by id, ARN, resource path or,
of Google Cloud, by a path with numbers and a name beside it. Azure's ids know no case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

ZONED, ZONELESS, AS_A_SET = 0, 1, 2
"""How sure a key of a node is: it names the node, it lacks the zone, or it names the set the node is in."""


_EC2 = re.compile(r"^aws:///?[^/]*/(?P<id>i-[0-9a-f]+)$")
_GCE = re.compile(r"^gce://(?P<project>[^/]+)/(?P<zone>[^/]+)/(?P<name>[^/]+)$")
_AZURE = re.compile(r"^azure://(?P<path>/subscriptions/.+)$")
_SET = re.compile(r"^(?P<set>.+/virtualmachinescalesets/[^/]+)/virtualmachines/[^/]+$")
_FARGATE = re.compile(r"/fargate-")


def node_keys(provider_id: str | None) -> list[tuple[int, str]]:
    """Give the keys of a node, best first as (rank, key); none for an id that no bill names."""
    text = (provider_id or "").strip()
    if found := _EC2.match(text.lower()):
        return [(0, f"aws:{found['id']}")]
    if found := _GCE.match(text):
        project, zone, name = found["project"], found["zone"], found["name"]
        return [(0, f"gce:{project}/{zone}/{name}"), (1, f"gce:{project}/{name}")]
    if found := _AZURE.match(text.lower()):
        path = found["path"]
        whole = _SET.match(path)
        return [(0, f"azure:{path}"), *([(2, f"azure:{whole['set']}")] if whole else [])]
    return []


def why_no_key(provider_id: str | None) -> str:
    """Give why a node cannot be found on any bill, one phrase."""
    text = (provider_id or "").strip()
    if not text:
        return "its provider id is not known"
    if _FARGATE.search(text):
        return "Fargate bills its pods, not a machine"
    return f"no bill names machines as {text.split(':', maxsplit=1)[0]}:// does"


_NAME = pl.col("ResourceName").str.extract(r"([^/]+)$")
_PATH = r"projects/([^/]+)/zones/([^/]+)/{kind}/([^/]+)$"


def _of_path(kind: str) -> list[pl.Expr]:
    """Give project, zone and name of a Google Cloud path."""
    pattern = _PATH.format(kind=kind)
    return [pl.col("ResourceId").str.extract(pattern, group) for group in (1, 2, 3)]


def _google(kind: str) -> list[pl.Expr]:
    """Give the keys of Google Cloud's instances or disks: by path, by zone and name, by project and name."""
    project, zone, name = _of_path(kind)
    is_kind = pl.col("ResourceId").str.contains(rf"(?:^|/){kind}/[^/]+$") | pl.col(
        "ResourceName"
    ).str.contains(rf"(?:^|/){kind}/[^/]+$")
    # Paths may carry numbers for the project and the machine; the account and the name beside it do not.
    bare = pl.col("ProviderName").str.contains("(?i)google|gcp") & ~pl.col("ResourceId").str.contains("/")
    named = pl.when(is_kind | bare).then(pl.coalesce(_NAME, pl.col("ResourceId").str.extract(r"([^/]+)$")))
    whose, where = pl.col("SubAccountId"), pl.coalesce("AvailabilityZone", zone)
    return [
        pl.concat_str(pl.lit("gce:"), project, pl.lit("/"), zone, pl.lit("/"), name),
        pl.concat_str(pl.lit("gce:"), whose, pl.lit("/"), where, pl.lit("/"), named),
        pl.concat_str(pl.lit("gce:"), whose, pl.lit("/"), named),
    ]


def _azure(kinds: str) -> pl.Expr:
    path = pl.col("ResourceId").str.to_lowercase().str.strip_chars_end("/")
    pattern = rf"^(/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.compute/(?:{kinds})/.+)$"
    return pl.concat_str(pl.lit("azure:"), path.str.extract(pattern))


def _aws(prefix: str, kind: str) -> pl.Expr:
    found = pl.col("ResourceId").str.to_lowercase().str.extract(rf"(?:^|:{kind}/)({prefix}-[0-9a-f]+)$")
    return pl.concat_str(pl.lit("aws:"), found)


def _whole() -> tuple[pl.Expr, pl.Expr]:
    """Tell parts from what is billed: those that the provider split off, and our own, estimates included."""
    return pl.col("AllocatedResourceId").is_null(), pl.col("x_AllocationKind").is_null()


def _keyed(resources: pl.DataFrame, keys: Iterable[pl.Expr]) -> pl.DataFrame:
    """Give `dim_id`, `place` (best first) and `key`, one row per key of a resource."""
    frames = [
        resources.lazy()
        .filter(pl.col("ResourceId").is_not_null(), *_whole())
        .select("dim_id", pl.lit(place, dtype=pl.Int64()).alias("place"), key.alias("key"))
        .drop_nulls("key")
        for place, key in enumerate(keys)
    ]
    return pl.concat(frames).collect()


_VOL = re.compile(r"(?:^|/)(vol-[0-9a-f]+)$")
_DISK = re.compile(r"(?:^|/)projects/([^/]+)/(zones|regions)/([^/]+)/disks/([^/]+)$")
_AZURE_DISK = re.compile(r"^(?:azure://)?(/subscriptions/.+/disks/[^/]+)$")


def volume_keys(volume_id: str | None) -> list[tuple[int, str]]:
    """Give the keys of a volume: EBS, a persistent disk's path, a managed disk's id."""
    text = (volume_id or "").strip()
    if found := _VOL.search(text.lower()):
        return [(0, f"aws:{found[1]}")]
    if found := _DISK.search(text):
        project, _, place, name = found.groups()
        return [(0, f"gce:{project}/{place}/{name}"), (1, f"gce:{project}/{name}")]
    if found := _AZURE_DISK.match(text.lower()):
        return [(0, f"azure:{found[1]}")]
    return []


def of_instances(resources: pl.DataFrame) -> pl.DataFrame:
    """Give `dim_id`, `place` (best first) and `key` of machines and sets of machines on a bill."""
    azure = _azure("virtualmachines|virtualmachinescalesets")
    return _keyed(resources, [_aws("i", "instance"), *_google("instances"), azure])


def of_disks(resources: pl.DataFrame) -> pl.DataFrame:
    """Give `dim_id`, `place` (best first) and `key` of disks on a bill."""
    return _keyed(resources, [_aws("vol", "volume"), *_google("disks"), _azure("disks")])


def of_boot_disks(resources: pl.DataFrame) -> pl.DataFrame:
    """Give boot disks by the key of their machine: it has their name, on Azure the beginning of it."""
    azure = _azure("disks")
    machine = pl.concat_str(
        azure.str.extract(r"^(.+/providers/microsoft\.compute/)disks/"),
        pl.lit("virtualmachines/"),
        azure.str.extract(r"/disks/(.+?)_osdisk_[^/]*$"),
    )
    return _keyed(resources, [*_google("disks")[:2], machine])
