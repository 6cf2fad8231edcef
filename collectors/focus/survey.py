"""A first look at a file: which billing periods it holds, how many rows, and whether it is whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

import polars as pl

from collectors.focus.amounts import amounts
from collectors.focus.columns import Role
from collectors.focus.damage import DamagedError
from collectors.focus.instants import instants
from collectors.focus.layouts import Part
from collectors.focus.opening import opened
from collectors.focus.pieces import Table
from collectors.focus.texts import without_null_texts
from collectors.stores.interface import Store, Stored
from domain.money import PRECISION, SCALE, plain
from domain.window import month_of

_COLUMNS = ("BillingPeriodStart", "BilledCost")
_EXACT = Context(prec=4 * PRECISION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a first look found.

    Attributes:
        file: the file as it was listed.
        tag: what proves its content unchanged.
        form: `CSV` or `Parquet`, "" if unknown.
        version: FOCUS version its columns show.
        rows: rows in it, unreadable ones included.
        periods: readable rows per billing period (`YYYY-MM`), as far as it could be read.
        billed: exact sum of BilledCost, a mark of its content.
        problem: why it is refused as a whole, or "".
        stranger: why it is no file of charges at all, or "".
        notes: what is worth telling about it.
    """

    file: Stored
    tag: str
    form: str = ""
    version: str = ""
    rows: int = 0
    periods: dict[str, int] = field(default_factory=dict)
    billed: str = "0"
    problem: str = ""
    stranger: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Say whether its rows may be used."""
        return not self.problem and not self.stranger


def survey(store: Store, part: Part, max_quarantined: Decimal) -> Survey:
    """Look through a file.

    Raises:
        ChangedError: it changed meanwhile.
        SourceError: it cannot be opened.
    """
    file = part.file
    with store.opened(file) as handle:
        tag = store.tag_of(file, handle)
        try:
            table = opened(handle, file.size)
        except DamagedError as error:
            return Survey(file=file, tag=tag, problem=told(error))
        if table.columns.role is not Role.CHARGES:
            kind = "stranger" if table.columns.role is Role.STRANGER else "problem"
            mark: dict[str, Any] = {kind: table.columns.problem}
            return Survey(file=file, tag=tag, form=table.form, **mark)
        found = _Found(table, max_quarantined)
        named = {part.period: 0} if part.period and not found.rows else {}
        return Survey(
            file=file,
            tag=tag,
            form=table.form,
            version=part.version or table.columns.version,
            rows=found.rows,
            periods=dict(sorted(found.periods.items())) or named,
            billed=plain(found.billed),
            problem=found.problem or _broken_promise(part, found.rows, table.unpacked),
            notes=table.columns.notes,
        )


def _broken_promise(part: Part, rows: int, unpacked: int) -> str:
    """Say where the file is not what its manifest promises, or ""."""
    if part.rows not in {None, rows}:
        return f"has {rows:,} rows, its manifest says {part.rows:,}"
    if part.size not in {None, part.file.size, unpacked}:
        return f"has {part.file.size:,} bytes ({unpacked:,} unpacked), its manifest says {part.size:,}"
    return ""


def told(error: DamagedError) -> str:
    """Give what is wrong and what to do, in one line."""
    return f"{error}; {error.hint}" if error.hint else str(error)


class _Found:
    """Counts over all pieces of a table; stops at the first damage."""

    def __init__(self, table: Table, max_quarantined: Decimal) -> None:
        self.rows = 0
        self.periods: Counter[str] = Counter()
        self.billed = Decimal(0)
        self.problem = ""
        broken = 0
        try:
            for piece in table.pieces(_COLUMNS):
                self._count(piece.frame)
                self.rows += piece.rows
                broken += len(piece.broken)
        except DamagedError as error:
            self.problem = told(error)
            return
        except pl.exceptions.ComputeError as error:
            self.problem = f"holds costs that add up to more than can be held: {error}"
            return
        if broken > max_quarantined * self.rows:
            self.problem = too_many(broken, self.rows, max_quarantined)

    def _count(self, frame: pl.DataFrame) -> None:
        frame = without_null_texts(frame)
        starts = instants(frame["BillingPeriodStart"], {})
        for start, rows in starts.drop_nulls().value_counts().iter_rows():
            self.periods[month_of(start)] += rows
        found = amounts(frame["BilledCost"], SCALE)
        self._add(found.stored.sum())
        self._add(None if found.residual is None else found.residual.sum())
        for lost in found.odd.values():
            self._add(lost)

    def _add(self, amount: Any) -> None:
        self.billed = _EXACT.add(self.billed, Decimal(amount or 0))


def too_many(rejected: int, rows: int, share: Decimal) -> str:
    """Say that more rows are unreadable than the configuration allows."""
    return (
        f"has {rejected:,} unreadable of {rows:,} rows, more than `max_quarantined` ({plain(share * 100)} %) "
        "allows; none of its rows was used"
    )
