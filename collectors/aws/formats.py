"""What the lines of a file mean: those of a cost and usage report, or charges in FOCUS already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

import polars as pl

from collectors.aws.convert import Converted
from collectors.aws.convert import to_focus as cur_to_focus
from collectors.aws.names import cur2_names, is_cur, lacking, strangers
from collectors.aws.tally import Tally
from collectors.focus.columns import Columns, Role, match
from collectors.focus.normalise import Memory
from collectors.focus.normalise import to_focus as focus_to_focus
from domain.delivery import Closing
from domain.text import shortened
from domain.window import month_window

QUIET = timedelta(days=14)
"""AWS may restate a month for about two weeks after it ends (billing periods, AWS Data Exports guide)."""

CUR = "CUR"
"""The label of Cost and Usage Reports."""

Sums = dict[tuple[str, str, str], Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Some lines of a file as charges.

    Attributes:
        charges: frame of `RAW_SCHEMA`.
        rejected: row of the input -> what is wrong with it.
        parsed: what was parsed, as `Chunk` wants it.
        residual: parsed minus stored, as `Chunk` wants it.
        allocations: frame of `SPLIT_SCHEMA`, None without any.
        notes: what is worth telling.
    """

    charges: pl.DataFrame
    rejected: Mapping[int, str]
    parsed: Sums
    residual: Sums
    allocations: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()


class Format(Protocol):
    """How the files of one refresh are understood; asked chunk after chunk.

    Attributes:
        label: what the files are, e.g. `CUR`.
    """

    label: str

    def convert(self, rows: pl.DataFrame) -> Lines:
        """Turn rows, columns named by `columns_of`, into charges.

        Raises:
            DamagedError: they add up to more than can be held.
        """
        ...

    def remainder(self) -> Lines | None:
        """Give what is to be booked beside the rows, once all of them were read; None if nothing is."""
        ...

    def closing(self, period: str, refreshed: datetime) -> Closing:
        """Say what is known of the month once all of its rows were read."""
        ...


def columns_of(names: Sequence[str]) -> Columns:
    """Understand a header, whichever of the formats it is of."""
    if not is_cur(names):
        return match(names)
    known, absent = cur2_names(names), lacking(names)
    return Columns(
        role=Role.DAMAGED if absent else Role.CHARGES,
        problem=f"is a Cost and Usage Report without {', '.join(absent)}: select these columns in the export"
        if absent
        else "",
        positions={known[name]: i for i, name in enumerate(names) if name in known},
        version=CUR,
        extra=tuple(shortened(name, 60) for name in strangers(names)),
        missing=(),
    )


def format_of(columns: Columns) -> Format:
    """Give how files with such a header are understood."""
    return CurLines() if columns.version == CUR else FocusLines(columns.version)


class CurLines:
    """Lines of a Cost and Usage Report, old or new."""

    label = CUR

    def __init__(self) -> None:
        self._memory, self._tally = Memory(), Tally()

    def convert(self, rows: pl.DataFrame) -> Lines:
        """Turn lines into charges and remember what the gates ask for."""
        found = cur_to_focus(rows, self._memory)
        self._tally.add(found)
        return _of_cur(found)

    def remainder(self) -> Lines | None:
        """Give what AWS's own rounding leaves over."""
        found = self._tally.remainder()
        return None if found is None else _of_cur(found)

    def closing(self, period: str, refreshed: datetime) -> Closing:
        """Say whether the gates hold, and when the month closes."""
        return self._tally.closing(period, refreshed)


def _of_cur(found: Converted) -> Lines:
    return Lines(
        charges=found.charges,
        rejected=found.rejected,
        parsed=found.sums.parsed,
        residual=found.sums.residual,
        allocations=found.allocations,
        notes=found.notes,
    )


class FocusLines:
    """Charges that AWS exports in FOCUS."""

    def __init__(self, version: str) -> None:
        self.label = f"FOCUS {version}"
        self._memory = Memory()
        self._rows: dict[str, int] = {}
        self._without_invoice: dict[str, int] = {}

    def convert(self, rows: pl.DataFrame) -> Lines:
        """Normalise charges."""
        found = focus_to_focus(rows, self._memory)
        months = found.charges.select(
            pl.col("BillingPeriodStart").dt.strftime("%Y-%m").alias("month"), pl.col("InvoiceId").is_null()
        )
        for month, count, without in (
            months.group_by("month").agg(pl.len(), pl.col("InvoiceId").sum()).iter_rows()
        ):
            self._rows[month] = self._rows.get(month, 0) + count
            self._without_invoice[month] = self._without_invoice.get(month, 0) + without
        return Lines(
            charges=found.charges,
            rejected=found.rejected,
            parsed=found.sums.parsed,
            residual=found.sums.residual,
            notes=found.notes,
        )

    def remainder(self) -> None:
        """Give nothing: the charges are as AWS booked them."""

    def closing(self, period: str, refreshed: datetime) -> Closing:
        """Say when the month closes: it is over, and every charge is on an invoice."""
        is_invoiced = self._rows.get(period, 0) > 0 and not self._without_invoice.get(period, 0)
        if not is_invoiced or refreshed < month_window(period).end:
            return Closing()
        return Closing(closes_at=refreshed + QUIET)
