"""Replacing billing periods by what a batch delivers: stage, check, then commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.delivery import Batch, Delivery, PeriodResult, Verdict
from domain.errors import ConflictError, CostdError, GateError, MoneyError, SourceError, StorageError
from ledger.history import History
from ledger.judging import Checked, Refusal, Terms, judge
from ledger.landing import Landing
from ledger.recovery import faults_of
from ledger.staging import Stage
from ledger.store import Table

_GATE_OF: dict[type[CostdError], str] = {
    SourceError: "source",
    GateError: "period",
    MoneyError: "money",
    ConflictError: "conflict",
    StorageError: "storage",
}
"""Under which gate an error refuses the periods that it stops."""


class Replacement:
    """One batch on its way into the ledger."""

    def __init__(self, tables: Mapping[str, Table], history: History, batch: Batch, terms: Terms) -> None:
        self._tables = dict(tables)
        self._history = history
        self._batch = batch
        self._terms = terms
        self._before = history.latest(batch.source)
        self._results: dict[str, PeriodResult] = {}

    def run(self, on_rows: Callable[[int], None]) -> list[PeriodResult]:
        """Store every period of the batch whole, or say per period why not."""
        for period in self._batch.periods:
            if not self._terms.force and self._is_stored(period):
                self._results[period] = self._result(period, Verdict.UNCHANGED)
        if self._left():
            try:
                self._store(on_rows)
            except tuple(_GATE_OF) as error:
                gate = next(gate for kind, gate in _GATE_OF.items() if isinstance(error, kind))
                for period in self._left():
                    self._refuse(period, gate, error)
        return [self._results[period] for period in sorted(self._batch.periods)]

    def _left(self) -> list[str]:
        return sorted(self._batch.periods - self._results.keys())

    def _is_stored(self, period: str) -> bool:
        before = self._before.get(period)
        if before is None or before.delivery.manifest_hash != self._batch.manifest_hash:
            return False
        return not faults_of(self._tables["charges"], [before.delivery])

    def _store(self, on_rows: Callable[[int], None]) -> None:
        stage = Stage(self._batch, self._tables, self._terms.now)
        try:
            stage.read(self._batch, on_rows)
            checked = self._checked(stage)
            if not checked:
                return
            landing = Landing(self._tables, self._history, stage, self._terms)
            landing.prepare(checked)
            for ready in checked:
                period = ready.entry.delivery.billing_period
                try:
                    stored = landing.commit(ready)
                except ConflictError as error:
                    self._refuse(period, "conflict", error)
                else:
                    self._results[period] = self._result(period, Verdict.REPLACED, stored=stored)
        finally:
            stage.discard()

    def _checked(self, stage: Stage) -> list[Checked]:
        passed = []
        for period in self._left():
            judged = judge(self._batch, stage, period, self._before.get(period), self._terms)
            if isinstance(judged, Refusal):
                self._results[period] = self._result(period, Verdict.REFUSED, judged)
            else:
                passed.append(judged)
        return passed

    def _refuse(self, period: str, gate: str, error: CostdError) -> None:
        reason = f"{error}; {error.hint}" if error.hint else str(error)
        self._results[period] = self._result(period, Verdict.REFUSED, Refusal(gate=gate, reason=reason))

    def _result(
        self, period: str, verdict: Verdict, refusal: Refusal | None = None, stored: Delivery | None = None
    ) -> PeriodResult:
        before = self._before.get(period)
        return PeriodResult(
            source=self._batch.source,
            billing_period=period,
            verdict=verdict,
            gate=refusal.gate if refusal else "",
            reason=refusal.reason if refusal else "",
            delivery=stored or (before.delivery if before else None),
        )
