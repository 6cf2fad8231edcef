"""What rules ask and reports group by: the words of a resource, under the names users know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from attribution.tags import cleaned, tag_columns
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
    "allocation_kind": ("x_AllocationKind",),
}
_ELSE = {"SubAccountId": "BillingAccountId", "SubAccountName": "BillingAccountName"}

TAG = "tag:"


@dataclass(frozen=True, slots=True)
class Texts:
    """What patterns are tried on: one row per resource, in their order.

    Attributes:
        frame: cleaned text columns, and `dim_id`.
        columns: per subject (a line of `when`: `account`, `namespace`, `tag:team`, …) its
            columns of the frame, best first; none where no resource says anything.
        distinct: per text column its different texts; patterns are tried on these alone.
    """

    frame: pl.DataFrame
    columns: dict[str, tuple[str, ...]]
    distinct: dict[str, pl.Series]

    def first(self, subject: str) -> pl.Expr:
        """Give the best text of a subject."""
        columns = self.columns[subject]
        return pl.coalesce(*columns) if columns else pl.lit(None, dtype=pl.String())


def texts_of(resources: pl.DataFrame, subjects: Iterable[str]) -> Texts:
    """Give the texts of the subjects of resources."""
    wanted = list(dict.fromkeys(subjects))
    plain = [_text_of(column).alias(column) for subject in wanted for column in _COLUMNS.get(subject, ())]
    frame = tag_columns(resources, _tag_keys(wanted)).select(pl.all().name.prefix(TAG))
    said_or_not, distinct = cleaned(
        pl.DataFrame([*frame.get_columns(), *resources.select(plain).get_columns()])
    )
    texts = resources.select("dim_id").with_columns(said_or_not.get_columns())
    said = {name for name in texts.columns if texts[name].null_count() < texts.height}
    columns = {subject: tuple(name for name in _names(subject) if name in said) for subject in wanted}
    return Texts(texts, columns, distinct)


def _tag_keys(subjects: Iterable[str]) -> Iterator[str]:
    for subject in subjects:
        if subject.startswith(TAG):
            yield subject.removeprefix(TAG)
        else:
            yield from WORKLOAD_KEYS.get(subject, ())


def _names(subject: str) -> tuple[str, ...]:
    if subject in WORKLOAD_KEYS:
        return tuple(f"{TAG}{key}" for key in WORKLOAD_KEYS[subject])
    return (subject,) if subject.startswith(TAG) else _COLUMNS[subject]


def _text_of(column: str) -> pl.Expr:
    if column not in _ELSE:
        return pl.col(column)
    lacks = pl.col("SubAccountId").is_null() & pl.col("SubAccountName").is_null()
    return pl.when(lacks).then(pl.col(_ELSE[column])).otherwise(pl.col(column))
