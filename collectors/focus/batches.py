"""Groups of periods as batches for the ledger."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator

from collectors.focus.ahead import ahead
from collectors.focus.chunks import Reading
from collectors.focus.looking import RETRY_PAUSES, Looking
from collectors.focus.memory import cursor
from collectors.focus.plan import Group, Plan
from collectors.focus.survey import Survey
from domain.delivery import Batch, SourceFile


class Batches:
    """Offers the groups of a plan, one batch after the other."""

    def __init__(self, source: str, looking: Looking) -> None:
        self._source = source
        self._looking = looking

    def of(self, plan: Plan) -> Iterator[Batch]:
        """Give a batch per group; a group whose files changed under the reader comes again."""
        for planned in plan.groups:
            group: Group | None = planned
            for pause in (*RETRY_PAUSES, None):
                if group is None:
                    break
                reading = Reading(self._looking.store, group, max_quarantined=self._looking.max_quarantined)
                yield self._batch(group, reading)
                if not reading.changed or pause is None:
                    break
                time.sleep(pause)
                group = self._looking.again(group)

    def _batch(self, group: Group, reading: Reading) -> Batch:
        path_of = self._looking.store.path_of
        return Batch(
            source=self._source,
            periods=group.periods,
            chunks=ahead(reading.chunks()),
            files=tuple(
                SourceFile(path=path_of(s.file.key), size_bytes=s.file.size, tag=s.tag, rows=s.rows)
                for s in group.counted
            ),
            manifest_hash=group.hash,
            cursors={
                period: cursor(self._looking.layout, group.of(period), group.same) for period in group.periods
            },
            focus_version=max((s.version for s in group.counted), default=""),
            notes=tuple(self._notes(group)),
        )

    def _notes(self, group: Group) -> Iterable[str]:
        path_of = self._looking.store.path_of
        where: dict[str, list[Survey]] = defaultdict(list)
        for survey in group.counted:
            for note in survey.notes:
                where[note].append(survey)
        for note, surveys in where.items():
            more = f" and {len(surveys) - 1} more files" if len(surveys) > 1 else ""
            yield f"{path_of(surveys[0].file.key)}{more}: {note}"
        for copy, original in sorted(group.same.items()):
            if copy in {survey.file.key for survey in group.surveys}:
                yield f"{path_of(copy)} holds the same rows as {path_of(original)} and is not counted again"
