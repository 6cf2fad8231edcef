"""Tag values by key: the key as written first, then its near-duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import polars as pl

NO_VALUE = ("true", "True", "TRUE")
"""What a tag without a value is written as (FOCUS says `true`); it names nobody."""

_TEXT = pl.String()


def fold_key(key: str) -> str:
    """Give what near-duplicates of a tag key share: ` Team` and `team` are one."""
    return key.strip().lower()


def promoted(key: str) -> str:
    """Name the column of the resource dimension that holds a promoted key."""
    return f"x_tag_{fold_key(key)}"


def cleaned(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Give text columns as they are compared and shown, and the distinct texts of each.

    Composed (NFC), because the same name typed on two systems may differ in its code points
    only; no outer blanks, never empty.
    """
    if not frame.width:
        return frame, {}
    # names repeat, so there are far fewer texts to look through than rows
    columns = frame.select(pl.all().unique().implode()).get_columns()
    distinct = {column.name: column.explode(empty_as_null=False) for column in columns}
    dirty = {name: _clean(texts) for name, texts in distinct.items() if _is_dirty(texts)}
    distinct |= {name: texts.unique() for name, texts in dirty.items()}
    return frame.with_columns(_clean(frame.get_column(name)) for name in dirty), distinct


def _is_dirty(texts: pl.Series) -> bool:
    length = texts.str.len_bytes()
    is_foreign = length != texts.str.len_chars()  # ASCII is composed
    is_padded = length != texts.str.strip_chars().str.len_bytes()
    return bool((is_foreign | is_padded | (length == 0)).any())


def _clean(texts: pl.Series) -> pl.Series:
    trimmed = texts.str.normalize("NFC").str.strip_chars()
    return trimmed.set(trimmed == "", None)


def clean(texts: pl.Series) -> pl.Series:
    """Give one column as `cleaned` does."""
    return cleaned(texts.to_frame())[0].to_series()


def clean_text(text: str) -> str:
    """Give one text as `cleaned` does; empty where nothing is left."""
    return clean(pl.Series([text], dtype=_TEXT)).item() or ""


def tag_columns(resources: pl.DataFrame, keys: Iterable[str]) -> pl.DataFrame:
    """Give one column per key that any resource has, named by the key; others are left out.

    Promoted columns are read as they are; other keys are looked up in `Tags`, also a key
    with capitals: a promoted column prefers the spelling without.
    """
    wanted = list(dict.fromkeys(keys))
    found = {
        key: pl.col(promoted(key))
        for key in wanted
        if key == fold_key(key) and promoted(key) in resources.columns
    }
    others = [key for key in wanted if key not in found]
    spellings = _spellings(resources, others) if others else {}
    for key in others:
        if key in spellings.get(fold_key(key), ()):
            found[key] = pl.col("Tags").map.get(key)
        elif fold_key(key) in spellings:
            found[key] = pl.lit(None, dtype=_TEXT)
    asked = (expression.alias(key) for key, expression in found.items())
    columns = resources.select(pl.col("dim_id").alias(" height"), *asked)
    filled = [_fill(resources, columns[key], more) for key, more in _variants(others, spellings).items()]
    present = columns.with_columns(filled)
    used = [column.name for column in present if column.null_count() < present.height][1:]
    return present.select(used)


def _variants(keys: list[str], spellings: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Give per key its spellings other than its own."""
    found = {key: [one for one in spellings.get(fold_key(key), ()) if one != key] for key in keys}
    return {key: more for key, more in found.items() if more}


def _spellings(resources: pl.DataFrame, keys: list[str]) -> dict[str, list[str]]:
    """Give per folded key its spellings in these resources, in sorted order."""
    wanted = {fold_key(key) for key in keys}
    every = resources.lazy().select(pl.col("Tags").map.keys().alias("key")).explode("key").unique()
    by_fold: defaultdict[str, list[str]] = defaultdict(list)
    for key in every.drop_nulls().collect(engine="streaming").get_column("key").sort():
        if fold_key(key) in wanted:
            by_fold[fold_key(key)].append(key)
    return by_fold


def _fill(resources: pl.DataFrame, exact: pl.Series, others: list[str]) -> pl.Series:
    """Fill what the exact key lacks with the first other spelling that has a value."""
    said = exact.to_frame("exact").select((pl.col("exact").str.strip_chars() != "").fill_null(value=False))
    rows = resources.lazy().select(pl.col("Tags").map.entries().alias("entry")).with_row_index("row")
    entries = (
        rows.filter(~said.to_series())
        .explode("entry")
        .select(
            "row",
            key=pl.col("entry").struct.field("key"),
            value=pl.col("entry").struct.field("value"),
        )
    )
    # 10,000 spellings of one key stay one pass: never one lookup per spelling
    best = (
        entries.filter(pl.col("key").is_in(others), pl.col("value").str.strip_chars() != "")
        .sort("key", maintain_order=True)
        .group_by("row")
        .agg(pl.col("value").first())
    )
    filled = exact.to_frame("exact").lazy().with_row_index("row").join(best, on="row", how="left")
    has_value = pl.col("exact").str.strip_chars() != ""
    chosen = pl.when(has_value).then(pl.col("exact")).otherwise(pl.col("value"))
    return filled.sort("row").select(chosen.alias(exact.name)).collect().to_series()
