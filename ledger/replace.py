"""Replacing billing periods by what a batch delivers: stage, check, then commit.

Order of the commits: dimensions, cube, facts. Only the last makes the delivery exist;
what an interrupted run leaves before it is ignored by readers and removed by maintenance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from domain.delivery import Batch, Delivery, PeriodResult, Verdict
from domain.errors import ConflictError, CostdError, GateError, SourceError, StorageError
from ledger import cube, gates, record
from ledger.gates import Tally
from ledger.history import History
from ledger.record import Entry
from ledger.staging import Stage
from ledger.store import Commit, Table

if TYPE_CHECKING:
    from deltalake import DeltaTable

_COLLECT_AGAIN = "run `costd collect {source}` again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One period that passed every gate, ready to be committed."""

    entry: Entry
    before: Entry | None


class Replacement:
    """One batch on its way into the ledger."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        history: History,
        batch: Batch,
        *,
        seen_at: datetime,
        max_loss: Decimal,
    ) -> None:
        self._tables = dict(tables)
        self._history = history
        self._batch = batch
        self._now = seen_at
        self._seen_at = batch.seen_at or seen_at
        self._max_loss = max_loss
        self._before = history.latest(batch.source)
        self._results: dict[str, PeriodResult] = {}

    def run(self, *, force: bool, on_rows: Callable[[int], None]) -> list[PeriodResult]:
        """Store every period of the batch whole, or say per period why not."""
        batch = self._batch
        for period in batch.periods:
            if not force and self._is_stored(period):
                self._results[period] = self._result(period, Verdict.UNCHANGED)
        if self._results.keys() != batch.periods:
            self._store(force=force, on_rows=on_rows)
        return [self._results[period] for period in sorted(batch.periods)]

    def _is_stored(self, period: str) -> bool:
        before = self._before.get(period)
        return before is not None and before.delivery.manifest_hash == self._batch.manifest_hash

    def _store(self, *, force: bool, on_rows: Callable[[int], None]) -> None:
        key = record.new_id(self._now)
        stage = Stage(self._batch, self._tables, key)
        try:
            stage.read(self._batch, on_rows)
            checked = [
                ready
                for period in sorted(self._batch.periods - self._results.keys())
                if (ready := self._check(stage, period, force=force)) is not None
            ]
            self._commit_all(stage, checked)
        except SourceError as error:
            self._refuse_rest("source", error)
        except GateError as error:
            self._refuse_rest("period", error)
        except StorageError as error:
            self._refuse_rest("storage", error)
        finally:
            stage.discard()

    def _check(self, stage: Stage, period: str, *, force: bool) -> Checked | None:
        read, before = stage.periods[period], self._before.get(period)
        tally = stage.tally(period)
        command = f"costd collect {self._batch.source} --force"
        lost = None
        if before is not None:
            lost = gates.nothing_is_lost(before.tally, tally, self._max_loss, command)
        for gate, reason in (
            ("rows", gates.rows_are_stored(tally, read.rows)),
            ("parsed", gates.parsed_is_stored(tally, read.parsed, read.residual)),
            ("loss", None if force else lost),
        ):
            if reason is not None:
                self._results[period] = self._result(period, Verdict.REFUSED, gate, reason)
                return None
        entry = self._entry(stage, period, tally, forced=force and lost is not None)
        return Checked(entry=entry, before=before)

    def _entry(self, stage: Stage, period: str, tally: Tally, *, forced: bool) -> Entry:
        batch, read, before = self._batch, stage.periods[period], self._before.get(period)
        # Time never runs backwards within a period: `as_first_seen` reads deliveries in order.
        seen_at = self._seen_at if before is None else max(self._seen_at, before.delivery.seen_at)
        residuals = {
            currency: {column: amount for column, amount in columns.items() if amount}
            for currency, columns in read.residual.items()
        }
        delivery = Delivery(
            id=record.new_id(self._now),
            source=batch.source,
            billing_period=period,
            seen_at=seen_at,
            manifest_hash=batch.manifest_hash,
            rows=tally.rows,
            rejected=read.rejected,
            sums=tally.sums,
            residuals={currency: columns for currency, columns in residuals.items() if columns},
            days=len(tally.days),
            first_day=min(tally.days).isoformat() if tally.days else "",
            last_day=max(tally.days).isoformat() if tally.days else "",
            version=-1,
            through=None if read.through is None else min(read.through, seen_at),
            cursor=dict(batch.cursors.get(period, {})),
            focus_version=batch.focus_version,
            notes=batch.notes,
            forced=forced,
        )
        return Entry(delivery=delivery, tally=tally)

    def _commit_all(self, stage: Stage, checked: list[Checked]) -> None:
        if not checked:
            return
        for name in ("resources", "prices"):
            self._append(stage, name)
        for ready in checked:
            self._stage_cube(stage, ready)
        self._append(stage, "cube")
        for ready in checked:
            self._commit_facts(stage, ready)

    def _append(self, stage: Stage, name: str) -> None:
        staged = stage.staged.pop(name, [])
        if staged:
            table = self._tables[name].ensure()
            self._tables[name].commit(table, Commit(add=staged, metadata="", at=self._now))

    def _stage_cube(self, stage: Stage, ready: Checked) -> None:
        delivery = ready.entry.delivery
        place = {"source": delivery.source, "billing_period": delivery.billing_period}
        stored = self._tables["cube"].scan().filter(*(pl.col(name) == value for name, value in place.items()))
        earlier = [
            entry.delivery
            for entry in self._history.entries()
            if ready.before is not None
            and entry.delivery.source == delivery.source
            and entry.delivery.billing_period == delivery.billing_period
            and entry.delivery.version <= ready.before.delivery.version
        ]
        cells = cube.changes(cube.state(stored, earlier), cube.of_facts(stage.facts(delivery.billing_period)))
        stage.stage("cube", cube.stamped(cells, delivery.id, delivery.seen_at), place)

    def _commit_facts(self, stage: Stage, ready: Checked) -> None:
        delivery = ready.entry.delivery
        period, charges = delivery.billing_period, self._tables["charges"]
        mine = stage.periods[period].files
        try:
            table = charges.ensure()
            self._refuse_overtaken(table, ready)
            place = {"source": delivery.source, "billing_period": period}
            charges.commit(
                table,
                Commit(
                    add=mine,
                    remove=charges.members(table, place),
                    partition=place,
                    metadata=record.write(ready.entry),
                    guard=f"{delivery.source}/{period}",
                    at=self._now,
                ),
            )
        except ConflictError as error:
            self._results[period] = self._result(period, Verdict.REFUSED, "conflict", _told(error))
            return
        stage.staged["charges"] = [file for file in stage.staged["charges"] if file not in mine]
        self._results[period] = self._verified(table, ready, {(file.path, file.size_bytes) for file in mine})

    def _refuse_overtaken(self, table: DeltaTable, ready: Checked) -> None:
        delivery = ready.entry.delivery
        now = self._history.latest(delivery.source, table).get(delivery.billing_period)
        if (now and now.delivery.id) != (ready.before and ready.before.delivery.id):
            raise ConflictError(
                f"another collector replaced {delivery.billing_period} of {delivery.source} meanwhile; "
                "its data stands and nothing of this run was stored",
                hint=_COLLECT_AGAIN.format(source=delivery.source),
            )

    def _verified(self, table: DeltaTable, ready: Checked, mine: set[tuple[str, int]]) -> PeriodResult:
        """Check that the log now says what was committed, and that the files are the staged ones."""
        delivery = ready.entry.delivery
        place = {"source": delivery.source, "billing_period": delivery.billing_period}
        stored = self._history.latest(delivery.source, table)[delivery.billing_period].delivery
        if stored.id != delivery.id:
            # Overtaken between commit and check: ours is in the history, theirs is current.
            stored = next(
                entry.delivery for entry in self._history.entries(table) if entry.delivery.id == delivery.id
            )
        elif set(self._tables["charges"].members(table, place)) != mine:
            raise StorageError(
                f"{delivery.billing_period} of {delivery.source} was committed as version {stored.version} "
                "but the log names other files than were checked",
                hint=f"run `costd collect {delivery.source} --force`",
            )
        return self._result(delivery.billing_period, Verdict.REPLACED, stored=stored)

    def _refuse_rest(self, gate: str, error: CostdError) -> None:
        for period in self._batch.periods - self._results.keys():
            self._results[period] = self._result(period, Verdict.REFUSED, gate, _told(error))

    def _result(
        self,
        period: str,
        verdict: Verdict,
        gate: str = "",
        reason: str = "",
        stored: Delivery | None = None,
    ) -> PeriodResult:
        before = self._before.get(period)
        return PeriodResult(
            source=self._batch.source,
            billing_period=period,
            verdict=verdict,
            gate=gate,
            reason=reason,
            delivery=stored or (before.delivery if before else None),
        )


def _told(error: CostdError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)
