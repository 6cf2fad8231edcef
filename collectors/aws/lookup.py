"""Distinct texts looked up once, however many rows have them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from collectors.focus.normalise import Memory

REMEMBERED = 200_000
"""Distinct texts of one kind that are remembered from chunk to chunk."""

_MET = "is met"

Answer = tuple[Any, ...]


def looked_up(
    texts: pl.Series,
    kind: str,
    schema: Sequence[tuple[str, pl.DataType]],
    find: Callable[[str], Answer],
    memory: Memory,
) -> list[pl.Series]:
    """Give what `find` says of every text, a series per name of the schema; null for null."""
    asked = texts.rename("key").to_frame()
    known = remembered(memory, kind, {_MET: pl.Boolean(), "key": pl.String(), **dict(schema)})
    found = _known_of(asked, known)
    fresh = asked.filter(found[_MET].is_null()).to_series().drop_nulls().unique()
    if len(fresh):
        answers = [(True, text, *find(text)) for text in fresh]
        known = known.vstack(pl.DataFrame(answers, schema=known.schema, orient="row"))
        memory.found[kind] = known
        found = _known_of(asked, known)
    return found.drop(_MET, "key").get_columns()


def _known_of(asked: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    return asked.join(known, on="key", how="left", maintain_order="left")


def remembered(memory: Memory, kind: str, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Give what was found of a kind so far; nothing once that has become too much."""
    known = memory.found.get(kind)
    return pl.DataFrame(schema=schema) if known is None or known.height > REMEMBERED else known
