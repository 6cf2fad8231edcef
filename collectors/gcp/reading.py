"""Invoice months as batches for the ledger: each asked for, checked and stored by itself."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

import polars as pl

from collectors.gcp import native, native_sql, promotions, sql
from collectors.gcp.bigquery import Parameters, Spent, Warehouse, micros
from collectors.gcp.commitments import plan
from collectors.gcp.convert import Converted, billed_sums, parsed_sums, to_focus
from collectors.gcp.memory import Memory
from collectors.gcp.meter import cost_of, shown
from collectors.gcp.months import FORMAT, SETTLED_AFTER, Month, Watermarks, bounds
from collectors.gcp.spread import Spread
from collectors.gcp.summary import Summary, of_answer
from collectors.gcp.tables import Export, Table
from collectors.gcp.tally import Tally
from domain.delivery import Batch, Chunk, Closing, Cursor, Rejected, SourceFile
from domain.errors import SourceError
from domain.ports import Progress
from domain.text import shortened
from domain.window import month_window

_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What all months of one fetch have in common.

    Attributes:
        source: name from the configuration.
        warehouse: asks.
        table: what is asked.
        watermarks: how far each month was read before.
        since: first day of the oldest month that is read.
        due: the months of this fetch.
        now: when it began.
        progress: told of every month.
    """

    source: str
    warehouse: Warehouse
    table: Table
    watermarks: Watermarks
    since: date
    due: tuple[Month, ...]
    now: datetime
    progress: Progress

    def batches(self) -> Iterator[Batch]:
        """Give a batch per month; one that cannot be read leaves the others alone."""
        self.progress.start(f"Invoice months of {self.source}", len(self.due), "months")
        for month in self.due:
            yield self._batch(month)
            self.progress.advance(1)

    def _batch(self, month: Month) -> Batch:
        reader = _MonthReader(self, month)
        try:
            summary = reader.summary()
        except SourceError as error:
            return self._offered(month, _failing(error), 0, Closing())
        return self._offered(month, reader.chunks(summary), summary.rows, reader)

    def _offered(
        self, month: Month, chunks: Iterator[Chunk], rows: int, closing: _MonthReader | Closing
    ) -> Batch:
        path = f"bigquery://{self.warehouse.table}/{month.period}"
        tag = f"{month.exported} {rows} {self.table.export}"
        return Batch(
            source=self.source,
            periods=frozenset({month.period}),
            chunks=chunks,
            files=(SourceFile(path=path, size_bytes=0, tag=tag, rows=rows),),
            manifest_hash=sha256(f"{FORMAT}\0{path}\0{tag}".encode()).hexdigest(),
            cursors={month.period: self._cursor(month, rows)},
            focus_version="1.2",
            notes=tuple(self._notes(month)),
            closing=(lambda _period: closing) if isinstance(closing, Closing) else closing.closing,
        )

    def _cursor(self, month: Month, rows: int) -> Cursor:
        return {
            "format": FORMAT,
            "table": self.table.name,
            "exported": month.exported,
            "rows": rows,
            "since": self.since.isoformat(),
            "due": {one.period: one.exported for one in self.due},
        }

    def _notes(self, month: Month) -> Iterator[str]:
        late = self.now - month_window(month.period).end
        if self.watermarks.rows(month.period) and late > SETTLED_AFTER:
            yield f"{month.period} got rows {late.days} days after it ended"


