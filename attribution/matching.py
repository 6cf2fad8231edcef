"""Patterns of `when` as columns: which rows match, and what the named groups caught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from attribution.tags import clean
from config.patterns import group_names, is_glob, is_regex, regex_of

Subjects = Mapping[str, list[pl.Series]]
"""Per line of `when` the texts it is tried on."""


def fold(texts: pl.Series) -> pl.Series:
    """Give texts without case, as exact patterns and aliases compare them."""
    return texts.str.to_lowercase()


def fold_text(text: str) -> str:
    """Give one text as `clean` and `fold` do."""
    return fold(clean(pl.Series([text], dtype=pl.String))).item() or ""


def matches(conditions: Iterable[tuple[str, tuple[str, ...]]], subjects: Subjects) -> pl.Series:
    """Tell per row whether every line matches, each by any of its patterns; never null."""
    whole: pl.Series | None = None
    for subject, patterns in conditions:
        line = _any(matching(text, patterns) for text in subjects[subject])
        whole = line if whole is None else whole & line
    if whole is None:
        raise ValueError("a rule without conditions would own everything")
    return whole


def matching(texts: pl.Series, patterns: Sequence[str]) -> pl.Series:
    """Tell per row whether any of the patterns matches its text; a missing text never does."""
    exact = [pattern for pattern in patterns if not is_regex(pattern) and not is_glob(pattern)]
    found = [
        texts.str.contains(regex_of(pattern), strict=True).fill_null(value=False)
        for pattern in patterns
        if pattern not in exact
    ]
    if exact:
        wanted = fold(clean(pl.Series(exact, dtype=pl.String)))
        found.append(fold(texts).is_in(wanted.implode()).fill_null(value=False))
    return _any(found)


def _any(masks: Iterable[pl.Series]) -> pl.Series:
    whole: pl.Series | None = None
    for mask in masks:
        whole = mask if whole is None else whole | mask
    if whole is None:
        raise ValueError("a condition without patterns matches nothing")
    return whole


def caught(conditions: Iterable[tuple[str, tuple[str, ...]]], subjects: Subjects) -> dict[str, pl.Series]:
    """Give per named group what it caught on each row; null where it took no part."""
    groups: dict[str, list[pl.Series]] = {}
    for subject, patterns in conditions:
        for pattern in patterns:
            for name in sorted(group_names(pattern)) if is_regex(pattern) else ():
                groups.setdefault(name, []).extend(_extract(subjects[subject], pattern, name))
    return {name: _first(parts) for name, parts in groups.items()}


def _extract(texts: list[pl.Series], pattern: str, name: str) -> Iterator[pl.Series]:
    for text in texts:
        yield clean(text.str.extract_groups(regex_of(pattern)).struct.field(name))


def _first(parts: list[pl.Series]) -> pl.Series:
    frame = pl.DataFrame([part.alias(str(at)) for at, part in enumerate(parts)])
    return frame.select(pl.coalesce(pl.all())).to_series()
