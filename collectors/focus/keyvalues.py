"""FOCUS key-value columns: JSON text, Parquet maps, lists and structs to one JSON text. Pure."""

from __future__ import annotations

import json
import secrets
from typing import Any

import orjson
import polars as pl

from collectors.focus.texts import as_text

KEY_VALUES = ("Tags", "AllocatedTags")
"""Columns whose values become text; the other JSON columns keep numbers and nesting."""

REMEMBERED = 100_000
"""Distinct texts of one column that are remembered from chunk to chunk; about 50 MB."""

_SEED = secrets.randbits(63)


class _Digits(str):
    """A JSON number, as written: its digits are not ours to change."""

    __slots__ = ()


class Memory:
    """What was found out about distinct values of one file, so that each is parsed once."""

    def __init__(self) -> None:
        self.texts: dict[str, dict[str, str | None]] = {}
        self.nested: dict[str, dict[int, str | None]] = {}
        self.broken: dict[str, str] = {}


def normalised(series: pl.Series, memory: Memory) -> pl.Series:
    """Give a JSON column as text; null where there is nothing in it.

    Text that is no JSON object stays as it is and is remembered in `memory.broken`: the
    ledger keeps it under a key of its own, so that nobody's tags are lost unseen.
    """
    if series.dtype == pl.Null:
        return series.cast(pl.String)
    known = memory.texts.setdefault(series.name, {})
    if series.dtype.is_nested():
        series = _encoded(series, memory.nested.setdefault(series.name, {}))
    elif series.dtype != pl.String:
        series = as_text(series)
    distinct = series.drop_nulls().unique().to_list()
    if len(known) > REMEMBERED:
        known.clear()
    for text in distinct:
        if text not in known:
            known[text] = _canonical(text, series.name, memory)
    if all(known[text] == text for text in distinct):
        return series
    return series.replace_strict(
        distinct, [known[text] for text in distinct], default=None, return_dtype=pl.String
    )


def _canonical(text: str, column: str, memory: Memory) -> str | None:
    if column in KEY_VALUES and (plain := _of_texts(text)):
        return plain
    content = _object(text)
    if content is None:
        memory.broken.setdefault(column, text)
        return text
    if column in KEY_VALUES:
        content = {key: _value(value) for key, value in content.items() if value is not None}
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode() if content else None
    return _kept(text, content) if content else None


def _of_texts(text: str) -> str:
    """Give the canonical form of the usual case, an object of texts; "" for all others."""
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ""
    if not content or not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        return ""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def _object(text: str) -> dict[str, Any] | None:
    """Read a JSON object; also one without braces, and AWS's list of Key and Value."""
    stripped = text.strip()
    for attempt in (stripped, f"{{{stripped}}}" if stripped.startswith('"') else ""):
        try:
            found = json.loads(attempt, parse_int=_Digits, parse_float=_Digits, parse_constant=_Digits)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, list):
            found = _from_pairs(found)
        if isinstance(found, dict):
            return {_encodable(key): value for key, value in found.items()}
    return None


def _from_pairs(pairs: list[Any]) -> dict[str, Any] | None:
    found = {}
    for pair in pairs:
        if not isinstance(pair, dict):
            return None
        folded = {key.lower(): value for key, value in pair.items()}
        if not isinstance(folded.get("key"), str):
            return None
        found[folded["key"]] = folded.get("value")
    return found


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _encodable(str(value))
    return _encodable(_compact(value))


def _kept(text: str, content: dict[str, Any]) -> str:
    """Keep the text of a JSON object; write it anew only where it was not quite one."""
    return text if text.lstrip().startswith("{") and text.isprintable() else _compact(content)


def _compact(value: Any) -> str:
    """Write JSON without spaces; numbers keep their digits."""
    if isinstance(value, _Digits):
        return str(value)
    if isinstance(value, dict):
        inner = ",".join(f"{_compact(key)}:{_compact(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_compact, value))}]"
    return json.dumps(_encodable(value) if isinstance(value, str) else value, ensure_ascii=False)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _encoded(series: pl.Series, known: dict[int, str | None]) -> pl.Series:
    """Give maps, lists of pairs, or structs as JSON text; each distinct value is written once."""
    if isinstance(series.dtype, pl.Map):
        series = series.cast(pl.List(pl.Struct({"key": pl.String, "value": pl.String})))
    hashes = series.hash(_SEED)
    if len(known) > REMEMBERED:
        known.clear()
    first = pl.DataFrame({"hash": hashes, "row": pl.int_range(len(series), eager=True)}).unique("hash")
    fresh = first.filter(~pl.col("hash").is_in(list(known)))
    values = series.gather(fresh["row"]).to_list()
    known.update(zip(fresh["hash"].to_list(), map(_text_of, values), strict=True))
    distinct = first["hash"]
    texts = [known[key] for key in distinct.to_list()]
    return hashes.replace_strict(distinct, texts, return_dtype=pl.String).alias(series.name)


def _text_of(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        value = _from_pairs([_by_position(pair) for pair in value])
    if not isinstance(value, dict):
        return None
    return json.dumps({key: item for key, item in value.items() if item is not None}, default=str)


def _by_position(pair: Any) -> Any:
    """Name the two members of a pair whose fields have other names, e.g. `k` and `v`."""
    if isinstance(pair, dict) and len(pair) == 2 and "key" not in {key.lower() for key in pair}:
        key, value = pair.values()
        return {"key": key, "value": value}
    return pair
