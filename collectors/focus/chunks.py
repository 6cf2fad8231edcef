"""Reading the files of some periods as chunks of charges."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from decimal import Decimal

from collectors.focus.damage import DamagedError
from collectors.focus.normalise import Memory, Normalised, excerpt, to_focus
from collectors.focus.opening import opened
from collectors.focus.pieces import Lines, Piece, Table
from collectors.focus.plan import Group
from collectors.focus.survey import Survey, told, too_many
from collectors.stores.interface import ChangedError, Store
from domain.delivery import Chunk, Rejected
from domain.errors import SourceError
from domain.text import shortened


class Reading:
    """One pass over the files of a group.

    Attributes:
        changed: files changed under the reader; the pass failed and may be tried again.
    """

    def __init__(self, store: Store, group: Group, *, max_quarantined: Decimal) -> None:
        self.changed = False
        self._store = store
        self._group = group
        self._max_quarantined = max_quarantined

    def chunks(self) -> Generator[Chunk, None, None]:
        """Give the rows of the group's periods, file by file.

        Raises:
            SourceError: a file changed, is damaged, or has too many unreadable rows.
        """
        for survey in self._group.counted:
            path, damage = self._store.path_of(survey.file.key), None
            try:
                with self._store.opened(survey.file) as handle:
                    try:
                        yield from self._file(opened(handle, survey.file.size), survey, path)
                    except DamagedError as error:
                        damage = error  # unless closing finds that the file changed meanwhile
            except ChangedError:
                self.changed = True
                raise
            if damage is not None:
                raise SourceError(f"{path} {told(damage)}") from damage
            self._store.done(survey.file)

    def _file(self, table: Table, survey: Survey, path: str) -> Iterator[Chunk]:
        memory, lines, told_notes = Memory(), table.lines(), set[str]()
        rows = rejected = 0
        for piece in table.pieces():
            found = to_focus(piece.frame, memory, self._group.periods)
            if piece.unfinished and _last(piece) in found.rejected:
                raise DamagedError("ends in the middle of a row: it was not written or copied whole")
            refused = _refused(piece, found, lines, path)
            rows, rejected = rows + piece.rows, rejected + len(refused)
            if rejected > self._max_quarantined * survey.rows:
                raise DamagedError(
                    f"{too_many(rejected, survey.rows, self._max_quarantined)}; "
                    f"the last of them: {refused[-1].reason}"
                )
            fresh = tuple(note for note in found.notes if note not in told_notes)
            told_notes.update(fresh)
            if found.charges.height or refused or fresh:
                yield Chunk(
                    charges=found.charges,
                    file=path,
                    rejected=refused,
                    parsed=found.sums.parsed,
                    residual=found.sums.residual,
                    notes=fresh,
                )
        if rows != survey.rows:
            raise ChangedError(f"{path} gave {rows:,} rows where {survey.rows:,} were counted before")


def _last(piece: Piece) -> int:
    return piece.frame.height - 1


def _refused(piece: Piece, found: Normalised, lines: Lines, path: str) -> tuple[Rejected, ...]:
    """Give the rows of a piece that could not be read, in the order of the file."""
    rows = [(broken.ordinal, broken.reason, shortened(broken.text, 200)) for broken in piece.broken]
    for row, reason in found.rejected.items():
        rows.append((piece.ordinal(row), reason, excerpt(piece.frame, row)))
    return tuple(
        Rejected(file=path, line=lines.line(ordinal), reason=reason, excerpt=text)
        for ordinal, reason, text in sorted(rows)
    )
