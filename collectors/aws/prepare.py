"""Lines of a report in types that can be reckoned with, and which of them cannot be booked. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from collectors.aws import names
from collectors.aws.line_types import KIND, Line, is_split, kinds
from collectors.focus import amounts, instants, texts
from collectors.focus.normalise import Memory
from domain.charge import INSTANT, MONEY, QUANTITY
from domain.text import shortened

ROW = "row"
"""The line's place in the piece it came with."""

_ACCOUNTS = ("bill_payer_account_id", "line_item_usage_account_id")
_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)
_SHOWN = 60


@dataclass(slots=True)
class Lines:
    """Lines on their way to charges.

    Attributes:
        frame: every known column, typed; absent ones are null. Only lines that can be booked.
        costs: money as parsed, by column; only columns with digits that are not stored.
        rejected: row of the input -> what is wrong with it.
        notes: what is worth telling.
        has_splits: the file has columns of split cost allocation.
    """

    frame: pl.DataFrame
    costs: dict[str, amounts.Amounts] = field(default_factory=dict)
    rejected: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    has_splits: bool = False


@dataclass(slots=True)
class _Faults:
    rows: pl.DataFrame
    found: dict[int, list[str]] = field(default_factory=dict)

    def add(self, rows: Collection[int], column: str, what: str) -> None:
        for row in rows:
            value = self.rows[column][row] if column in self.rows.columns else None
            shown = "" if value is None else f": {shortened(str(value), _SHOWN)!r}"
            self.found.setdefault(row, []).append(f"{column} {what}{shown}")


def prepared(rows: pl.DataFrame, memory: Memory) -> Lines:
    """Type the lines of a piece and set aside those that cannot be booked exactly."""
    known = _texts(rows)
    faults = _Faults(known)
    lines = Lines(frame=pl.DataFrame(), has_splits="split_line_item_parent_resource_id" in rows.columns)
    done = [pl.Series(ROW, range(rows.height), dtype=pl.UInt32)]
    done += [_or_nothing(known, name, pl.String()) for name in sorted(names.TEXTS)]
    done += [_instants(known, name, memory, faults) for name in sorted(names.INSTANTS)]
    done += _amounts(known, lines, faults)
    frame = _currencies(pl.DataFrame(done), faults)
    for name in names.ESSENTIAL:
        missing = known[name].is_null() if name in known.columns else frame[ROW] >= 0
        faults.add(missing.arg_true().to_list(), name, "is missing")
    frame = _with_kinds(_with_end(frame), known, lines)
    lines.rejected = {row: "; ".join(found) for row, found in sorted(faults.found.items())}
    if lines.rejected:
        frame = frame.filter(~pl.col(ROW).is_in(list(lines.rejected)))
    lines.frame = frame
    return lines


def _texts(rows: pl.DataFrame) -> pl.DataFrame:
    kept = rows.select(name for name in rows.columns if _is_plain(name))
    changed = []
    for name, dtype in kept.schema.items():
        if name in _ACCOUNTS and dtype.is_numeric():
            # A number has lost the zeros in front; account ids have twelve digits.
            changed.append(texts.as_text(kept[name]).str.zfill(12))
        elif dtype != pl.String and (name in names.TEXTS or dtype in {pl.Categorical, pl.Enum, pl.Binary}):
            changed.append(texts.as_text(kept[name]))
    return texts.without_null_texts(kept.with_columns(changed))


def _is_plain(name: str) -> bool:
    return name in names.TEXTS or name in names.INSTANTS or name in names.COSTS or name in names.QUANTITIES


def _or_nothing(rows: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
    if name in rows.columns:
        return rows[name]
    return pl.Series(name, [None], dtype=dtype).new_from_index(0, rows.height)


def _instants(rows: pl.DataFrame, name: str, memory: Memory, faults: _Faults) -> pl.Series:
    series = _or_nothing(rows, name, INSTANT)
    found = instants.instants(series, memory.times)
    if found.null_count() > series.null_count():
        faults.add((series.is_not_null() & found.is_null()).arg_true().to_list(), name, "is no time")
    return found


def _amounts(rows: pl.DataFrame, lines: Lines, faults: _Faults) -> list[pl.Series]:
    done, floats = [], []
    for name in sorted(names.COSTS | names.QUANTITIES):
        dtype = MONEY if name in names.COSTS else QUANTITY
        series = _or_nothing(rows, name, dtype)
        if series.dtype.is_float():
            if name in names.COSTS:
                floats.append(name)
            series = series.fill_nan(None)
        if series.null_count() == rows.height:
            done.append(pl.Series(name, [None], dtype=dtype).new_from_index(0, rows.height))
            continue
        found = amounts.amounts(series, dtype.scale)
        faults.add(found.bad, name, "is no amount")
        done.append(found.stored)
        if name in names.COSTS and (found.residual is not None or found.odd):
            lines.costs[name] = found
    if floats:
        lines.notes.append(
            "costs are floating-point columns in these files; each value was taken as its shortest decimal"
        )
    return done


def _currencies(frame: pl.DataFrame, faults: _Faults) -> pl.DataFrame:
    name = "line_item_currency_code"
    spelt = texts.mapped(frame[name], lambda text: text.strip().upper())
    wrong = [text for text in spelt.drop_nulls().unique() if not _CURRENCY.fullmatch(text)]
    if wrong:
        faults.add(spelt.is_in(wrong).arg_true().to_list(), name, "is no ISO 4217 code")
    return frame.with_columns(spelt.rename(name))


def _with_end(frame: pl.DataFrame) -> pl.DataFrame:
    name = "bill_billing_period_end_date"
    if not frame[name].null_count():
        return frame
    month = pl.col("bill_billing_period_start_date").dt.truncate("1mo").dt.offset_by("1mo")
    return frame.with_columns(pl.col(name).fill_null(month))


def _with_kinds(frame: pl.DataFrame, known: pl.DataFrame, lines: Lines) -> pl.DataFrame:
    kind, unknown = kinds(_or_nothing(known, "line_item_line_item_type", pl.String()))
    for text in unknown:
        lines.notes.append(
            f"ALARM: the line item type {shortened(text, _SHOWN)!r} is unknown; its lines are kept as "
            "Adjustment at what they cost: look at them, and please report the type"
        )
    frame = frame.with_columns(kind)
    if frame["line_item_line_item_type"].null_count():
        lines.notes.append("ALARM: some lines have no line item type; they are kept as Adjustment")
    split = pl.when(is_split()).then(pl.lit(int(Line.SPLIT), dtype=pl.Int8)).otherwise(pl.col(KIND))
    return frame.with_columns(split.alias(KIND))
