"""FOCUS key-value columns: from JSON text to one canonical form, and promoted keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import polars as pl

from domain.charge import TAGS

_UNSTORABLE = re.compile(r"[ ,;{}()\n\t=]")

UNREADABLE = "x_unreadable"
"""Key under which text that is no JSON object is kept, so that nothing is lost."""


def canonical(text: str) -> str:
    """Give tags as JSON with sorted keys and every value as text.

    A tag without value (true or null) is the text `true`. Numbers keep their digits as
    written, other values are compact JSON. A later duplicate of a key wins.
    """
    try:
        tags = orjson.loads(text)
        if isinstance(tags, dict) and all(isinstance(value, str) for value in tags.values()):
            return orjson.dumps(tags, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:
        pass
    return _careful(text)


def _careful(text: str) -> str:
    try:
        tags = json.loads(text, parse_float=_Digits, parse_int=_Digits, parse_constant=_Digits)
        found = {key: _value(value) for key, value in tags.items()} if isinstance(tags, dict) else None
    except (ValueError, RecursionError):
        found = None
    if found is None:
        found = {UNREADABLE: text}
    plain = {_encodable(key): _encodable(value) for key, value in found.items()}
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()


class _Digits(str):
    """A JSON number, as written."""

    __slots__ = ()


def _value(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if value is None or value is True:
        return "true"
    return _compact(value)


def _compact(value: Any) -> str:
    if isinstance(value, _Digits):
        return str(value)
    if isinstance(value, dict):
        inside = (f"{_compact(key)}:{_compact(part)}" for key, part in sorted(value.items()))
        return f"{{{','.join(inside)}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_compact, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def canonical_texts(texts: pl.Series) -> pl.Series:
    """Give the canonical JSON of every text; null stays null."""
    different = texts.drop_nulls().unique()
    told = pl.DataFrame({"text": different, "canonical": [canonical(text) for text in different]})
    found = pl.DataFrame({"text": texts}).join(
        told.cast(pl.String()), on="text", how="left", maintain_order="left"
    )
    return found["canonical"].alias(texts.name)


def as_map(texts: pl.Series) -> pl.Series:
    """Give the `Map` of canonical JSON texts."""
    return texts.str.json_decode(TAGS)


def normalised(keys: Iterable[str]) -> tuple[str, ...]:
    """Give tag keys as they are promoted: lower case, without outer spaces, each once."""
    return tuple(dict.fromkeys(name for key in keys if (name := key.strip().lower())))


def column_of(key: str) -> str:
    """Name the column of a promoted key."""
    return f"x_tag_{key}"


def storable(keys: Iterable[str]) -> tuple[str, ...]:
    """Give the keys whose column a Delta table can have; the others are looked up when read."""
    return tuple(key for key in normalised(keys) if not _UNSTORABLE.search(key))


def promoted(tags: pl.Series, keys: Iterable[str]) -> list[pl.Expr]:
    """Give one `x_tag_<key>` expression per key over the column `Tags`, which holds `tags`.

    A key is found without regard to case and surrounding spaces; of several spellings on
    one resource the exact one wins, then the first in sorted order.
    """
    wanted = normalised(keys)
    if not wanted:
        return []
    present = tags.map.keys().explode().drop_nulls().unique().sort().to_list()
    by_name: dict[str, list[str]] = {}
    for spelling in present:
        by_name.setdefault(spelling.strip().lower(), []).append(spelling)
    return [_first_of(key, by_name.get(key, ())).alias(column_of(key)) for key in wanted]


def _first_of(key: str, spellings: Sequence[str]) -> pl.Expr:
    ordered = sorted(spellings, key=lambda spelling: (spelling != key, spelling))
    if not ordered:
        return pl.lit(None, dtype=pl.String())
    return pl.coalesce(*(pl.col("Tags").map.get(spelling) for spelling in ordered))
