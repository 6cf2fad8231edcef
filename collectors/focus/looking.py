"""Looking through the files of a source: what each holds, and what is to be read again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from collectors.focus.duplicates import same_rows
from collectors.focus.layouts import Layout, Part, Selection
from collectors.focus.memory import Remembered
from collectors.focus.plan import Group, Plan, make_plan
from collectors.focus.survey import Survey, survey
from collectors.stores.interface import ChangedError, Store
from domain.errors import SourceError
from domain.ports import Progress

RETRY_PAUSES = (0.2, 1.0)
"""Seconds before a file that changed while it was read is looked at again; then it is refused."""


class Looking:
    """One look at one source."""

    def __init__(
        self, store: Store, chosen: Selection, remembered: Remembered, max_quarantined: Decimal
    ) -> None:
        self.store = store
        self.max_quarantined = max_quarantined
        self._parts: Mapping[str, Part] = {part.file.key: part for part in chosen.parts}
        self._chosen = chosen
        self._remembered = remembered

    @property
    def layout(self) -> Layout:
        """Give the layout of the files."""
        return self._chosen.layout

    def surveys(self, task: str, progress: Progress) -> list[Survey]:
        """Survey every file that is not known from before."""
        known = {part.file.key: self._remembered.survey(part.file) for part in self._chosen.parts}
        unknown = [part.file.size for part in self._chosen.parts if known[part.file.key] is None]
        if unknown:
            progress.start(f"{task}: looking through files", sum(unknown), "bytes")
        found = []
        for part in self._chosen.parts:
            seen = known[part.file.key]
            if seen is None:
                seen = self._look(part)
                progress.advance(part.file.size)
            if seen is not None:
                found.append(seen)
        progress.finish()
        return found

    def plan(self, surveys: Sequence[Survey]) -> Plan:
        """Say which periods are to be read again and which are refused."""
        remembered = self._remembered
        refused = self._refused(surveys)
        good = [survey for survey in surveys if survey.is_good]
        same = remembered.same(good)
        plan = make_plan(good, same, remembered, refused)
        if not plan.groups:
            return plan
        suspects = {s.file.key: s for group in plan.groups for s in group.surveys}
        kept = {copy: of for copy, of in same.items() if copy not in suspects}
        return make_plan(good, kept | self._same(list(suspects.values())), remembered, refused)

    def again(self, group: Group) -> Group | None:
        """Survey the changed files of a group anew; None if they no longer hold just its periods."""
        found = []
        for seen in group.surveys:
            part = self._parts[seen.file.key]
            file = self.store.again(seen.file.key)
            fresh: Survey | None = seen
            if file is None or file.stamp != seen.file.stamp:
                fresh = self._look(replace(part, file=file)) if file is not None else None
            if (
                fresh is None
                or not fresh.is_good
                or fresh.periods.keys() - group.periods - seen.periods.keys()
            ):
                return None
            found.append(fresh)
        return Group(periods=group.periods, surveys=tuple(found), same=self._same(found))

    def _same(self, surveys: Sequence[Survey]) -> dict[str, str]:
        return same_rows(self.store, surveys, {key: part.run for key, part in self._parts.items()})

    def _refused(self, surveys: Sequence[Survey]) -> dict[str, str]:
        refused = {refusal.period: refusal.reason for refusal in self._chosen.refused if refusal.period}
        for bad in surveys:
            before = self._remembered.periods_of(bad.file.key)
            if bad.is_good or (bad.stranger and not before):
                continue
            spoilt = {*bad.periods, *before, self._parts[bad.file.key].period} - {""}
            reason = f"{self.store.path_of(bad.file.key)} {bad.problem or bad.stranger}"
            refused |= {period: reason for period in spoilt if period not in refused}
        return refused

    def _look(self, part: Part) -> Survey | None:
        """Survey a file, again if it changes meanwhile; None if it is gone."""
        file, problem = part.file, ""
        for pause in (*RETRY_PAUSES, None):
            try:
                return survey(self.store, replace(part, file=file), self.max_quarantined)
            except ChangedError as error:
                problem = f"changes while it is read: {error}"
            except SourceError as error:
                problem = f"cannot be read: {error}; {error.hint}".rstrip("; ")
                break
            if pause is not None:
                time.sleep(pause)
                again = self.store.again(file.key)
                if again is None:
                    return None
                file = again
        return Survey(file=file, tag="", problem=problem)
