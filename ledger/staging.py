"""Staging: the rows of one batch as files that no commit names yet, and what was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

import polars as pl

from domain.charge import COLUMN_OF, FACT_COLUMNS, Kind, Star
from domain.delivery import Batch, Chunk
from domain.errors import GateError
from domain.money import EXACT
from ledger import promotion
from ledger.commit import StagedFile
from ledger.cube import BY_DAY
from ledger.gates import Sums
from ledger.intern import ID_OF, Interner
from ledger.record import new_id
from ledger.store import Table
from ledger.tables import CONTENT

FLUSH_ROWS = 1_000_000
"""Facts held in memory before they are written; about 150 MB."""

FLUSH_DIMENSION_ROWS = 100_000

COST_COLUMNS = tuple(name for name in FACT_COLUMNS if COLUMN_OF[name].kind is Kind.COST)


_NEEDED = ("BilledCost", "BillingCurrency", "ChargePeriodStart")
"""Columns without which a row belongs to no day and no sum."""


def _months(starts: pl.Series) -> pl.Series:
    """Give `YYYY-MM` of every instant; formatting each of millions would cost more than storing them."""
    distinct = starts.unique()
    texts = distinct.dt.strftime("%Y-%m")
    return starts.replace_strict(distinct, texts, return_dtype=pl.String) if len(distinct) else texts


class PeriodStage:
    """What was read and staged of one billing period, for the delivery `id`."""

    def __init__(self, delivery_id: str) -> None:
        self.id = delivery_id
        self.splits: list[pl.DataFrame] = []
        self.split_rows = 0
        self.files: list[StagedFile] = []
        self.held: list[pl.DataFrame] = []
        self.rows = 0
        self.rejected = 0
        self.parsed: Sums = defaultdict(lambda: defaultdict(Decimal))
        self.residual: Sums = defaultdict(lambda: defaultdict(Decimal))
        self.through: datetime | None = None


class Stage:
    """Everything of one batch that lies in the tables' folders and is not committed."""

    def __init__(self, batch: Batch, tables: dict[str, Table], now: datetime) -> None:
        self.source = batch.source
        self.periods = {period: PeriodStage(new_id(now)) for period in sorted(batch.periods)}
        self.tables = tables
        self.staged: dict[str, list[StagedFile]] = defaultdict(list)
        self._key = new_id(now)
        self._count = 0
        self._held_rows = 0
        self._resources = self._interner("resources", Star.RESOURCE, keep=("BillingCurrency",))
        self._prices = self._interner("prices", Star.PRICE)

    def _interner(self, name: str, star: Star, *, keep: tuple[str, ...] = ()) -> Interner:
        stored = self.tables[name].scan().filter(pl.col("source") == self.source)
        known = stored.select(ID_OF[star], CONTENT).unique().collect()
        return Interner(star, self.source, known, keep=keep)

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
            self._flush_splits(period)
        self._flush_dimensions(at_least=1)

    def currencies(self) -> pl.DataFrame:
        """Give `dim_id` and `BillingCurrency` of every resource met."""
        return self._resources.met

    def stage(self, table: str, rows: pl.LazyFrame, partition: dict[str, str]) -> list[StagedFile]:
        """Write rows to a new file of a table; no rows make no file."""
        self._count += 1
        staged = self.tables[table].stage(rows, partition, f"{self._key}-{self._count:05d}")
        if not staged.rows:
            self.tables[table].files.remove([staged.path])
            return []
        self.staged[table].append(staged)
        return [staged]

    def discard(self) -> None:
        """Delete every staged file that no commit took."""
        for name, staged in self.staged.items():
            self.tables[name].files.remove([file.path for file in staged])
        self.staged.clear()

    def facts(self, period: str) -> pl.LazyFrame:
        """Read the staged facts of a period back from where they lie."""
        return self.tables["charges"].read([file.path for file in self.periods[period].files])

    def give_up(self, period: str) -> list[StagedFile]:
        """Give the facts' files of a period to a commit; `discard` leaves them alone from now on."""
        mine = self.periods[period].files
        self.staged["charges"] = [file for file in self.staged["charges"] if file not in mine]
        return mine

    def _take(self, chunk: Chunk) -> None:
        charges = chunk.charges.with_columns(
            billing_period=_months(chunk.charges["BillingPeriodStart"]),
            day=pl.col("ChargePeriodStart").dt.date(),
        )
        self._refuse_strangers(
            {*charges["billing_period"].unique(), *(key[0] for key in chunk.parsed)}, chunk.file
        )
        self._refuse_holes(charges, chunk.file)
        self._add_up(chunk)
        charges = charges.with_columns(self._resources.intern(charges), self._prices.intern(charges))
        self._flush_dimensions(at_least=FLUSH_DIMENSION_ROWS)
        self._note_through(charges)
        facts = charges.select("billing_period", *self.tables["charges"].spec.columns)
        for (period,), part in facts.partition_by("billing_period", as_dict=True).items():
            stage = self.periods[str(period)]
            stage.held.append(part)
            stage.rows += part.height
        self._take_splits(chunk)
        self._count_rejected(chunk, charges["billing_period"])
        self._held_rows += facts.height
        while self._held_rows >= FLUSH_ROWS:
            self._flush(max(self.periods, key=self._held))

    def _take_splits(self, chunk: Chunk) -> None:
        """Take how the provider splits resources; it never touches the charges."""
        if chunk.allocations is None:
            return
        months = _months(chunk.allocations["BillingPeriodStart"])
        split = chunk.allocations.with_columns(billing_period=months)
        parts = split.partition_by("billing_period", as_dict=True)
        self._refuse_strangers({str(period) for (period,) in parts}, chunk.file)
        for (period,), part in parts.items():
            stage = self.periods[str(period)]
            stage.splits.append(part)
            stage.split_rows += part.height
            if sum(frame.height for frame in stage.splits) >= FLUSH_ROWS:
                self._flush_splits(str(period))

    def _flush_splits(self, period: str) -> None:
        stage = self.periods[period]
        if stage.splits:
            place = {"source": self.source, "billing_period": period, "delivery_id": stage.id}
            self.stage("allocations", pl.concat(stage.splits).lazy(), place)
            stage.splits.clear()

    def _count_rejected(self, chunk: Chunk, found: pl.Series) -> None:
        """Count rows without a readable period where most of their neighbours belong."""
        if chunk.rejected:
            usual = found.mode().sort().first() if len(found) else max(self.periods, default=None)
            if usual is not None:
                self.periods[str(usual)].rejected += len(chunk.rejected)

    def _held(self, period: str) -> int:
        return sum(frame.height for frame in self.periods[period].held)

    def _refuse_strangers(self, found: set[str | None], file: str) -> None:
        strangers = found - self.periods.keys()
        if strangers:
            names = ", ".join(sorted(name or "no billing period" for name in strangers))
            raise GateError(
                f"{file} holds rows of {names}, which the delivery does not name; nothing was replaced",
                hint="a period is replaced only as a whole: deliver it whole, or remove the stray rows",
            )

    def _refuse_holes(self, charges: pl.DataFrame, file: str) -> None:
        for name in _NEEDED:
            if empty := charges[name].null_count():
                raise GateError(
                    f"{file} has {empty:,} rows without {name}; nothing was replaced",
                    hint="a collector must quarantine such rows; please report this as a bug",
                )

    def _add_up(self, chunk: Chunk) -> None:
        with localcontext(EXACT):
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
        # By day, so that a reader of a few days and the cube skip most row groups.
        rows = pl.concat(stage.held).sort(BY_DAY)
        stage.held.clear()
        self._held_rows -= rows.height
        partition = {"source": self.source, "billing_period": period}
        stage.files.extend(self.stage("charges", rows.lazy(), partition))

    def _flush_dimensions(self, *, at_least: int) -> None:
        for interner, name in ((self._resources, "resources"), (self._prices, "prices")):
            if interner.fresh_rows >= at_least:
                fresh = interner.take_fresh()
                if name == "resources":
                    fresh = promotion.apply(fresh, self.tables[name].spec)
                self.stage(name, fresh.lazy(), {"source": self.source})
