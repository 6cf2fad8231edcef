"""Tags and cost categories of a line: one object of texts, under the keys that people know. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import polars as pl

from collectors.aws.lookup import looked_up
from collectors.focus import keyvalues
from collectors.focus.normalise import Memory

_SOURCES = ("resourceTags/", "resource_tags/")
_CATEGORY = ("costCategory/", "cost_category/")
_USER = ("user:", "user_")
_AWS = "aws_"


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


def key_of(raw: str) -> str:
    """Give the key that people know: `user_team` and `user:team` are `team`, `aws_x` is `aws:x`."""
    key = raw
    for source in _SOURCES:
        key = key.removeprefix(source)
    for prefix in _USER:
        if key.startswith(prefix) and len(key) > len(prefix):
            return key[len(prefix) :]
    return f"aws:{key[len(_AWS) :]}" if key.startswith(_AWS) and len(key) > len(_AWS) else key


def normalised(text: str) -> tuple[str | None, str | None]:
    """Give tags under their known keys, and the cost categories that the column `tags` mixes in.

    Keys are sorted; of two tags for one key the second keeps its raw key. Tags of accounts and
    users keep AWS's prefix (`accountTag/department`): only one kind of key may go without.
    """
    try:
        raw = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text, None
    if not isinstance(raw, dict):
        return text, None
    categories = {key.partition("/")[2]: raw.pop(key) for key in sorted(raw) if key.startswith(_CATEGORY)}
    return _json(_renamed(raw)), _json(categories)


def _json(content: Mapping[str, str]) -> str | None:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode() if content else None


def _renamed(raw: Mapping[str, str]) -> dict[str, str]:
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


def tags(rows: pl.DataFrame, memory: Memory) -> dict[str, pl.Series]:
    """Give `Tags`, `x_RawTags` and `x_CostCategories`, each only if the file has it.

    `tags` holds the resource's tags and those of other things; where a line has it, it wins.
    """
    found: dict[str, pl.Series] = {}
    raws = [folded(rows, name, "Tags", memory) for name in ("tags", "resource_tags")]
    present = [raw for raw in raws if raw is not None]
    if present:
        raw = present[0] if len(present) == 1 else present[0].zip_with(present[0].is_not_null(), present[1])
        both = [("Tags", pl.String()), ("x_CostCategories", pl.String())]
        found["Tags"], mixed = looked_up(raw, "tags", both, normalised, memory)
        found["x_RawTags"] = raw.rename("x_RawTags")
        if mixed.null_count() < len(mixed):
            found["x_CostCategories"] = mixed
    categories = folded(rows, "cost_category", "x_CostCategories", memory)
    if categories is not None and "x_CostCategories" in found:
        categories = categories.zip_with(categories.is_not_null(), found["x_CostCategories"])
    if categories is not None:
        found["x_CostCategories"] = categories
    return found
