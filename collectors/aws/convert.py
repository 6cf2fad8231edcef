"""From lines of a Cost and Usage Report to charges: the pure `to_focus` of AWS.

Rows carry the columns of CUR 2.0 (`names.cur2_names`), values as the file has them. What each line
becomes: `line_types` (what it is), `costs` (its four costs), `charges` (its columns). A negation
becomes nothing, because what a plan covered is not billed in the first place; a recurring fee becomes
what was bought and, if there is any, what nobody used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from collectors.aws import charges, costs, evidence, exact, split
from collectors.aws.described import described
from collectors.aws.discounts import GONE, folded
from collectors.aws.evidence import Evidence
from collectors.aws.line_types import Line, is_kind
from collectors.aws.prepare import ROW, Lines, prepared
from collectors.focus.normalise import Memory
from collectors.focus.sums import EXACT, Sums
from collectors.focus.sums import Key as Cell
from domain.charge import COSTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """Lines of a report as charges.

    Attributes:
        charges: frame of `RAW_SCHEMA`; of a fee, what was bought stands before what was not used.
        allocations: frame of `SPLIT_SCHEMA`, None without any.
        rejected: row of the input -> what is wrong with it.
        sums: what was parsed, per billing period, currency and cost column.
        notes: what is worth telling of these lines.
        evidence: what `tally.Tally` adds up.
    """

    charges: pl.DataFrame
    allocations: pl.DataFrame | None = None
    rejected: dict[int, str] = field(default_factory=dict)
    sums: Sums = field(default_factory=Sums)
    notes: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)


def to_focus(rows: pl.DataFrame, memory: Memory) -> Converted:
    """Turn lines, columns named as in CUR 2.0, into charges.

    A line that cannot be booked exactly is rejected with its reasons and appears nowhere else.
    """
    lines = prepared(rows, memory)
    raw = rows if not lines.rejected else rows[lines.frame[ROW]]
    lines.frame = described(lines.frame, raw, memory)
    lines.frame = folded(lines)
    base, unused = _parts(lines)
    made = _charges(base, unused)
    allocations = split.allocations(lines.frame)
    sums, billed = _sums(lines, base, unused, made)
    return Converted(
        charges=made,
        allocations=allocations,
        rejected=lines.rejected,
        sums=sums,
        notes=(*lines.notes, *_notes(lines, made)),
        evidence=Evidence(
            invoiced=_invoiced(lines),
            billed=billed,
            rounded=_rounded(lines),
            commitments=evidence.commitments(lines.frame),
            parents=evidence.parents(made) if lines.has_splits else evidence.PARENTS.to_frame(),
            splits=evidence.splits(allocations),
            facts=evidence.facts(lines, made),
        ),
    )


def _parts(lines: Lines) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the lines that become a charge, and those whose fee nobody used whole."""
    gone = is_kind(Line.PLAN_NEGATION, Line.SPLIT) | pl.col(GONE)
    base = lines.frame.filter(~gone)
    fees = base.filter(is_kind(Line.PLAN_RECURRING, Line.RESERVED_FEE))
    amount = costs.total(costs.of_unused()["EffectiveCost"])
    return base, fees.filter((amount != 0).fill_null(value=False))


def _charges(base: pl.DataFrame, unused: pl.DataFrame) -> pl.DataFrame:
    absent = {column.name for column in base if column.null_count() == base.height}
    made = base.lazy().select(charges.of_lines(absent)).collect()
    if unused.is_empty():
        return made
    bought = unused.lazy().select(charges.of_lines())
    changed = unused.lazy().select(charges.of_unused()).collect()
    rest = bought.collect().with_columns(changed.get_columns())
    return pl.concat([made, rest])


def _sums(
    lines: Lines, base: pl.DataFrame, unused: pl.DataFrame, made: pl.DataFrame
) -> tuple[Sums, dict[exact.Key, Decimal]]:
    """Give what was parsed and what of it is not stored, and what is billed per payer."""
    parsed: dict[Cell, Decimal] = {}
    residual: dict[Cell, Decimal] = {}
    billed: dict[exact.Key, Decimal] = {}
    stored = exact.grouped(made, exact.OF_CHARGES, {name: pl.col(name) for name in COSTS.values()})
    ordinary, of_unused = costs.of_line(), costs.of_unused()
    for name in COSTS.values():
        rest = exact.added(
            exact.lost(base, ordinary[name], lines.costs), exact.lost(unused, of_unused[name], lines.costs)
        )
        whole = exact.added(stored[name], rest)
        _add(parsed, name, whole)
        _add(residual, name, rest)
        if name == "BilledCost":
            billed = whole
    lost = {cell: amount for cell, amount in residual.items() if amount}
    return Sums(parsed=parsed, residual=lost), billed


def _add(sums: dict[Cell, Decimal], name: str, amounts: Mapping[exact.Key, Decimal]) -> None:
    for (_, period, currency), amount in amounts.items():
        key = period, currency, name
        sums[key] = EXACT.add(sums.get(key, Decimal(0)), amount)


def _invoiced(lines: Lines) -> dict[exact.Key, Decimal]:
    terms = costs.invoiced()
    stored = exact.grouped(lines.frame, exact.OF_LINES, {"cost": costs.total(terms)})["cost"]
    return exact.added(stored, exact.lost(lines.frame, terms, lines.costs))


def _rounded(lines: Lines) -> dict[exact.Key, int]:
    return exact.counted(lines.frame, is_kind(Line.PLAN_COVERED, Line.PLAN_NEGATION))


def _notes(lines: Lines, made: pl.DataFrame) -> list[str]:
    """Say where the file leaves out what a cost is made of."""
    notes = []
    if made["EffectiveCost"].null_count():
        notes.append(
            "some lines that a commitment covers do not say what they cost effectively; their EffectiveCost "
            "stays unknown: export the savings_plan and reservation columns"
        )
    fees = lines.frame.lazy().filter(is_kind(Line.PLAN_RECURRING)).select(costs.PROMISED).collect()
    if fees.height and fees.null_count().item():
        notes.append(
            "fees of Savings Plans do not say what was promised and used, so what nobody used is unknown: "
            "export the savings_plan columns"
        )
    return notes
