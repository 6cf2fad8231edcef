"""Charges split among what ran on them, and estimates of what no bill says yet.

Both are made of what is stored, so they can be made again, and both name the delivery they were made
for: once another one is current they are stale and nobody sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from domain.allocation import PARENT
from domain.charge import FACT_SCHEMA, RAW_SCHEMA, Star
from domain.errors import ConflictError, GateError
from ledger.adding_up import refuse_difference, sums_of
from ledger.commit import StagedFile
from ledger.cube import BY_DAY
from ledger.dimensions import Dimensions
from ledger.logbook import Logbook, told
from ledger.record import new_id
from ledger.splitting import Split, Splitting, Stage, replace_files, whole_places, with_day

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from ledger.history import History
    from ledger.store import Table

NO_DELIVERY = "none"
"""Stands for the delivery of a billing period that no bill has reached."""


class Splits:
    """The tables `split_charges` and `estimates` beside the charges."""

    def __init__(self, tables: Mapping[str, Table], history: History) -> None:
        self._tables = tables
        self._history = history
        self._log = Logbook(tables["split_charges"], "source", "billing_period")

    def replace(self, splitting: Splitting, parts: Iterable[pl.DataFrame], *, seen_at: datetime) -> Split:
        """Store the parts of a period's charges in place of those there are.

        Raises:
            GateError: the parts do not add up to the charges, or are no `PART_SCHEMA`.
            ConflictError: the delivery is not the current one.
            StorageError: a table cannot be written.
        """
        self._refuse_overtaken(splitting)
        stage = Stage(self._tables, splitting.place, seen_at)
        try:
            for rows in parts:
                stage.take(rows)
            stage.flush()
            wanted = self._wanted(splitting)
            refuse_difference(splitting.name, wanted, sums_of(stage.rows()))
            stage.dimensions.commit()
            self._refuse_overtaken(splitting)
        except BaseException:
            stage.discard()
            raise
        split = Split(
            delivery_id=splitting.delivery_id,
            usage=splitting.usage,
            parents=wanted.height,
            parts=sum(file.rows for file in stage.files),
            seen_at=seen_at,
        )
        place = {"source": splitting.source, "billing_period": splitting.billing_period}
        text = told(**place, **{**asdict(split), "seen_at": seen_at.isoformat()})
        replace_files(self._tables["split_charges"], place, stage.files, text, seen_at)
        return split

    def _wanted(self, splitting: Splitting) -> pl.DataFrame:
        """Give what the charges to be split cost, by `PARENT` and currency."""
        key = ["dim_id", "ChargePeriodStart", "price_id"]
        parents = splitting.parents.select(key).unique()
        rows = (
            self._tables["charges"]
            .scan()
            .filter(
                pl.col("source") == splitting.source, pl.col("billing_period") == splitting.billing_period
            )
        )
        dimension = self._tables["resources"].scan().filter(pl.col("source") == splitting.source)
        currencies = dimension.select("dim_id", "BillingCurrency").join(
            parents.lazy(), on="dim_id", how="semi"
        )
        mine = rows.join(parents.lazy(), on=key, how="semi").join(
            currencies.unique("dim_id"), on="dim_id", how="left"
        )
        found = sums_of(mine.rename({"dim_id": "parent_dim_id", "ChargePeriodStart": "parent_start"}))
        if found.height != parents.height:
            raise GateError(
                f"{splitting.name} cannot be split: {parents.height - found.height:,} of the charges named "
                "are not in the ledger; its charges stay whole",
                hint="the bill itself is untouched; please report this as a bug",
            )
        return found

    def _current(self, charges: DeltaTable | None = None) -> dict[tuple[str, str], str]:
        """Give the id of the current delivery of every billing period."""
        deliveries = (entry.delivery for entry in self._history.entries(charges))
        return {(one.source, one.billing_period): one.id for one in deliveries}

    def _refuse_overtaken(self, splitting: Splitting) -> None:
        if self._current().get((splitting.source, splitting.billing_period)) != splitting.delivery_id:
            raise ConflictError(
                f"{splitting.name} was delivered anew while it was split; its charges stay whole",
                hint="it is split anew at the next collection",
            )

    def splits(self) -> dict[tuple[str, str], Split]:
        """Give by source and billing period what was split last; what a failing disk took is not given."""
        table = self._tables["split_charges"]
        there = {place["delivery_id"] for place in whole_places(table, table.open())}
        return {
            (source, period): Split(
                delivery_id=text["delivery_id"],
                usage=text["usage"],
                parents=text["parents"],
                parts=text["parts"],
                seen_at=datetime.fromisoformat(text["seen_at"]),
            )
            for (source, period), text in self._log.newest().items()
            if not text["parts"] or text["delivery_id"] in there
        }

    def replace_estimates(
        self,
        place: tuple[str, str],
        rows: pl.DataFrame,
        *,
        based_on: Mapping[str, str] | None,
        seen_at: datetime,
    ) -> None:
        """Store estimates of a source and billing period in place of those there are.

        Raises:
            GateError: rows of another period, or that do not say which bill will replace them.
            StorageError: a table cannot be written.
        """
        _refuse_odd(place, rows)
        source, period = place
        current = {bill: one for (bill, month), one in self._current().items() if month == period}
        deliveries = current if based_on is None else based_on
        dimensions = Dimensions(self._tables, source, (Star.RESOURCE, Star.PRICE), seen_at)
        table = self._tables["estimates"]
        staged: list[StagedFile] = []
        where = {"source": source, "billing_period": period}
        try:
            for (bill,), part in rows.partition_by("x_EstimatedUntil", as_dict=True).items():
                facts = with_day(part).with_columns(*dimensions.ids(part)).sort(BY_DAY)
                basis = {"bill_source": str(bill), "delivery_id": deliveries.get(str(bill)) or NO_DELIVERY}
                staged.append(table.stage(facts.lazy(), where | basis, new_id(seen_at)))
            dimensions.commit()
        except BaseException:
            table.files.remove(file.path for file in staged)
            raise
        replace_files(table, where, staged, "", seen_at)

    def version(self) -> str:
        """Give the versions of both tables; one that is not there has none."""
        opened = (self._tables[name].open() for name in ("split_charges", "estimates"))
        return "/".join("" if table is None else str(table.version()) for table in opened)

    def attributable(self) -> pl.LazyFrame | None:
        """Give the facts that are attributed; None where they are the charges, because nothing is split."""
        splits, estimates = self._tables["split_charges"].open(), self._tables["estimates"].open()
        if splits is None and estimates is None:
            return None
        charges = self._tables["charges"].open()
        current = self._current(charges) if charges is not None else {}
        rows = self._tables["charges"].rows_of(charges).select(FACT_SCHEMA.names())
        return pl.concat([*self._split(rows, splits, current), *self._estimated(estimates, current)])

    def _split(
        self, charges: pl.LazyFrame, opened: DeltaTable | None, current: Mapping[tuple[str, str], str]
    ) -> list[pl.LazyFrame]:
        """Give the charges of sources that are not split, those of the others that are not, and the parts."""
        table = self._tables["split_charges"]
        found = {
            place["delivery_id"]: place["source"]
            for place in whole_places(table, opened)
            if current.get((place["source"], place["billing_period"])) == place["delivery_id"]
        }
        if not found:
            return [charges]
        parts = table.rows_of(opened).filter(pl.col("delivery_id").is_in(sorted(found)))
        keys = parts.select("source", "billing_period", *PARENT).unique()
        is_split = pl.col("source").is_in(sorted(set(found.values())))
        left = charges.filter(is_split).join(
            keys,
            left_on=["source", "billing_period", "dim_id", "ChargePeriodStart", "price_id"],
            right_on=["source", "billing_period", *PARENT],
            how="anti",
        )
        return [charges.filter(~is_split), left, parts.select(FACT_SCHEMA.names())]

    def _estimated(
        self, opened: DeltaTable | None, current: Mapping[tuple[str, str], str]
    ) -> list[pl.LazyFrame]:
        """Give the estimates that were made beside the deliveries that are current."""
        table = self._tables["estimates"]
        kept = [
            place
            for place in whole_places(table, opened)
            if current.get((place["bill_source"], place["billing_period"]), NO_DELIVERY)
            == place["delivery_id"]
        ]
        return [
            table.rows_of(opened)
            .filter(*(pl.col(name) == value for name, value in place.items()))
            .select(FACT_SCHEMA.names())
            for place in kept
        ]


def _refuse_odd(place: tuple[str, str], rows: pl.DataFrame) -> None:
    source, period = place
    if rows.schema != RAW_SCHEMA:
        raise GateError(f"estimates of {source} have another schema than charges; nothing was replaced")
    month = pl.col("BillingPeriodStart").dt.strftime("%Y-%m")
    odd = rows.filter(month.ne_missing(period) | pl.col("x_EstimatedUntil").is_null())
    if odd.height:
        raise GateError(
            f"{odd.height:,} estimates of {source} are not of {period}, or do not say which bill will "
            "replace them; nothing was replaced",
            hint="please report this as a bug",
        )
