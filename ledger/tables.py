"""The four Delta tables of the ledger: their columns, partitions and settings.

`charges` holds the facts, `resources` and `prices` the two dimensions, `cube` the daily
sums of every delivery. Only a commit to `charges` makes a delivery exist.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from domain.charge import CUBE_SCHEMA, FACT_SCHEMA, PRICE_SCHEMA, RESOURCE_SCHEMA

CONTENT = "x_content"
"""Second half of a dimension row's content hash; a different one under one id is a collision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One table of the ledger.

    Attributes:
        name: folder below the root.
        schema: stored columns, those of the partition first.
        partitions: columns that the folders are named after, not in the files.
        ranged: column whose least and greatest value the log keeps per file, or "".
    """

    name: str
    schema: pl.Schema
    partitions: tuple[str, ...]
    ranged: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Name the columns that are in the files."""
        return tuple(name for name in self.schema if name not in self.partitions)

    @property
    def configuration(self) -> dict[str, str | None]:
        """Give the table properties; the log is kept for ever, for it is the history."""
        return {
            "delta.logRetentionDuration": "interval 36500 days",
            "delta.enableExpiredLogCleanup": "false",
            "delta.dataSkippingNumIndexedCols": "0",
            **({"delta.dataSkippingStatsColumns": self.ranged} if self.ranged else {}),
        }


def _dimension(name: str, schema: pl.Schema) -> TableSpec:
    stored = pl.Schema({**schema, CONTENT: pl.Int64()})
    return TableSpec(name=name, schema=stored, partitions=("source",))


_MONTH = ("source", "billing_period")

CHARGES = TableSpec(name="charges", schema=FACT_SCHEMA, partitions=_MONTH, ranged="day")
RESOURCES = _dimension("resources", RESOURCE_SCHEMA)
PRICES = _dimension("prices", PRICE_SCHEMA)
CUBE = TableSpec(name="cube", schema=CUBE_SCHEMA, partitions=_MONTH, ranged="day")

TABLES = (CHARGES, RESOURCES, PRICES, CUBE)
"""Every table, the truth first."""
