"""Which repository, and which path in it, a resource's tags name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from attribution.matching import fold, fold_text
from attribution.subjects import TAG, Texts

_SLUG = r"(?i)^(?:.*[:/])?([^/:\s]+)/([^/:\s]+?)(?:\.git)?/?$"
_BARE = r"(?i)^([^/:\s]+?)(?:\.git)?$"


def repository_names(texts: Texts, keys: Sequence[str], known: Iterable[str]) -> pl.Series:
    """Give the repository of every resource as `organisation/name` without case, null if none.

    A tag may hold a URL, an SSH address, `organisation/name`, or the bare name of a
    repository that only one of the known ones has.
    """
    text = fold(first_of(texts, keys))
    slug = pl.concat_str(text.str.extract(_SLUG, 1), pl.lit("/"), text.str.extract(_SLUG, 2))
    bare = _bare_names(known)
    name = text.str.extract(_BARE, 1)
    whole = name.replace_strict(list(bare), list(bare.values()), default=None, return_dtype=pl.String())
    return texts.frame.select(pl.coalesce(slug, whole).alias("repository")).to_series()


def _bare_names(known: Iterable[str]) -> dict[str, str]:
    by_name: dict[str, set[str]] = {}
    for slug in known:
        folded = fold_text(slug)
        by_name.setdefault(folded.rpartition("/")[2], set()).add(folded)
    return {name: slugs.pop() for name, slugs in by_name.items() if len(slugs) == 1}


def first_of(texts: Texts, keys: Sequence[str]) -> pl.Expr:
    """Give the first tag of these keys that a resource has."""
    columns = [column for key in keys for column in texts.columns[f"{TAG}{key}"]]
    return pl.coalesce(*columns) if columns else pl.lit(None, dtype=pl.String())
