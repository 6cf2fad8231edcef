"""Which of Google's exports a table is, told by its columns. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import SourceError
from domain.text import printable

PAGE = "docs/connect-gcp.md"


class Export(StrEnum):
    """The exports that costd reads."""

    STANDARD = "standard"
    DETAILED = "detailed"
    FOCUS = "focus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A table as BigQuery describes it.

    Attributes:
        name: `project.dataset.table`.
        paths: every column, and every field in it, with dots between: `price.list_price`.
        by_arrival: it is partitioned by the day on which rows arrived, as Google's exports are.
        partition_days: after how many days partitions expire; None means never.
        location: where its dataset is, e.g. `EU`.
    """

    name: str
    paths: frozenset[str]
    by_arrival: bool
    partition_days: int | None = None
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that costd reads, and which export it is."""

    shape: Shape
    export: Export

    @property
    def name(self) -> str:
        """Give `project.dataset.table`."""
        return self.shape.name

    @property
    def paths(self) -> frozenset[str]:
        """Give every column and field."""
        return self.shape.paths

    def at(self, instant: str) -> str:
        """Give the table as SQL names it, as it was at an instant where BigQuery can tell that."""
        quoted = f"`{self.name}`"
        if not instant or self.export is Export.FOCUS:  # a linked dataset keeps no history of its own
            return quoted
        return f"{quoted} FOR SYSTEM_TIME AS OF TIMESTAMP '{instant}'"


_USAGE = (
    *("billing_account_id", "cost", "cost_type", "credits.amount", "credits.type", "currency"),
    *("export_time", "invoice.month", "location.region", "project.id", "service.id"),
    *("service.description", "sku.id", "sku.description", "usage.amount", "usage.unit"),
    *("usage_start_time", "usage_end_time"),
)
_FOCUS = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "ChargeCategory"),
    *("ChargePeriodStart", "ChargePeriodEnd", "ServiceName", "x_ExportTime"),
)
_OTHERS = {
    "pricing_as_of_time": "is the pricing export, which has prices and no charges",
    "commitment_amount": "is the export of commitments' data, which has no charges",
}


def recognised(shape: Shape) -> Table:
    """Tell which export a table is.

    Raises:
        SourceError: none that costd can read; the message says why and what to name instead.
    """
    export = _export(shape.paths)
    if export is None:
        raise _stranger(shape)
    if not shape.by_arrival:
        raise SourceError(
            f"{printable(shape.name)} has no _PARTITIONTIME: it is a view or a copy, not the "
            "table that Google writes, and every query would have to scan all of it",
            hint=f"name the table that the export itself fills (gcp_billing_export_…); see {PAGE}",
        )
    return Table(shape=shape, export=export)


def _export(paths: Collection[str]) -> Export | None:
    if all(path in paths for path in _FOCUS):
        return Export.FOCUS
    if not all(path in paths for path in _USAGE):
        return None
    return Export.DETAILED if "resource.name" in paths else Export.STANDARD


def _stranger(shape: Shape) -> SourceError:
    for column, what in _OTHERS.items():
        if column in shape.paths:
            return SourceError(
                f"{printable(shape.name)} {what}",
                hint=f"name the table gcp_billing_export_resource_v1_… beside it; see {PAGE}",
            )
    wanted = _FOCUS if "BilledCost" in shape.paths else _USAGE
    missing = ", ".join(path for path in wanted if path not in shape.paths)
    return SourceError(
        f"{printable(shape.name)} is none of Google's billing exports: it lacks {missing}",
        hint=f"name the table that the export itself fills (gcp_billing_export_…); see {PAGE}",
    )
