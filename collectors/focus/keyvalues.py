"""FOCUS key-value columns: JSON text, Parquet maps, lists and structs to one JSON text. Pure."""

from __future__ import annotations

import json
import secrets
from typing import Any

import orjson
import polars as pl

from collectors.focus.texts import as_text, mapped

KEY_VALUES = ("Tags", "AllocatedTags")
"""Columns whose values become text; the other JSON columns keep numbers and nesting."""

REMEMBERED = 1_000_000
"""Distinct values of one column that are remembered from chunk to chunk; at most some 150 MB."""

_SEED = secrets.randbits(63)


class _Digits(str):
    """A JSON number, as written: its digits are not ours to change."""

    __slots__ = ()


class Memory:
    """What was found out about distinct values of one file, so that each is parsed once.

    Attributes:
        texts: per column `hash` and `text` of values whose text is not the one of the file.
        fine: per column `hash` of texts that stay as they are.
        broken: per column the first text that is no JSON object.
    """

    def __init__(self) -> None:
        self.texts: dict[str, pl.DataFrame] = {}
        self.fine: dict[str, pl.DataFrame] = {}
        self.broken: dict[str, str] = {}

    def known(self, column: str) -> pl.DataFrame:
        """Give the hashes of a column's values that were met, and forget them if they are too many."""
        empty = pl.DataFrame(schema={"hash": pl.UInt64})
        texts = self.texts.setdefault(column, empty.with_columns(text=pl.lit(None, dtype=pl.String)))
        fine = self.fine.setdefault(column, empty)
        if texts.height + fine.height > REMEMBERED:
            self.texts[column], self.fine[column] = texts.clear(), fine.clear()
        return pl.concat([self.texts[column].select("hash"), self.fine[column]])


def normalised(series: pl.Series, memory: Memory) -> pl.Series:
    """Give a JSON column as text; null where there is nothing in it.

    A plain object of texts stays as it is written. What is no JSON object stays too and is
    remembered in `memory.broken`: the ledger keeps it under a key of its own, so that
    nobody's tags are lost unseen.
    """
    if series.dtype == pl.Null:
        return series.cast(pl.String)
    if not series.dtype.is_nested():
        series = as_text(series)
    elif isinstance(series.dtype, pl.Map):
        series = series.cast(pl.List(pl.Struct({"key": pl.String, "value": pl.String})))
    name = series.name
    hashes = series.hash(_SEED).rename("hash")
    first = hashes.arg_unique()
    met = pl.DataFrame({"row": first, "hash": hashes.gather(first)})
    fresh = met.join(memory.known(name), on="hash", how="anti")
    if fresh.height:
        _remember(series.gather(fresh["row"]), fresh["hash"], memory)
    changed = memory.texts[name]
    if changed.is_empty():
        return series
    found = hashes.to_frame().join(
        changed.with_columns(is_new=True), on="hash", how="left", maintain_order="left"
    )
    if series.dtype != pl.String:
        return found["text"].alias(name)
    return series.zip_with(found["is_new"].is_null(), found["text"])


def canonical(series: pl.Series) -> pl.Series:
    """Give a normalised column with one spelling per content: sorted keys, no spaces."""
    return mapped(series, lambda text: text if (content := _object(text)) is None else _compact(content))


def _remember(values: pl.Series, hashes: pl.Series, memory: Memory) -> None:
    """Find out about values that were not met before."""
    name, is_text = values.name, values.dtype == pl.String
    texts = {}
    for key, value in zip(hashes.to_list(), values.to_list(), strict=True):
        text = value if is_text or value is None else _text_of(value)
        wanted = None if text is None else _canonical(text, name, memory)
        if not is_text or wanted != text:
            texts[key] = wanted
    new = pl.DataFrame({"hash": list(texts), "text": list(texts.values())}, schema=memory.texts[name].schema)
    memory.texts[name] = pl.concat([memory.texts[name], new])
    if is_text:
        fine = hashes.to_frame("hash").join(new, on="hash", how="anti")
        memory.fine[name] = pl.concat([memory.fine[name], fine])


def _canonical(text: str, column: str, memory: Memory) -> str | None:
    if column in KEY_VALUES and _is_plain(text):
        return text
    content = _object(text)
    if content is None:
        memory.broken.setdefault(column, text)
        return text
    if column in KEY_VALUES:
        content = {key: _value(value) for key, value in content.items() if value is not None}
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode() if content else None
    return _kept(text, content) if content else None


def _is_plain(text: str) -> bool:
    """Say whether this is the usual case, an object of texts with something in it."""
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(content, dict) and bool(content) and all(type(v) is str for v in content.values())


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
        inner = ",".join(f"{_compact(key)}:{_compact(item)}" for key, item in sorted(value.items()))
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{','.join(map(_compact, value))}]"
    return json.dumps(_encodable(value) if isinstance(value, str) else value, ensure_ascii=False)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _text_of(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        value = _from_pairs([_by_position(pair) for pair in value])
    if not isinstance(value, dict):
        return None
    kept = {key: item for key, item in value.items() if item is not None}
    return json.dumps(kept, default=str, sort_keys=True, ensure_ascii=False)


def _by_position(pair: Any) -> Any:
    """Name the two members of a pair whose fields have other names, e.g. `k` and `v`."""
    if isinstance(pair, dict) and len(pair) == 2 and "key" not in {key.lower() for key in pair}:
        key, value = pair.values()
        return {"key": key, "value": value}
    return pair
