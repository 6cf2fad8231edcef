"""The Delta tables of the ledger: their columns, partitions and settings.

`charges` holds the facts, `resources` and `prices` the two dimensions, `cube` the daily
sums of every delivery, `allocations` how providers themselves split resources. Only a
commit to `charges` makes a delivery exist. `price_book` holds dated prices, apart from any delivery.
The tables of `domain.usage.FRAMES` hold what ran where; `split_charges` and `estimates` are made of both,
can be made again, and count only beside the delivery that they were made for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from domain.allocation import SPLIT_SCHEMA
from domain.charge import CUBE_SCHEMA, FACT_SCHEMA, INSTANT, PRICE_SCHEMA, RESOURCE_SCHEMA
from domain.price import BOOK_SCHEMA
from domain.usage import FRAMES
from ledger.tags import column_of, storable

CONTENT = "x_content"
"""Second half of a dimension row's content hash; a different one under one id is a collision."""

PROMOTED = "x_promoted"
"""Names the tag keys, joined by commas, that have a column of their own in this row."""

LOG_DAYS = 30
"""How long the log of a table that is no history is kept; hours of usage come with a commit each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One table of the ledger.

    Attributes:
        name: folder below the root.
        schema: stored columns, those of the partition first.
        partitions: columns that the folders are named after, not in the files.
        ranged: column whose least and greatest value the log keeps per file, or "".
        lasting: the log is kept for ever, for it is the history; otherwise for `LOG_DAYS`.
    """

    name: str
    schema: pl.Schema
    partitions: tuple[str, ...]
    ranged: str = ""
    lasting: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """Name the columns that are in the files."""
        return tuple(name for name in self.schema if name not in self.partitions)

    @property
    def configuration(self) -> dict[str, str | None]:
        """Give the table properties."""
        return {
            "delta.logRetentionDuration": f"interval {36500 if self.lasting else LOG_DAYS} days",
            "delta.enableExpiredLogCleanup": "false",
            "delta.dataSkippingNumIndexedCols": "0",
            **({"delta.dataSkippingStatsColumns": self.ranged} if self.ranged else {}),
        }


_MONTH = ("source", "billing_period")

CHARGES = TableSpec(name="charges", schema=FACT_SCHEMA, partitions=_MONTH, ranged="day")
CUBE = TableSpec(name="cube", schema=CUBE_SCHEMA, partitions=_MONTH, ranged="day")
ALLOCATIONS = TableSpec(
    name="allocations",
    schema=pl.Schema(
        {"source": pl.String(), "billing_period": pl.String(), "delivery_id": pl.String(), **SPLIT_SCHEMA}
    ),
    partitions=(*_MONTH, "delivery_id"),
)
PRICES = TableSpec(
    name="prices", schema=pl.Schema({**PRICE_SCHEMA, CONTENT: pl.Int64()}), partitions=("source",)
)
PRICE_BOOK = TableSpec(
    name="price_book", schema=BOOK_SCHEMA, partitions=("provider",), ranged="effective_from"
)

SPLIT_CHARGES = TableSpec(
    name="split_charges",
    schema=pl.Schema(
        {
            **FACT_SCHEMA,
            "delivery_id": pl.String(),
            "parent_dim_id": pl.Int64(),
            "parent_start": INSTANT,
        }
    ),
    partitions=(*_MONTH, "delivery_id"),
    ranged="day",
)
ESTIMATES = TableSpec(
    name="estimates",
    schema=pl.Schema({**FACT_SCHEMA, "bill_source": pl.String(), "delivery_id": pl.String()}),
    partitions=(*_MONTH, "bill_source", "delivery_id"),
    ranged="day",
)

OBJECTS = "objects"
"""The one table of usage without hours: of every thing its newest state counts."""


def _usage(name: str) -> TableSpec:
    place = ("source",) if name == OBJECTS else ("source", "day")
    schema = pl.Schema({**dict.fromkeys(place, pl.String()), **FRAMES[name]})
    return TableSpec(name=name, schema=schema, partitions=place, lasting=False)


USAGE = tuple(_usage(name) for name in FRAMES)
"""The tables of usage. The one of nodes is written last, so it stands first: what it says is there is."""


def resources(promote: Iterable[str]) -> TableSpec:
    """Give the resource dimension with a column for each of these tag keys that can have one."""
    promoted = dict.fromkeys(map(column_of, storable(promote)), pl.String())
    schema = pl.Schema({**RESOURCE_SCHEMA, CONTENT: pl.Int64(), PROMOTED: pl.String(), **promoted})
    return TableSpec(name="resources", schema=schema, partitions=("source",))


def keys_of(spec: TableSpec) -> list[str]:
    """List the tag keys that have a column of their own in the resource dimension."""
    prefix = column_of("")
    return sorted(name.removeprefix(prefix) for name in spec.schema if name.startswith(prefix))


def every_table(promote: Iterable[str] = ()) -> tuple[TableSpec, ...]:
    """List the tables, the truth first, and each before what it points at."""
    star = (CHARGES, SPLIT_CHARGES, ESTIMATES, resources(promote), PRICES, CUBE, ALLOCATIONS)
    return (*star, PRICE_BOOK, *USAGE)
