"""What a report can be grouped and filtered by: names, meanings and where each is found.

Light on purpose: no frames are imported, so that `--help` can list the dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from attribution.workloads import WORKLOAD_KEYS
from domain.errors import UsageError


class Place(StrEnum):
    """Where a dimension's value is found."""

    OWNER = "owner"
    RESOURCE = "resource"
    PRICE = "price"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One thing a report can be grouped or filtered by.

    Attributes:
        name: as the user writes it.
        place: where its value is found.
        meaning: one phrase for help and documentation.
        columns: FOCUS columns it is read from, the first with a value wins.
        tags: tag keys it is read from, in order, when no column has it.
    """

    name: str
    place: Place
    meaning: str
    columns: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def _dimensions(*rows: Dimension) -> dict[str, Dimension]:
    return {row.name: row for row in rows}


def _owner(name: str, meaning: str) -> Dimension:
    return Dimension(name=name, place=Place.OWNER, meaning=meaning)


def _time(name: str, meaning: str) -> Dimension:
    return Dimension(name=name, place=Place.TIME, meaning=meaning)


def _resource(name: str, meaning: str, *columns: str, tags: tuple[str, ...] = ()) -> Dimension:
    return Dimension(name=name, place=Place.RESOURCE, meaning=meaning, columns=columns, tags=tags)


def _price(name: str, meaning: str, *columns: str) -> Dimension:
    return Dimension(name=name, place=Place.PRICE, meaning=meaning, columns=columns)


DIMENSIONS = _dimensions(
    _owner("team", "owning team, by the ownership rules"),
    _owner("service", "owning service, by the ownership rules"),
    _owner("model", "model, by the ownership rules"),
    _owner("environment", "environment, by the ownership rules"),
    _owner("pull_request", "pull request, by the ownership rules"),
    _resource("provider", "provider of the charge", "ProviderName", "ServiceProviderName"),
    _resource("account", "sub account, else billing account", "SubAccountId", "BillingAccountId"),
    _resource("region", "region id", "RegionId"),
    _resource(
        "cluster",
        "Kubernetes cluster, from the tags that cloud bills put on split cost",
        tags=WORKLOAD_KEYS["cluster"],
    ),
    _resource(
        "namespace",
        "Kubernetes namespace, from the same tags",
        tags=WORKLOAD_KEYS["namespace"],
    ),
    _resource(
        "workload",
        "Kubernetes workload, from the same tags",
        tags=WORKLOAD_KEYS["workload"],
    ),
    _resource("resource", "resource id, else its name", "ResourceId", "ResourceName"),
    _price("sku", "SKU id", "SkuId"),
    _resource("charge_category", "Usage, Purchase, Tax, Credit or Adjustment", "ChargeCategory"),
    _owner("cost_kind", "direct, idle or shared"),
    _time("day", "UTC day of the charge"),
    _time("week", "ISO week of the charge, e.g. 2026-W47"),
    _time("month", "UTC month of the charge"),
    _time("billing_month", "month of the bill the charge is on"),
    _resource("cloud_service", "service as the provider names it", "ServiceName"),
    _resource("service_category", "FOCUS service category", "ServiceCategory"),
    _resource("source", "name of the source in costd.yaml", "source"),
)
"""Every dimension by name, in the order that help lists them."""

TAG = "tag:"
OWNERS = ("team", "service", "model", "environment", "pull_request")
UNALLOCATED = "unallocated"
"""How a missing owner is shown and asked for; in frames and JSON it is null."""


def dimension(name: str) -> Dimension:
    """Give the dimension of a name, `tag:<key>` included.

    Raises:
        UsageError: no such dimension; the hint names the nearest.
    """
    known = DIMENSIONS.get(name)
    if known is not None:
        return known
    if name.startswith(TAG) and len(name) > len(TAG):
        return _resource(name, "value of a tag", tags=(name.removeprefix(TAG),))
    near = get_close_matches(name.lower().replace("-", "_"), DIMENSIONS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"dimensions: {' '.join(DIMENSIONS)}"
    raise UsageError(f"no dimension is called {name!r}", hint=hint)
