"""A glance at files before anything is configured: whether they are FOCUS, and how they are tagged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from collectors.focus.amounts import amounts
from collectors.focus.columns import Role
from collectors.focus.damage import DamagedError
from collectors.focus.keyvalues import Memory, normalised
from collectors.focus.layouts import is_candidate
from collectors.focus.opening import opened
from collectors.focus.texts import without_null_texts
from domain.money import SCALE

MOST_ROWS = 1_000_000
"""Rows of one file that are looked at: enough to see how it is tagged, and read within seconds."""

_COLUMNS = ("EffectiveCost", "BilledCost", "BillingCurrency", "Tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glanced:
    """One file that holds charges.

    Attributes:
        path: where it is.
        form: `CSV` or `Parquet`.
        version: FOCUS version its columns show.
        size: bytes.
        modified_ns: when it was written.
    """

    path: Path
    form: str
    version: str
    size: int
    modified_ns: int


def may_hold_charges(name: str) -> bool:
    """Say whether a file's path has the form of an export."""
    return is_candidate(name)


def glance(path: Path) -> Glanced | None:
    """Read the header of a file; None if it holds no charges or cannot be read."""
    try:
        with path.open("rb") as handle:
            status = path.stat()
            table = opened(handle, status.st_size)
    except (OSError, DamagedError):
        return None
    if table.columns.role is not Role.CHARGES:
        return None
    return Glanced(
        path=path,
        form=table.form,
        version=table.columns.version,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
    )


def tagged_costs(file: Glanced, most_rows: int = MOST_ROWS) -> Iterator[pl.DataFrame]:
    """Give frames of `Tags` (JSON text), `BillingCurrency` and `cost` of a file's first rows.

    The cost is the effective one, the billed one where the file has no other. What cannot be
    read ends it: this is a look, not a delivery.
    """
    memory, rows = Memory(), 0
    try:
        with file.path.open("rb") as handle:
            table = opened(handle, file.size)
            for piece in table.pieces(_COLUMNS):
                yield _costs(without_null_texts(piece.frame), memory)
                rows += piece.rows
                if rows >= most_rows:
                    return
    except (OSError, DamagedError):
        return


def _costs(frame: pl.DataFrame, memory: Memory) -> pl.DataFrame:
    name = "EffectiveCost" if "EffectiveCost" in frame.columns else "BilledCost"
    nothing = pl.Series("Tags", [None] * frame.height, dtype=pl.String)
    return pl.DataFrame(
        {
            "Tags": normalised(frame["Tags"], memory) if "Tags" in frame.columns else nothing,
            "BillingCurrency": frame["BillingCurrency"].cast(pl.String).str.strip_chars().str.to_uppercase(),
            "cost": amounts(frame[name], SCALE).stored,
        }
    )
