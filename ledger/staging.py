"""Staging: the rows of one batch as files that no commit names yet, and what was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext

import polars as pl

from domain.charge import BY_NAME, COSTS, FACT_COLUMNS, Kind, Star
from domain.delivery import Batch, Chunk
from domain.errors import GateError
from domain.money import PRECISION, SCALE
from ledger.cube import sum_or_null
from ledger.gates import Sums, Tally
from ledger.intern import Interner
from ledger.store import StagedFile, Table
from ledger.tables import CONTENT, PRICES, RESOURCES, TableSpec

FLUSH_ROWS = 1_000_000
"""Facts held in memory before they are written; about 150 MB."""

FLUSH_DIMENSION_ROWS = 100_000

COST_COLUMNS = tuple(name for name in FACT_COLUMNS if BY_NAME[name].kind is Kind.COST)

_EXACT = Context(prec=2 * PRECISION + SCALE)


class PeriodStage:
    """What was read and staged of one billing period."""

    def __init__(self) -> None:
        self.files: list[StagedFile] = []
        self.held: list[pl.DataFrame] = []
        self.rows = 0
        self.rejected = 0
        self.parsed: Sums = defaultdict(lambda: defaultdict(Decimal))
        self.residual: Sums = defaultdict(lambda: defaultdict(Decimal))
        self.through: datetime | None = None


class Stage:
    """Everything of one batch that lies in the tables' folders and is not committed."""

    def __init__(self, batch: Batch, tables: dict[str, Table], key: str) -> None:
        self.source = batch.source
        self.periods = {period: PeriodStage() for period in sorted(batch.periods)}
        self.tables = tables
        self.staged: dict[str, list[StagedFile]] = defaultdict(list)
        self._key = key
        self._count = 0
        self._held_rows = 0
        self._resources = Interner(
            RESOURCES, Star.RESOURCE, self.source, self._known(RESOURCES, "dim_id"), keep=("BillingCurrency",)
        )
        self._prices = Interner(PRICES, Star.PRICE, self.source, self._known(PRICES, "price_id"))

    def _known(self, spec: TableSpec, key: str) -> pl.DataFrame:
        stored = self.tables[spec.name].scan().filter(pl.col("source") == self.source)
        return stored.select(key, CONTENT).unique().collect()

    def read(self, batch: Batch, on_rows: Callable[[int], None]) -> None:
        """Take every chunk of the batch.

        Raises:
            SourceError: the chunks could not be read to the end.
            GateError: a chunk holds rows of a period that the batch does not name.
        """
        for chunk in batch.chunks:
            self._take(chunk)
            on_rows(chunk.charges.height + len(chunk.rejected))
        for period in self.periods:
            self._flush(period)
        self._flush_dimensions(at_least=1)

    def currencies(self) -> pl.DataFrame:
        """Give `dim_id` and `BillingCurrency` of every resource met."""
        return self._resources.met

    def stage(self, table: str, rows: pl.LazyFrame, partition: dict[str, str]) -> StagedFile:
        """Write rows to a new file of a table."""
        self._count += 1
        staged = self.tables[table].stage(rows, partition, f"{self._key}-{self._count:05d}")
        self.staged[table].append(staged)
        return staged

    def discard(self) -> None:
        """Delete every staged file that no commit took."""
        for name, staged in self.staged.items():
            self.tables[name].files.remove([file.path for file in staged])
        self.staged.clear()

    def facts(self, period: str) -> pl.LazyFrame:
        """Read the staged facts of a period back from where they lie."""
        return self.tables["charges"].read([file.path for file in self.periods[period].files])

    def tally(self, period: str) -> Tally:
        """Count and sum what is staged for a period, read back from where it lies."""
        cells = (
            self.facts(period)
            .join(self.currencies().lazy(), on="dim_id", how="left")
            .group_by("BillingCurrency", "day")
            .agg(
                pl.len().alias("rows"),
                *(sum_or_null(name) for name in COST_COLUMNS),
                *(pl.col(name).abs().sum().name.suffix("_gross") for name in COSTS.values()),
            )
            .collect()
        )
        return tally_of(cells)

    def _take(self, chunk: Chunk) -> None:
        charges = chunk.charges.with_columns(
            billing_period=pl.col("BillingPeriodStart").dt.strftime("%Y-%m"),
            day=pl.col("ChargePeriodStart").dt.date(),
        )
        self._refuse_strangers(charges["billing_period"], chunk.file)
        self._add_up(chunk)
        charges = charges.with_columns(self._resources.intern(charges), self._prices.intern(charges))
        self._flush_dimensions(at_least=FLUSH_DIMENSION_ROWS)
        self._note_through(charges)
        facts = charges.select("billing_period", *self.tables["charges"].spec.columns)
        for (period,), part in facts.partition_by("billing_period", as_dict=True).items():
            stage = self.periods[str(period)]
            stage.held.append(part)
            stage.rows += part.height
        self._count_rejected(chunk, charges["billing_period"])
        self._held_rows += facts.height
        while self._held_rows >= FLUSH_ROWS:
            self._flush(max(self.periods, key=self._held))

    def _count_rejected(self, chunk: Chunk, found: pl.Series) -> None:
        """Count rows without a readable period where most of their neighbours belong."""
        if chunk.rejected:
            usual = found.mode().sort().first() if len(found) else max(self.periods, default=None)
            if usual is not None:
                self.periods[str(usual)].rejected += len(chunk.rejected)

    def _held(self, period: str) -> int:
        return sum(frame.height for frame in self.periods[period].held)

    def _refuse_strangers(self, found: pl.Series, file: str) -> None:
        strangers = set(found.unique().to_list()) - self.periods.keys()
        if strangers:
            names = ", ".join(sorted(str(name or "no billing period") for name in strangers))
            raise GateError(
                f"{file} holds rows of {names}, which the delivery does not name; nothing was replaced",
                hint="a period is replaced only as a whole: deliver it whole, or remove the stray rows",
            )

    def _add_up(self, chunk: Chunk) -> None:
        with localcontext(_EXACT):
            for (period, currency, column), amount in chunk.parsed.items():
                self.periods[period].parsed[currency][column] += amount
            for (period, currency, column), amount in chunk.residual.items():
                self.periods[period].residual[currency][column] += amount

    def _note_through(self, charges: pl.DataFrame) -> None:
        length = pl.col("ChargePeriodEnd") - pl.col("ChargePeriodStart")
        usage = charges.lazy().filter(pl.col("ChargeCategory") == "Usage", length <= timedelta(days=1))
        ends = usage.group_by("billing_period").agg(pl.col("ChargePeriodEnd").max()).collect()
        for period, end in ends.iter_rows():
            stage = self.periods[period]
            if end is not None and (stage.through is None or end > stage.through):
                stage.through = end

    def _flush(self, period: str) -> None:
        stage = self.periods[period]
        if not stage.held:
            return
        rows = pl.concat(stage.held)
        stage.held.clear()
        self._held_rows -= rows.height
        partition = {"source": self.source, "billing_period": period}
        stage.files.append(self.stage("charges", rows.lazy(), partition))

    def _flush_dimensions(self, *, at_least: int) -> None:
        for interner, table in ((self._resources, "resources"), (self._prices, "prices")):
            if interner.fresh_rows >= at_least:
                self.stage(table, interner.take_fresh().lazy(), {"source": self.source})


def tally_of(cells: pl.DataFrame) -> Tally:
    """Fold sums per currency and day into one tally."""
    sums: Sums = {}
    gross: Sums = {}
    with localcontext(_EXACT):
        for row in cells.iter_rows(named=True):
            mine = sums.setdefault(row["BillingCurrency"], {})
            loud = gross.setdefault(row["BillingCurrency"], {})
            for name in COST_COLUMNS:
                if row[name] is not None:
                    mine[name] = mine.get(name, Decimal(0)) + row[name]
            for name in COSTS.values():
                loud[name] = loud.get(name, Decimal(0)) + row[f"{name}_gross"]
    return Tally(
        rows=int(cells["rows"].sum()),
        days=frozenset(cells["day"].unique().to_list()),
        sums=sums,
        gross=gross,
    )
