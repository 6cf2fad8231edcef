"""Which repository, and which path in it, a resource's tags name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from attribution.matching import fold, fold_text
from attribution.subjects import TAG, subject_series
from attribution.tags import nothing

_SLUG = r"(?i)^(?:.*[:/])?([^/:\s]+)/([^/:\s]+?)(?:\.git)?/?$"
_BARE = r"(?i)^([^/:\s]+?)(?:\.git)?$"


def repository_names(resources: pl.DataFrame, keys: Sequence[str], known: Iterable[str]) -> pl.Series:
    """Give the repository of every resource as `organisation/name` in lower case, null if none.

    A tag may hold a URL, an SSH address, `organisation/name`, or the bare name of a
    repository that only one of the known ones has.
    """
    text = first_of(resources, keys)
    bare = _bare_names(known)
    slug = pl.concat_str(
        pl.col("text").str.extract(_SLUG, 1), pl.lit("/"), pl.col("text").str.extract(_SLUG, 2)
    )
    name = pl.col("text").str.extract(_BARE, 1)
    unique = (
        name.replace_strict(list(bare), list(bare.values()), default=None, return_dtype=pl.String())
        if bare
        else pl.lit(None, dtype=pl.String())
    )
    return fold(text).to_frame("text").select(pl.coalesce(slug, unique)).to_series()


def _bare_names(known: Iterable[str]) -> dict[str, str]:
    by_name: dict[str, set[str]] = {}
    for slug in known:
        folded = fold_text(slug)
        by_name.setdefault(folded.rpartition("/")[2], set()).add(folded)
    return {name: slugs.pop() for name, slugs in by_name.items() if len(slugs) == 1}


def first_of(resources: pl.DataFrame, keys: Sequence[str]) -> pl.Series:
    """Give the first tag of these keys that a resource has."""
    subjects = subject_series(resources, [f"{TAG}{key}" for key in keys])
    frame = pl.DataFrame([texts.alias(str(at)) for at, (texts,) in enumerate(subjects.values())])
    return frame.select(pl.coalesce(pl.all())).to_series() if frame.width else nothing(resources.height)
