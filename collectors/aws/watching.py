"""One look at a bucket: which months were refreshed, which are whole, and which are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from collectors.aws.bucket import ExportBucket
from collectors.aws.delivery import Delivered, closes_at, deliver, is_known, is_of_export
from collectors.aws.layouts import Candidate, Chosen, Export, Form, candidates, choose, find_exports
from collectors.aws.manifests import ManifestError
from collectors.stores.interface import ChangedError
from domain.delivery import Cursor
from domain.errors import SourceError
from domain.ports import Progress
from domain.text import printable, shortened
from domain.window import month_of, previous_month

POLLED_MONTHS = 3
"""Months before this one whose manifests are looked at each time; older ones until they are closed."""

LATE = timedelta(days=3)
"""AWS refreshes the current month at least daily; after this long something is wrong with the export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What one look found.

    Attributes:
        exports: exports below the prefix.
        chosen: the manifest of each month that counts.
        due: refreshes that are to be read.
        refused: {month: why it is not read, though it was refreshed}.
    """

    exports: tuple[Export, ...]
    chosen: Chosen
    due: tuple[Delivered, ...]
    refused: Mapping[str, str]


class Watch:
    """Looks at the exports of one source."""

    def __init__(self, bucket: ExportBucket, prefix: str, export: str | None) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._export = export

    def exports(self) -> list[Export]:
        """Find the exports.

        Raises:
            SourceError: the named export is not there, or the bucket cannot be listed.
        """
        found = find_exports(self._bucket.look, self._prefix, self._export)
        if not found and self._export is not None:
            others = find_exports(self._bucket.look, self._prefix, None)
            named = ", ".join(sorted({shortened(one.name, 60) for one in others})) or "none"
            raise SourceError(
                f"{self._bucket.root} holds no export called {self._export}; exports there: {named}",
                hint="correct `export` or `prefix` of this source, or leave `export` out",
            )
        return found

    def look(self, cursors: Mapping[str, Cursor], now: datetime, progress: Progress, task: str) -> Watched:
        """Look at every manifest that may have changed, and at the files of those that did.

        Raises:
            SourceError: the bucket cannot be listed or read, or what was there before is gone.
        """
        exports = self.exports()
        chosen = choose(one for export in exports for one in self._candidates(export, cursors, now))
        before = sorted(period for period, cursor in cursors.items() if is_of_export(cursor))
        if before and not chosen.manifests and not chosen.empty:
            raise SourceError(
                f"{self._bucket.root} holds no manifest of a cost export any more, but {before[-1]} was read "
                "from it before; what is stored stays",
                hint="restore it, or correct `bucket`, `prefix` or `export` of this source",
            )
        refreshed = [
            one for period, one in chosen.manifests.items() if not is_known(cursors.get(period), one)
        ]
        progress.start(f"{task}: looking at manifests", len(refreshed), "months")
        due, refused = self._delivered(refreshed, progress)
        progress.finish()
        refused |= {
            period: f"{self._bucket.path_of(one.file.key)} is empty (0 bytes): it is being written, or was "
            "cut off; the month is read once it is whole"
            for period, one in chosen.empty.items()
        }
        due, strangers = _of_one_payer(due, cursors)
        return Watched(exports=tuple(exports), chosen=chosen, due=tuple(due), refused=refused | strangers)

    def again(self, stale: Delivered) -> Delivered | None:
        """Look at a month anew that was refreshed while it was read; None if it is not whole now."""
        export, period = stale.candidate.export, stale.period
        chosen = choose(
            candidates(self._bucket.look, self._bucket.below, export, lambda month: month == period)
        )
        fresh = chosen.manifests.get(period)
        try:
            return deliver(self._bucket, fresh) if fresh is not None else None
        except (ManifestError, ChangedError):
            return None

    def _candidates(self, export: Export, cursors: Mapping[str, Cursor], now: datetime) -> list[Candidate]:
        return list(
            candidates(
                self._bucket.look,
                self._bucket.below,
                export,
                # One listing shows every manifest of a data export; a report takes one per month.
                lambda period: export.form is Form.DATA_EXPORT or is_polled(period, cursors.get(period), now),
            )
        )

    def _delivered(
        self, refreshed: list[Candidate], progress: Progress
    ) -> tuple[list[Delivered], dict[str, str]]:
        due: list[Delivered] = []
        refused: dict[str, str] = {}
        for one in sorted(refreshed, key=lambda one: one.period, reverse=True):
            path = self._bucket.path_of(one.file.key)
            try:
                due.append(deliver(self._bucket, one))
            except ManifestError as error:
                refused[one.period] = f"{path} {error}; the month keeps what it had"
            except ChangedError:
                refused[one.period] = f"{path} is being replaced; the month is read at the next run"
            progress.advance(1)
        return due, refused


def is_polled(period: str, cursor: Cursor | None, now: datetime) -> bool:
    """Tell whether the manifest of a month is looked at: it is recent, not closed, or not known yet."""
    recent = now.date()
    for _ in range(POLLED_MONTHS):
        recent = previous_month(recent)
    closed = closes_at(cursor)
    return period >= month_of(recent) or not is_of_export(cursor) or closed is None or closed > now


def _of_one_payer(
    due: list[Delivered], cursors: Mapping[str, Cursor]
) -> tuple[list[Delivered], dict[str, str]]:
    """Refuse months of another payer: a source is one bill, and two would replace each other."""
    known = [str(cursor.get("account") or "") for _, cursor in sorted(cursors.items(), reverse=True)]
    known += [one.manifest.account for one in due]
    payer = next((account for account in known if account), "")
    kept = [one for one in due if one.manifest.account in {"", payer}]
    return kept, {
        one.period: f"the export {printable(one.candidate.export.name)} is of the payer "
        f"{one.manifest.account}, what is stored of the payer {payer}: make a source of its own for each, "
        "and set `export`"
        for one in due
        if one not in kept
    }
