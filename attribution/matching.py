"""Patterns of `when` as expressions: which rows match, and what the named groups caught."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from attribution.subjects import Texts
from attribution.tags import clean
from config.patterns import group_names, is_glob, is_regex, regex_of

Conditions = Iterable[tuple[str, tuple[str, ...]]]
"""Lines of a `when`: subject and patterns."""


def fold(text: pl.Expr) -> pl.Expr:
    """Give text without case, as exact patterns and aliases compare it."""
    return text.str.to_lowercase()


def fold_texts(texts: Iterable[str]) -> list[str]:
    """Give texts cleaned and without case."""
    cleaned = clean(pl.Series("text", list(texts), dtype=pl.String))
    return cleaned.to_frame().select(fold(pl.col("text"))).to_series().fill_null("").to_list()


def fold_text(text: str) -> str:
    """Give one text cleaned and without case."""
    return fold_texts([text])[0]


def matches(conditions: Conditions, texts: Texts) -> pl.Expr:
    """Tell whether every line matches, each by any of its patterns; never null."""
    lines = [
        _any(_matching_texts(name, texts.distinct[name], patterns) for name in texts.columns[subject])
        for subject, patterns in conditions
    ]
    if not lines:
        raise ValueError("a rule without conditions would own everything")
    return pl.all_horizontal(lines)


def _any(found: Iterable[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(False), *found)  # flat: a list of thousands nests nothing


def _matching_texts(name: str, distinct: pl.Series, patterns: Sequence[str]) -> pl.Expr:
    """Tell which rows have one of the texts that match: text repeats, and folding it is slow."""
    matched = distinct.to_frame("text").filter(matching(pl.col("text"), patterns)).to_series()
    return pl.col(name).is_in(matched.implode()).fill_null(value=False)


def matching(text: pl.Expr, patterns: Sequence[str]) -> pl.Expr:
    """Tell whether any of the patterns matches a cleaned text; a missing text never does."""
    exact = [pattern for pattern in patterns if not is_regex(pattern) and not is_glob(pattern)]
    found = [_wild(text, pattern) for pattern in patterns if pattern not in exact]
    if exact:
        found.append(fold(text).is_in(fold_texts(exact)))
    return _any(one.fill_null(value=False) for one in found)


def _wild(text: pl.Expr, pattern: str) -> pl.Expr:
    """Tell whether a glob or a regex matches; `name*` and `*name`, the most used, without a regex."""
    if not is_regex(pattern):
        if not is_glob(pattern[:-1]) and pattern.endswith("*"):
            return fold(text).str.starts_with(_folded(pattern[:-1]))
        if not is_glob(pattern[1:]) and pattern.startswith("*"):
            return fold(text).str.ends_with(_folded(pattern[1:]))
    return text.str.contains(regex_of(pattern), strict=True)


def _folded(part: str) -> str:
    """Give part of a pattern composed and without case; its blanks count."""
    frame = pl.DataFrame({"text": [part]})
    return str(frame.select(fold(pl.col("text").str.normalize("NFC"))).item())


def caught(conditions: Conditions, texts: Texts) -> dict[str, pl.Expr]:
    """Give what each named group caught; null where it took no part."""
    groups: dict[str, list[pl.Expr]] = {}
    for subject, patterns in conditions:
        for pattern in filter(is_regex, patterns):
            for name in sorted(group_names(pattern)):
                parts = (_extract(pl.col(column), pattern, name) for column in texts.columns[subject])
                groups.setdefault(name, []).extend(parts)
    nothing = pl.lit(None, dtype=pl.String())
    return {name: pl.coalesce(*parts) if parts else nothing for name, parts in groups.items()}


def _extract(text: pl.Expr, pattern: str, name: str) -> pl.Expr:
    part = text.str.extract_groups(regex_of(pattern)).struct.field(name).str.strip_chars()
    return pl.when(part != "").then(part)
