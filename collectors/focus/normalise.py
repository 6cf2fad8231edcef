"""From the rows of a file to charges: the pure `to_focus` of every file in FOCUS form."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from collectors.focus import amounts, instants, keyvalues, texts
from collectors.focus.columns import ESSENTIAL
from collectors.focus.sums import Sums, add_up
from domain.charge import BY_NAME, CHARGE_CATEGORIES, FOCUS, RAW_SCHEMA, Kind
from domain.text import shortened
from domain.window import month_of

_CURRENCY = re.compile("[A-Z]{3}", re.ASCII)
_TEXT_LIKE = (pl.Binary, pl.Categorical, pl.Enum)
_SHOWN = 60


class Memory(keyvalues.Memory):
    """What was found out about distinct values of one file, so that each is parsed once.

    Attributes:
        times: instants by the texts they were read from.
        found: what a form other than FOCUS looked up, by kind and text.
    """

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, datetime | None] = {}
        self.found: dict[str, pl.DataFrame] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """Rows of a file as charges.

    Attributes:
        charges: frame of `RAW_SCHEMA`, only rows of the periods asked for.
        rejected: row of the input -> what is wrong with it.
        sums: what was parsed, per billing period, currency and cost column.
        notes: what is worth telling about these rows.
    """

    charges: pl.DataFrame
    rejected: dict[int, str]
    sums: Sums
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    """A frame on its way: one series per FOCUS column, and the faults found so far."""

    rows: pl.DataFrame
    memory: Memory
    done: dict[str, pl.Series] = field(default_factory=dict)
    costs: dict[str, amounts.Amounts] = field(default_factory=dict)
    faults: dict[int, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def refuse(self, rows: Collection[int], column: str, what: str) -> None:
        """Note a fault of rows, with the value that is wrong."""
        for row in rows:
            value = self.rows[column][row] if column in self.rows.columns else None
            shown = "" if value is None else f": {shortened(str(value), _SHOWN)!r}"
            self.faults.setdefault(row, []).append(f"{column} {what}{shown}")


def to_focus(rows: pl.DataFrame, memory: Memory, periods: Collection[str] | None = None) -> Normalised:
    """Turn rows of a file, columns already named as in FOCUS, into charges.

    A row that cannot be booked exactly is rejected with its reasons and appears nowhere
    else. With `periods` (`YYYY-MM`), rows of other billing periods are left out.
    """
    work = _Work(rows=_text_where_due(rows), memory=memory)
    for column in FOCUS:
        if column.name in work.rows.columns:
            _convert(work, column.name)
    _mend(work)
    _demand(work)
    frame = pl.DataFrame(
        [work.done.get(name, _nothing(name, rows.height)) for name in RAW_SCHEMA], schema=RAW_SCHEMA
    )
    months = {start: month_of(start) for start in frame["BillingPeriodStart"].unique().to_list() if start}
    wanted = [start for start, month in months.items() if periods is None or month in periods]
    rejected = {
        row: "; ".join(faults)
        for row, faults in sorted(work.faults.items())
        if (start := frame["BillingPeriodStart"][row]) is None or start in wanted
    }
    kept = _kept(frame, work, wanted, len(months))
    sums = add_up(frame, kept, work.costs, months)
    if memory.broken:
        work.notes += [
            f"{column} of some rows is no JSON object, kept as it is: {shortened(text, _SHOWN)!r}"
            for column, text in sorted(memory.broken.items())
        ]
    return Normalised(
        charges=frame if kept is None else frame.filter(kept),
        rejected=rejected,
        sums=sums,
        notes=tuple(work.notes),
    )


def _text_where_due(rows: pl.DataFrame) -> pl.DataFrame:
    texted = [
        texts.as_text(rows[name])
        for name, dtype in rows.schema.items()
        if dtype != pl.String and (BY_NAME[name].kind is Kind.TEXT or dtype in _TEXT_LIKE)
    ]
    return texts.without_null_texts(rows.with_columns(texted))


def _nothing(name: str, height: int) -> pl.Series:
    return pl.Series(name, [None], dtype=RAW_SCHEMA[name]).new_from_index(0, height)


def _convert(work: _Work, name: str) -> None:
    column, series = BY_NAME[name], work.rows[name]
    match column.kind:
        case Kind.TEXT:
            work.done[name] = series
        case Kind.JSON:
            work.done[name] = keyvalues.normalised(series, work.memory)
        case Kind.INSTANT:
            found = instants.instants(series, work.memory.times)
            if found.null_count() > series.null_count():
                work.refuse((series.is_not_null() & found.is_null()).arg_true(), name, "is no time")
            work.done[name] = found
        case Kind.COST | Kind.QUANTITY:
            _convert_amount(work, name, series)


def _convert_amount(work: _Work, name: str, series: pl.Series) -> None:
    kind, dtype = BY_NAME[name].kind, RAW_SCHEMA[name]
    if series.dtype.is_float():
        if kind is Kind.COST:
            work.notes.append(
                f"{name} is a floating-point column; each value was taken as its shortest decimal"
            )
        else:
            series = series.fill_nan(None)  # pandas writes a missing number as NaN
    found = amounts.amounts(series, dtype.scale if isinstance(dtype, pl.Decimal) else 0)
    work.refuse(found.bad, name, "is no amount")
    work.done[name] = found.stored
    if kind is Kind.COST:
        work.costs[name] = found


def _mend(work: _Work) -> None:
    done = work.done
    for name in texts.ALLOWED:
        if name in done:
            done[name] = texts.allowed(done[name])
    if "ChargeCategory" in done:
        done["ChargeCategory"] = _known_category(done["ChargeCategory"], work)
    if "BillingCurrency" in done:
        done["BillingCurrency"] = texts.mapped(done["BillingCurrency"], lambda text: text.strip().upper())
    for name in ("ProviderName", "PublisherName"):
        # FOCUS 1.4 removed both; who offers the service answers the same question.
        offering = done.get("ServiceProviderName")
        if offering is not None and (name not in done or done[name].null_count()):
            mine = done.get(name, _nothing(name, len(offering)))
            done[name] = mine.zip_with(mine.is_not_null(), offering)
    _mend_period_end(work)


def _known_category(series: pl.Series, work: _Work) -> pl.Series:
    strangers = [text for text in series.drop_nulls().unique() if text not in CHARGE_CATEGORIES]
    for text in sorted(strangers):
        work.notes.append(
            f"ChargeCategory {shortened(text, _SHOWN)!r} is not of FOCUS; its charges count as Adjustment"
        )
    return texts.mapped(series, lambda text: "Adjustment" if text in strangers else text)


def _mend_period_end(work: _Work) -> None:
    start, end = work.done.get("BillingPeriodStart"), work.done.get("BillingPeriodEnd")
    if start is None or (end is not None and not end.null_count()):
        return
    next_month = start.dt.month_start().dt.truncate("1d").dt.offset_by("1mo")
    end = _nothing("BillingPeriodEnd", len(start)) if end is None else end
    work.done["BillingPeriodEnd"] = end.zip_with(end.is_not_null(), next_month)


def _demand(work: _Work) -> None:
    for name in ESSENTIAL:
        series = work.done.get(name)
        if series is None:
            work.refuse(range(work.rows.height), name, "is missing")
        elif series.null_count() and work.rows[name].null_count():
            work.refuse(work.rows[name].is_null().arg_true(), name, "is missing")
    currency = work.done.get("BillingCurrency")
    if currency is not None:
        wrong = [text for text in currency.drop_nulls().unique() if not _CURRENCY.fullmatch(text)]
        if wrong:
            work.refuse(currency.is_in(wrong).arg_true(), "BillingCurrency", "is no ISO 4217 code")


def _kept(frame: pl.DataFrame, work: _Work, wanted: list[datetime], months: int) -> pl.Series | None:
    """Give which rows become charges; None means all."""
    if not work.faults and len(wanted) == months:
        return None
    kept = frame["BillingPeriodStart"].is_in(wanted)
    return kept.scatter(list(work.faults), values=False) if work.faults else kept


def excerpt(rows: pl.DataFrame, row: int) -> str:
    """Give the start of a row as the file has it, safe to show."""
    values = ("" if value is None else str(value) for value in rows.row(row))
    return shortened(",".join(values), 200)
