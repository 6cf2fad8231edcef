"""What rules ask and reports group by: the words of a resource, under the names users know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from attribution.tags import clean, fold_key, tag_values
from attribution.workloads import WORKLOAD_KEYS

_COLUMNS: dict[str, tuple[str, ...]] = {
    "source": ("source",),
    "provider": ("ProviderName", "ServiceProviderName"),
    "publisher": ("PublisherName",),
    "account": ("SubAccountId", "SubAccountName"),
    "billing_account": ("BillingAccountId", "BillingAccountName"),
    "region": ("RegionId", "RegionName"),
    "service": ("ServiceName",),
    "service_category": ("ServiceCategory",),
    "resource": ("ResourceId", "ResourceName"),
    "resource_type": ("ResourceType",),
    "charge_category": ("ChargeCategory",),
    "commitment_status": ("CommitmentDiscountStatus",),
}
_ELSE = {"SubAccountId": "BillingAccountId", "SubAccountName": "BillingAccountName"}

TAG = "tag:"


def subject_series(resources: pl.DataFrame, wanted: Iterable[str]) -> dict[str, list[pl.Series]]:
    """Give per subject the texts that its patterns are tried on, each aligned with the resources.

    A subject is a line of `when`: `account` (id and name), `namespace`, `tag:team`, …
    """
    subjects = list(dict.fromkeys(wanted))
    tags = tag_values(resources, _tag_keys(subjects))
    return {subject: list(_series_of(resources, subject, tags)) for subject in subjects}


def _tag_keys(subjects: Iterable[str]) -> Iterator[str]:
    for subject in subjects:
        if subject.startswith(TAG):
            yield subject.removeprefix(TAG)
        else:
            yield from WORKLOAD_KEYS.get(subject, ())


def _series_of(resources: pl.DataFrame, subject: str, tags: dict[str, pl.Series]) -> Iterator[pl.Series]:
    if subject.startswith(TAG):
        yield tags[subject.removeprefix(TAG)]
    elif subject in WORKLOAD_KEYS:
        keys = WORKLOAD_KEYS[subject]
        yield pl.DataFrame([tags[key].alias(key) for key in keys]).select(pl.coalesce(*keys)).to_series()
    else:
        for column in _COLUMNS[subject]:
            text = pl.col(column)
            if column in _ELSE:
                lacks = pl.col("SubAccountId").is_null() & pl.col("SubAccountName").is_null()
                text = pl.when(lacks).then(pl.col(_ELSE[column])).otherwise(text)
            yield clean(resources.select(text).to_series())


def same_key(one: str, other: str) -> bool:
    """Tell whether two tag keys are near-duplicates."""
    return fold_key(one) == fold_key(other)
