"""Tag values by key: the key as written first, then its near-duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import polars as pl

NO_VALUE = "true"
"""What FOCUS writes for a tag without a value; it names nobody."""


def fold_key(key: str) -> str:
    """Give what near-duplicates of a tag key share: ` Team` and `team` are one."""
    return key.strip().lower()


def promoted(key: str) -> str:
    """Name the column of the resource dimension that holds a promoted key."""
    return f"x_tag_{fold_key(key)}"


def clean(texts: pl.Series) -> pl.Series:
    """Give texts as they are compared and shown: composed (NFC), no outer blanks, never empty.

    Composed, because the same name typed on two systems may differ in its code points only.
    """
    if texts.null_count() == len(texts):
        return texts  # most keys are on no resource at all
    frame = texts.to_frame("text")
    text = pl.col("text")
    if frame.select((text.str.len_bytes() != text.str.len_chars()).any()).item():
        text = text.str.normalize("NFC")  # costs six times the rest, and ASCII never needs it
    trimmed = text.str.strip_chars()
    return frame.select(pl.when(trimmed != "").then(trimmed).alias(texts.name)).to_series()


def clean_text(text: str) -> str:
    """Give one text as `clean` does; empty where nothing is left."""
    return clean(pl.Series([text], dtype=pl.String)).item() or ""


def nothing(height: int) -> pl.Series:
    """Give a text column without a single value."""
    return pl.Series([None], dtype=pl.String()).new_from_index(0, height)


def tag_values(resources: pl.DataFrame, keys: Iterable[str]) -> dict[str, pl.Series]:
    """Give per key its value on every resource, null where it has none.

    Promoted columns are read as they are; other keys are looked up in `Tags`, also a key
    with capitals: a promoted column prefers the spelling without.
    """
    found: dict[str, pl.Series] = {}
    missing: list[str] = []
    for key in dict.fromkeys(keys):
        if key == fold_key(key) and promoted(key) in resources.columns:
            found[key] = resources.get_column(promoted(key))
        else:
            missing.append(key)
    if missing:
        found |= _look_up(resources, missing)
    return {key: clean(values) for key, values in found.items()}


def _look_up(resources: pl.DataFrame, keys: list[str]) -> dict[str, pl.Series]:
    spellings = _spellings(resources)
    found: dict[str, pl.Series] = {}
    for key in keys:
        others = [other for other in spellings.get(fold_key(key), ()) if other != key]
        if fold_key(key) not in spellings:
            found[key] = nothing(resources.height)
            continue
        exact = resources.select(pl.col("Tags").map.get(key)).to_series()
        found[key] = _fill(resources, exact, others) if others else exact
    return found


def _spellings(resources: pl.DataFrame) -> dict[str, list[str]]:
    """Give per folded key its spellings in these resources, in sorted order."""
    keys = resources.lazy().select(pl.col("Tags").map.keys().alias("key"))
    keys = keys.explode("key").unique().drop_nulls()
    by_fold: defaultdict[str, list[str]] = defaultdict(list)
    for key in sorted(keys.collect().get_column("key")):
        by_fold[fold_key(key)].append(key)
    return by_fold


def _fill(resources: pl.DataFrame, exact: pl.Series, others: list[str]) -> pl.Series:
    """Fill what the exact key lacks with the first other spelling that has a value."""
    rows = resources.lazy().select(pl.col("Tags").map.entries().alias("entry")).with_row_index("row")
    entries = rows.explode("entry").select(
        "row",
        key=pl.col("entry").struct.field("key"),
        value=pl.col("entry").struct.field("value"),
    )
    # 10,000 spellings of one key stay one pass: never one lookup per spelling
    best = (
        entries.filter(pl.col("key").is_in(others), pl.col("value").str.strip_chars() != "")
        .sort("key")
        .group_by("row")
        .agg(pl.col("value").first())
    )
    filled = exact.to_frame("exact").lazy().with_row_index("row").join(best, on="row", how="left")
    has_value = pl.col("exact").str.strip_chars() != ""
    return (
        filled.sort("row")
        .select(pl.when(has_value).then(pl.col("exact")).otherwise(pl.col("value")))
        .collect()
        .to_series()
    )
