"""Reading one refresh of a month: its files as chunks of charges, all of them or none."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from decimal import Decimal
from io import BufferedReader

from collectors.aws.archive import MAGIC, unpack
from collectors.aws.bucket import ExportBucket, Headed
from collectors.aws.delivery import Delivered
from collectors.aws.formats import Format, Lines, columns_of, format_of
from collectors.focus.ahead import ahead
from collectors.focus.columns import Role
from collectors.focus.damage import DamagedError
from collectors.focus.normalise import excerpt
from collectors.focus.opening import opened
from collectors.focus.pieces import Piece, Table
from collectors.focus.survey import told, too_many
from collectors.stores.interface import ChangedError, Stored
from domain.delivery import Chunk, Rejected
from domain.errors import SourceError
from domain.text import shortened
from domain.window import month_of

MOST_REJECTED = 100_000
"""Unreadable rows of one file beyond which it is refused at once, whatever share of it they are."""


class Reading:
    """One pass over the files of a refresh.

    Attributes:
        changed: something changed under the reader; the pass failed and may be tried again.
        format: how the files are understood, None until the first was opened.
    """

    def __init__(self, bucket: ExportBucket, delivered: Delivered, max_quarantined: Decimal) -> None:
        self.changed = False
        self.format: Format | None = None
        self._bucket = bucket
        self._delivered = delivered
        self._max_quarantined = max_quarantined

    def chunks(self) -> Generator[Chunk, None, None]:
        """Give all rows, file by file, and look at the end whether the manifest is still the same.

        Raises:
            SourceError: a file or the manifest changed, a file is damaged, is of another format
                than the one before it, or has too many unreadable rows.
        """
        try:
            for file in self._delivered.files:
                yield from self._file(file)
            self._refuse_refreshed()
            yield from self._remainder()
        except ChangedError:
            self.changed = True
            raise

    def _remainder(self) -> Iterator[Chunk]:
        found = None if self.format is None else self.format.remainder()
        if found is not None:
            manifest = self._bucket.path_of(self._delivered.candidate.file.key)
            yield Chunk(charges=found.charges, file=manifest, parsed=found.parsed, residual=found.residual)

    def _file(self, file: Headed) -> Iterator[Chunk]:
        path, damage = self._bucket.path_of(file.file.key), None
        with self._bucket.opened(file.file) as handle:
            try:
                with self._unpacked(handle, file.file) as (plain, size):
                    yield from self._rows(opened(plain, size, matcher=columns_of), path)
            except DamagedError as error:
                damage = error  # unless closing finds that the file changed meanwhile
        if damage is not None:
            raise SourceError(f"{path} {told(damage)}") from damage
        self._bucket.done(file.file)

    @contextmanager
    def _unpacked(self, handle: BufferedReader, file: Stored) -> Iterator[tuple[BufferedReader, int]]:
        """Give the file itself, or what a ZIP archive holds."""
        handle.seek(0)
        if handle.read(len(MAGIC)) != MAGIC:
            yield handle, file.size
            return
        handle.seek(0)
        path = self._bucket.derived(file, lambda target: unpack(handle, file.size, target))
        try:
            with path.open("rb") as plain:
                yield plain, path.stat().st_size
        finally:
            self._bucket.undo(file)

    def _rows(self, table: Table, path: str) -> Iterator[Chunk]:
        understood = self._understood(table)
        lines, told_notes, about = table.lines(), set[str](), table.columns.notes
        rows = rejected = 0
        last: str = ""
        for piece in ahead(table.pieces()):  # reading text takes nearly as long as understanding it
            found = understood.convert(piece.frame)
            if piece.unfinished and piece.frame.height - 1 in found.rejected:
                raise DamagedError("ends in the middle of a row: it was not written or copied whole")
            self._refuse_other_months(found)
            broken = _broken(piece, found)
            refused = tuple(
                Rejected(file=path, line=lines.line(ordinal), reason=reason, excerpt=text)
                for ordinal, reason, text in broken
            )
            rows, rejected = rows + piece.rows, rejected + len(refused)
            last = refused[-1].reason if refused else last
            if rejected > MOST_REJECTED:
                raise DamagedError(f"has more than {MOST_REJECTED:,} unreadable rows; the last: {last}")
            fresh = tuple(note for note in (*about, *found.notes) if note not in told_notes)
            told_notes.update(fresh)
            yield Chunk(
                charges=found.charges,
                file=path,
                rejected=refused,
                parsed=found.parsed,
                residual=found.residual,
                allocations=found.allocations,
                notes=fresh,
            )
        if rejected > self._max_quarantined * rows:
            reason = too_many(rejected, rows, self._max_quarantined)
            raise DamagedError(f"{reason}; the last of them: {last}")

    def _understood(self, table: Table) -> Format:
        columns = table.columns
        if columns.role is not Role.CHARGES:
            raise DamagedError(columns.problem or "is neither a Cost and Usage Report nor in FOCUS")
        found = format_of(columns)
        if self.format is None:
            self.format = found
        elif self.format.label != found.label:
            raise DamagedError(
                f"is {found.label}, but files before it of the same month are {self.format.label}"
            )
        return self.format

    def _refuse_other_months(self, found: Lines) -> None:
        starts = found.charges["BillingPeriodStart"].drop_nulls().unique()
        others = {month_of(start) for start in starts} - {self._delivered.period}
        if others:
            raise DamagedError(
                f"holds charges of {min(others)}, but its manifest is of {self._delivered.period}; "
                "no month can be booked from it"
            )

    def _refuse_refreshed(self) -> None:
        manifest = self._delivered.candidate.file
        now = self._bucket.head(manifest.key)
        if now is None or (now.file.stamp, now.file.modified) != (manifest.stamp, manifest.modified):
            raise ChangedError(
                f"{self._bucket.path_of(manifest.key)} was replaced while the files that it lists were read"
            )


def _broken(piece: Piece, found: Lines) -> list[tuple[int, str, str]]:
    """Give (ordinal, reason, excerpt) of the rows of a piece that could not be read, in the file's order."""
    rows = [(broken.ordinal, broken.reason, shortened(broken.text, 200)) for broken in piece.broken]
    for row, reason in found.rejected.items():
        rows.append((piece.ordinal(row), reason, excerpt(piece.frame, row)))
    return sorted(rows)