class _MonthReader:
    """Reads one month: what it adds up to, then its charges."""

    def __init__(self, reading: Reading, month: Month) -> None:
        self._reading = reading
        self._month = month
        self._tally: Tally | None = None
        self._before = Spent(bytes=reading.warehouse.spent.bytes)
        told = reading.warehouse.server_time
        self._at = reading.table.at(micros(told) if told else "")

    def summary(self) -> Summary:
        """Ask what the month adds up to.

        Raises:
            SourceError: BigQuery did not answer.
        """
        parameters = self._parameters(*bounds(self._month.period))
        return summary_of(self._reading.warehouse, self._reading.table, self._at, parameters)

    def chunks(self, summary: Summary) -> Generator[Chunk, None, None]:
        """Give the charges of the month, page by page, and what nobody used of its commitments.

        Raises:
            SourceError: BigQuery did not answer, or not to the end.
        """
        table, period = self._reading.table, self._month.period
        spread = None if table.export is Export.FOCUS else Spread(plan(summary.groups))
        self._tally = Tally(summary, spread, rows_before=self._reading.watermarks.rows(period))
        if summary.partitions is None:
            return
        asked = (
            native_sql.rows(self._at, table.paths)
            if table.export is Export.FOCUS
            else sql.rows(self._at, table.paths)
        )
        convert, read, told = _converter(spread), 0, set[str]()
        path = f"bigquery://{self._reading.warehouse.table}/{period}"
        for page in self._reading.warehouse.ask(asked, self._parameters(*summary.partitions)):
            found = convert(page)
            self._tally.add(found.billed)
            fresh = tuple(note for note in found.notes if note not in told)
            told.update(fresh)
            yield Chunk(
                charges=found.charges,
                file=path,
                rejected=_rejected(page, found, path, read),
                parsed=found.parsed,
                notes=fresh,
            )
            read += page.height
        if read != summary.rows:
            raise SourceError(
                f"{path} gave {read:,} rows where {summary.rows:,} were counted before",
                hint="rows came in between; collect again",
            )
        if spread is not None:
            yield from self._unused(spread, path)
        self._note_spent()

    def closing(self, period: str) -> Closing:
        """Say whether the month may be stored as it was read."""
        return Closing() if self._tally is None else self._tally.closing(period)

    def _unused(self, spread: Spread, path: str) -> Iterator[Chunk]:
        rows = promotions.unused(list(spread.plan.pools.values()), self._month.period)
        if rows.height:
            yield Chunk(charges=rows, file=path, parsed=parsed_sums(rows))
            if self._tally is not None:
                self._tally.add(billed_sums(rows))

    def _note_spent(self) -> None:
        size = self._reading.warehouse.spent.bytes - self._before.bytes
        if self._tally is not None:
            self._tally.notes.append(f"BigQuery read {shown(size)} for it, {cost_of(size)}")

    def _parameters(self, first: datetime, last: datetime) -> Parameters:
        return {
            "month": self._month.period.replace("-", ""),
            "first": first,
            "last": last,
            "exported": datetime.fromisoformat(self._month.exported),
        }


def summary_of(warehouse: Warehouse, table: Table, at: str, parameters: Parameters) -> Summary:
    """Ask what a month adds up to.

    Raises:
        SourceError: BigQuery did not answer.
    """
    native = table.export is Export.FOCUS
    pages = warehouse.ask(native_sql.summary(at) if native else sql.summary(at, table.paths), parameters)
    found = of_answer(row for page in pages for row in page.iter_rows(named=True))
    return replace(found, has_credits=not native)


class _converter:  # noqa: N801  # used as a function that remembers
    """Turns pages into charges, remembering what distinct values mean."""

    def __init__(self, spread: Spread | None) -> None:
        self._spread = spread
        self._memory = Memory()
        self._native = native.NativeMemory()

    def __call__(self, page: pl.DataFrame) -> Converted:
        if self._spread is None:
            return native.to_focus(page, self._native)
        return to_focus(page, self._memory, spread=self._spread)


def _rejected(page: pl.DataFrame, found: Converted, path: str, read: int) -> tuple[Rejected, ...]:
    return tuple(
        Rejected(
            file=path,
            line=read + row + 1,
            reason=reason,
            excerpt=shortened(", ".join(str(v) for v in page.row(row) if v is not None), _SHOWN),
        )
        for row, reason in found.rejected.items()
    )


def _failing(error: SourceError) -> Iterator[Chunk]:
    raise error
    yield  # a generator raises when it is read, not when the batch is made
