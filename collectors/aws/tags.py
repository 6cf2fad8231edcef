"""Tags and cost categories of a line: one object of texts, under the keys that people know. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
import polars as pl

from collectors.aws.lookup import remembered
from collectors.focus import keyvalues
from collectors.focus.normalise import Memory

_SOURCES = ("resourceTags/", "resource_tags/")
_CATEGORY = ("costCategory/", "cost_category/")
_USER = ("user:", "user_")
_AWS = "aws_"
_TEXTS = dict.fromkeys(("Tags", "x_RawTags", "x_CostCategories"), pl.String())
_SEED = secrets.randbits(63)


def folded(rows: pl.DataFrame, name: str, alias: str, memory: Memory) -> pl.Series | None:
    """Give a map as JSON text, be it a column of maps or a column per key; None if neither is there."""
    prefix = f"{name}/"
    keys = [column for column in rows.columns if column.startswith(prefix)]
    if name in rows.columns:
        return keyvalues.normalised(_without_empty(rows[name]).rename(alias), memory)
    if not keys:
        return None
    values = rows.select(_text(rows[key]).alias(key[len(prefix) :]) for key in keys)
    return keyvalues.normalised(values.to_struct(alias), memory)


def _text(values: pl.Series) -> pl.Expr:
    text = pl.lit(values.cast(pl.String, strict=False))
    return pl.when(text != "").then(text)


def _without_empty(values: pl.Series) -> pl.Series:
    return values.set(values == "", None) if values.dtype == pl.String else values


@lru_cache(maxsize=4096)
def key_of(raw: str) -> str:
    """Give the key that people know: `user_team` and `user:team` are `team`, `aws_x` is `aws:x`."""
    key = raw
    for source in _SOURCES:
        key = key.removeprefix(source)
    for prefix in _USER:
        if key.startswith(prefix) and len(key) > len(prefix):
            return key[len(prefix) :]
    return f"aws:{key[len(_AWS) :]}" if key.startswith(_AWS) and len(key) > len(_AWS) else key


def normalised(raw: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    """Give `Tags`, `x_RawTags` and the cost categories that the column `tags` mixes in, as JSON.

    Keys are sorted; of two tags for one key the second keeps its raw key. Tags of accounts and
    users keep AWS's prefix (`accountTag/department`): only one kind of key may go without.
    """
    tags, categories = raw, {}
    if any(key.startswith(_CATEGORY) for key in raw):
        tags = {key: value for key, value in raw.items() if not key.startswith(_CATEGORY)}
        categories = {key.partition("/")[2]: raw[key] for key in raw if key not in tags}
    return _json(_renamed(tags)), _json(raw), _json(categories)


def _json(content: Mapping[str, str]) -> str | None:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode() if content else None


def _renamed(raw: Mapping[str, str]) -> dict[str, str]:
    plain = {key_of(key): value for key, value in raw.items()}
    if len(plain) == len(raw):
        return plain
    found: dict[str, str] = {}
    late = []
    for key in sorted(raw):
        known = key_of(key)
        if known in found and found[known] != raw[key]:
            late.append(key)
        else:
            found[known] = raw[key]
    for key in late:
        found.setdefault(key, raw[key])
    return found


def _answers(values: pl.Series | pl.DataFrame, memory: Memory) -> list[pl.Series]:
    """Give the three texts of every line; each distinct set of tags is read once."""
    hashes = _hashes(values).rename("hash")
    known = remembered(memory, "tags", {"hash": pl.UInt64(), **_TEXTS})
    first = hashes.arg_unique()
    met = pl.DataFrame({"row": first, "hash": hashes.gather(first)})
    fresh = met.join(known, on="hash", how="anti")
    if fresh.height:
        rows = fresh["row"]
        unmet = values[rows].to_dicts() if isinstance(values, pl.DataFrame) else values.gather(rows).to_list()
        texts = [_texts_of(value) for value in unmet]
        known = known.vstack(pl.DataFrame(texts, schema=_TEXTS, orient="row").insert_column(0, fresh["hash"]))
        memory.found["tags"] = known
    found = hashes.to_frame().join(known, on="hash", how="left", maintain_order="left")
    return found.drop("hash").get_columns()


def _texts_of(value: Any) -> tuple[str | None, str | None, str | None]:
    raw = _raw(value)
    return normalised(raw) if isinstance(raw, dict) else (raw, raw, None)


def _hashes(values: pl.Series | pl.DataFrame) -> pl.Series:
    if isinstance(values, pl.DataFrame):
        return values.hash_rows(_SEED)
    if isinstance(values.dtype, pl.Map):
        # Only the hash: maps themselves become dicts many times faster than lists of pairs.
        return values.cast(pl.List(pl.Struct({"key": pl.String, "value": pl.String}))).hash(_SEED)
    return values.hash(_SEED)


def _raw(value: Any) -> dict[str, str] | str | None:
    """Give a map as a file has it; text that is none stays, so that nobody's tags are lost unseen."""
    text = None
    if isinstance(value, str):
        text = value
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return text or None
    if isinstance(value, list):
        value = {pair["key"]: pair["value"] for pair in value}
    if not isinstance(value, dict):
        return text or None
    return {key: _plain(item) for key, item in value.items() if item is not None}


def _plain(item: Any) -> str:
    return item if isinstance(item, str) else orjson.dumps(item).decode()


def _columns_of(rows: pl.DataFrame) -> list[pl.Series | pl.DataFrame]:
    """Give where tags are, the column that wins first."""
    found: list[pl.Series | pl.DataFrame] = []
    for name in ("tags", "resource_tags"):
        if name in rows.columns:
            series = rows[name]
            found.append(series if series.dtype.is_nested() else series.cast(pl.String))
    keys = [column for column in rows.columns if column.startswith("resource_tags/")]
    if keys and not found:
        found.append(rows.select(_text(rows[key]).alias(key.partition("/")[2]) for key in keys))
    return found


def tags(rows: pl.DataFrame, memory: Memory) -> dict[str, pl.Series]:
    """Give `Tags`, `x_RawTags` and `x_CostCategories`, each only if the file has it.

    `tags` holds the resource's tags and those of other things; where a line has it, it wins.
    """
    found: dict[str, pl.Series] = {}
    for values in _columns_of(rows):
        for series in _answers(values, memory):
            better = found.get(series.name)
            found[series.name] = series if better is None else better.zip_with(better.is_not_null(), series)
    mixed = found.pop("x_CostCategories", None)
    categories = folded(rows, "cost_category", "x_CostCategories", memory)
    if categories is None:
        categories = mixed
    elif mixed is not None:
        categories = categories.zip_with(categories.is_not_null(), mixed)
    return found if categories is None else {**found, "x_CostCategories": categories}
