"""What a report can be grouped and filtered by: names, meanings and where each is found.

Light on purpose: no frames are imported, so that `--help` can list the dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

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
        name: as the user writes it, and as the attribution kernel knows it.
        place: where its value is found.
        meaning: one phrase for help and documentation.
    """

    name: str
    place: Place
    meaning: str


_MEANINGS: dict[Place, dict[str, str]] = {
    Place.OWNER: {
        "team": "owning team, by the ownership rules",
        "service": "the company's own service, by the ownership rules",
        "model": "machine-learning model, by the ownership rules",
        "environment": "environment, by the ownership rules",
        "pull_request": "pull request, by the ownership rules",
        "cost_kind": "direct, idle or shared",
        "pool": "shared pool, where the cost is in one",
    },
    Place.RESOURCE: {
        "provider": "provider of the charge",
        "account": "sub account (AWS account, Azure subscription, GCP project), else billing account",
        "billing_account": "billing account",
        "region": "region",
        "cluster": "Kubernetes cluster that a cost was split in",
        "namespace": "Kubernetes namespace that a cost was split to",
        "workload": "Kubernetes workload that a cost was split to",
        "pod": "Kubernetes pod that a cost was split to",
        "resource": "resource id, else its name",
        "resource_type": "kind of resource, as the provider names it",
        "cloud_service": "the provider's product (ServiceName)",
        "service_category": "FOCUS service category",
        "charge_category": "Usage, Purchase, Tax, Credit or Adjustment",
        "publisher": "who made what was bought, e.g. a marketplace vendor",
        "source": "name of the source in costd.yaml",
    },
    Place.PRICE: {"sku": "SKU id"},
    Place.TIME: {
        "hour": "UTC hour in which the charge begins; a bill by the day is all in its first hour",
        "day": "UTC day of the charge",
        "week": "ISO week of the charge, e.g. 2026-W47",
        "month": "UTC month of the charge",
        "billing_month": "month of the bill the charge is on",
    },
}
DIMENSIONS = {
    name: Dimension(name=name, place=place, meaning=meaning)
    for place, meanings in _MEANINGS.items()
    for name, meaning in meanings.items()
}
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
        return Dimension(name=name, place=Place.RESOURCE, meaning="value of a tag")
    near = get_close_matches(name.lower().replace("-", "_"), DIMENSIONS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"dimensions: {' '.join(DIMENSIONS)}"
    raise UsageError(f"no dimension is called {name!r}", hint=hint)
