"""Distinct texts looked up once, however many rows have them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from collectors.focus.normalise import Memory

REMEMBERED = 200_000
"""Distinct texts of one kind that are remembered from chunk to chunk."""

Answer = tuple[Any, ...]


def looked_up(
    texts: pl.Series,
    kind: str,
    schema: Sequence[tuple[str, pl.DataType]],
    find: Callable[[str], Answer],
    memory: Memory,
) -> list[pl.Series]:
    """Give what `find` says of every text, a series per name of the schema; null for null."""
    known = memory.found.setdefault(kind, {})
    if len(known) > REMEMBERED:
        known.clear()
    distinct = texts.drop_nulls().unique().to_list()
    for text in distinct:
        if text not in known:
            known[text] = find(text)
    answers = [known[text] for text in distinct]
    return [
        texts.replace_strict(
            distinct,
            pl.Series([answer[i] for answer in answers], dtype=dtype),
            default=None,
            return_dtype=dtype,
        ).rename(name)
        for i, (name, dtype) in enumerate(schema)
    ]
