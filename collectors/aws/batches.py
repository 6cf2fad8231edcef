"""Refreshes of months as batches for the ledger, newest month first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from collectors.aws.bucket import ExportBucket
from collectors.aws.delivery import EXPLORER, Delivered, cursor_origin
from collectors.aws.reading import Reading
from collectors.focus.ahead import ahead
from domain.delivery import Batch, Closing, Cursor, SourceFile

RETRY_PAUSES = (0.5, 5.0)
"""Seconds before a month that was refreshed while it was read is read anew; then the next run does it."""


class Batches:
    """Offers refreshes to the ledger, one batch per month."""

    def __init__(
        self, source: str, bucket: ExportBucket, max_quarantined: Decimal, cursors: Mapping[str, Cursor]
    ) -> None:
        self._source = source
        self._bucket = bucket
        self._max_quarantined = max_quarantined
        self._cursors = cursors

    def of(self, due: Sequence[Delivered], again: Callable[[Delivered], Delivered | None]) -> Iterator[Batch]:
        """Give a batch per month; one that was refreshed under the reader starts over."""
        for planned in sorted(due, key=lambda one: one.period, reverse=True):
            delivered: Delivered | None = planned
            for pause in (*RETRY_PAUSES, None):
                if delivered is None:
                    break
                reading = Reading(self._bucket, delivered, self._max_quarantined)
                yield self._batch(delivered, reading)
                if not reading.changed or pause is None:
                    break
                time.sleep(pause)
                delivered = again(delivered)

    def _batch(self, delivered: Delivered, reading: Reading) -> Batch:
        period, cursor = delivered.period, delivered.cursor()
        return Batch(
            source=self._source,
            periods=frozenset({period}),
            chunks=ahead(reading.chunks()),
            files=tuple(
                SourceFile(path=self._bucket.path_of(one.file.key), size_bytes=one.file.size, tag=one.tag)
                for one in delivered.files
            ),
            manifest_hash=delivered.hash,
            cursors={period: cursor},
            focus_version=delivered.manifest.version,
            closing=lambda asked: self._closing(asked, delivered, reading, cursor),
        )

    def _closing(
        self, period: str, delivered: Delivered, reading: Reading, cursor: dict[str, Any]
    ) -> Closing:
        """Say what is known of a month, and remember when it closes; an export replaces an overview."""
        refreshed = delivered.candidate.file.modified
        found = Closing() if reading.format is None else reading.format.closing(period, refreshed)
        if found.closes_at is not None:
            cursor["closes_at"] = found.closes_at.isoformat()
        return replace(found, supersedes=cursor_origin(self._cursors.get(period)) == EXPLORER)
