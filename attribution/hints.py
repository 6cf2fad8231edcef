"""What would give more costs an owner: tag keys nearly like a configured one, likely misspellings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

import polars as pl

from attribution.matching import fold_texts
from attribution.ownership import Rules
from attribution.star import CURRENCY, Star
from attribution.tags import fold_key

_NAMES = 200
"""Names compared with each other, those with the most cost; more would take seconds."""

_LONG_ENOUGH = 4
"""Shortest key whose likes are looked for: `pr` is like everything."""

_CLOSE_KEY = 0.8
_CLOSE_NAME = 0.85
_MOSTLY = Decimal("0.5")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One line of configuration that would give cost an owner, or fold two names into one.

    Attributes:
        kind: `key` (look at this tag key too) or `alias` (this text means that name).
        field: owner field it is about.
        found: the tag key, or the text.
        like: the configured key it resembles ("" if its values are known owners), or the name.
        currency: ISO code.
        cost: cost of the resources it is about.
        resources: how many.
    """

    kind: str
    field: str
    found: str
    like: str
    currency: str
    cost: Decimal
    resources: int

    @property
    def line(self) -> str:
        """Give the line for costd.yaml."""
        if self.kind == "key":
            return f"ownership.keys.{self.field}: add {self.found!r}"
        return f"ownership.aliases.{self.field}: {{{self.found!r}: {self.like!r}}}"


def key_hints(
    totals: pl.DataFrame, star: Star, rules: Rules, *, field: str = "team", limit: int = 5
) -> list[Hint]:
    """Give tag keys of unowned resources that look like the owner's, by cost.

    A key does if its name is close to a configured one, or if most of the cost that has it
    carries values that are known owners.
    """
    configured = [*getattr(rules.ownership.keys, field)]
    found: list[Hint] = []
    for row in _unowned_keys(totals, star, field).iter_rows(named=True):
        like = _like_key(row["key"], configured)
        if like is not None or row["named"] > row["cost"] * _MOSTLY:
            found.append(_hint("key", field, (row["key"], like or ""), row))
        if len(found) == limit:
            break
    return found


def _hint(kind: str, field: str, found_like: tuple[str, str], row: Mapping[str, Any]) -> Hint:
    found, like = found_like
    return Hint(
        kind=kind,
        field=field,
        found=found,
        like=like,
        currency=row[CURRENCY] or "",
        cost=row["cost"],
        resources=row["resources"],
    )


def _unowned_keys(totals: pl.DataFrame, star: Star, field: str) -> pl.DataFrame:
    """Give per tag key what its unowned resources cost, and what of it has a known owner as value."""
    owners = star.ownership.select("dim_id", field, "pool")
    known = totals.join(owners, on="dim_id").join(star.resource_names([CURRENCY]), on="dim_id")
    names = pl.Series(fold_texts(known.get_column(field).drop_nulls().unique()), dtype=pl.String)
    unowned = known.filter(pl.col(field).is_null(), pl.col("pool").is_null(), pl.col("cost") > 0)
    tags = unowned.join(star.resources.select("dim_id", "Tags"), on="dim_id").select(
        CURRENCY, "cost", pl.col("Tags").map.entries().alias("entry")
    )
    value = pl.col("entry").struct.field("value").str.strip_chars().str.to_lowercase()
    entries = tags.explode("entry").select(
        CURRENCY, "cost", key=pl.col("entry").struct.field("key"), is_owner=value.is_in(names.implode())
    )
    sums = entries.drop_nulls("key").group_by("key", CURRENCY)
    by_key = sums.agg(
        cost=pl.col("cost").sum(), named=pl.col("cost").filter("is_owner").sum(), resources=pl.len()
    )
    return by_key.sort("cost", "key", descending=[True, False])


def _like_key(key: str, configured: list[str]) -> str | None:
    """Give the configured key that a key resembles; None if it is one, or resembles none."""
    if any(fold_key(key) == fold_key(one) for one in configured):
        return None  # it was asked, and did not say
    bare = _bare(key)
    for one in configured:
        wanted = _bare(one)
        if not bare or len(wanted) < _LONG_ENOUGH:
            continue
        begins_or_ends = bare.startswith(wanted) or bare.endswith(wanted)
        if begins_or_ends or SequenceMatcher(None, bare, wanted).ratio() >= _CLOSE_KEY:
            return one
    return None


def _bare(key: str) -> str:
    return re.sub(r"[\W_]+", "", key.lower())


def alias_hints(
    totals: pl.DataFrame, star: Star, rules: Rules, *, field: str = "team", limit: int = 10
) -> list[Hint]:
    """Give names that are probably misspellings of another, by cost.

    The other is an alias or a name with more cost. Names that differ in their digits are
    two names (`team-1`, `team-2`).
    """
    aliases: Mapping[str, str | None] = getattr(rules.ownership.aliases, field)
    named = [(text, name) for text, name in aliases.items() if name is not None]
    targets = _Spellings([*named, *((name, name) for _, name in named)])
    found: list[Hint] = []
    for _, rows in _names(totals, star, field).group_by(CURRENCY, maintain_order=True):
        spelt = rows.head(_NAMES)
        names = _Spellings([(name, name) for name in spelt.get_column(field)])
        for at, row in enumerate(spelt.iter_rows(named=True)):
            if name := names.meant(at, targets):
                found.append(_hint("alias", field, (row[field], name), row))
    return sorted(found, key=lambda hint: (-hint.cost, hint.found))[:limit]


def _names(totals: pl.DataFrame, star: Star, field: str) -> pl.DataFrame:
    """Give every name with its cost, by currency, the most cost first."""
    owners = star.ownership.select("dim_id", field).drop_nulls()
    known = totals.join(owners, on="dim_id").join(star.resource_names([CURRENCY]), on="dim_id")
    named = known.group_by(CURRENCY, field).agg(pl.col("cost").sum(), pl.len().alias("resources"))
    return named.sort("cost", field, descending=[True, False])


class _Spellings:
    """Texts and the names they stand for, the best first."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._names = [name for _, name in pairs]
        self._folded = fold_texts(text for text, _ in pairs)
        self._digits = [_DIGITS.findall(text) for text in self._folded]

    def meant(self, at: int, targets: _Spellings) -> str | None:
        """Give the name that the text at a place most resembles, of the targets and the better texts."""
        best: tuple[float, str] | None = None
        for others, end in ((targets, len(targets._names)), (self, at)):
            for other in range(end):
                ratio = self._likeness(at, others, other)
                if ratio >= _CLOSE_NAME and (best is None or ratio > best[0]):
                    best = (ratio, others._names[other])  # noqa: SLF001 - same class
        return best[1] if best else None

    def _likeness(self, at: int, others: _Spellings, other: int) -> float:
        """Give how alike two spellings are, 0 to 1; 0 for the name itself and for other digits."""
        if self._names[at] == others._names[other] or self._digits[at] != others._digits[other]:
            return 0.0
        matcher = SequenceMatcher(None, self._folded[at], others._folded[other])
        if matcher.real_quick_ratio() < _CLOSE_NAME or matcher.quick_ratio() < _CLOSE_NAME:
            return 0.0
        return matcher.ratio()
