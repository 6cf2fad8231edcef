"""What would give more costs an owner: tag keys nearly like a configured one, likely misspellings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher

import polars as pl

from attribution.matching import fold_text, fold_texts
from attribution.ownership import Rules
from attribution.star import CURRENCY, OWNERS, Star
from attribution.tags import fold_key

_NAMES = 200
"""Names compared with each other, those with the most cost; more would take seconds."""

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
    owners = star.ownership.select("dim_id", field, "pool")
    known = totals.join(owners, on="dim_id").join(star.resource_names([CURRENCY]), on="dim_id")
    names = pl.Series(fold_texts(known.get_column(field).drop_nulls().unique()), dtype=pl.String)
    open_costs = known.filter(pl.col(field).is_null(), pl.col("pool").is_null(), pl.col("cost") > 0)
    tags = open_costs.join(star.resources.select("dim_id", "Tags"), on="dim_id").select(
        CURRENCY, "cost", pl.col("Tags").map.entries().alias("entry")
    )
    entries = tags.explode("entry").select(
        CURRENCY,
        "cost",
        key=pl.col("entry").struct.field("key"),
        is_owner=pl.col("entry")
        .struct.field("value")
        .str.strip_chars()
        .str.to_lowercase()
        .is_in(names.implode()),
    )
    by_key = (
        entries.drop_nulls("key")
        .group_by("key", CURRENCY)
        .agg(
            cost=pl.col("cost").sum(),
            named=pl.col("cost").filter("is_owner").sum(),
            resources=pl.len(),
        )
        .sort("cost", "key", descending=[True, False])
    )
    configured = [*getattr(rules.ownership.keys, field)]
    found: list[Hint] = []
    for row in by_key.iter_rows(named=True):
        like = _like_key(row["key"], configured)
        if like is None and row["named"] <= row["cost"] * _MOSTLY:
            continue
        found.append(
            Hint(
                kind="key",
                field=field,
                found=row["key"],
                like=like or "",
                currency=row[CURRENCY] or "",
                cost=row["cost"],
                resources=row["resources"],
            )
        )
        if len(found) == limit:
            break
    return found


def _like_key(key: str, configured: list[str]) -> str | None:
    """Give the configured key that a key resembles; None if it is one, or resembles none."""
    if any(fold_key(key) == fold_key(one) for one in configured):
        return None  # it was asked, and did not say
    bare = _bare(key)
    for one in configured:
        wanted = _bare(one)
        if not bare or not wanted:
            continue
        if bare == wanted or (len(wanted) > 3 and (bare.startswith(wanted) or bare.endswith(wanted))):
            return one
        if len(wanted) > 3 and SequenceMatcher(None, bare, wanted).ratio() >= _CLOSE_KEY:
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
    if field not in OWNERS:
        raise ValueError(f"no owner field is called {field!r}")
    owners = star.ownership.select("dim_id", field).drop_nulls()
    named = (
        totals.join(owners, on="dim_id")
        .join(star.resource_names([CURRENCY]), on="dim_id")
        .group_by(CURRENCY, field)
        .agg(pl.col("cost").sum(), pl.len().alias("resources"))
        .sort("cost", field, descending=[True, False])
    )
    aliases: Mapping[str, str | None] = getattr(rules.ownership.aliases, field)
    found: list[Hint] = []
    for (currency,), rows in named.group_by(CURRENCY, maintain_order=True):
        names = rows.head(_NAMES).rows(named=True)
        for at, row in enumerate(names):
            better = [*_targets(aliases), *((other[field], other[field]) for other in names[:at])]
            if name := _meant(row[field], better):
                found.append(
                    Hint(
                        kind="alias",
                        field=field,
                        found=row[field],
                        like=name,
                        currency=str(currency or ""),
                        cost=row["cost"],
                        resources=row["resources"],
                    )
                )
    return sorted(found, key=lambda hint: (-hint.cost, hint.found))[:limit]


def _targets(aliases: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    for text, name in aliases.items():
        if name is not None:
            yield text, name
            yield name, name


def _meant(text: str, names: list[tuple[str, str]]) -> str | None:
    folded = fold_text(text)
    best: tuple[float, str] | None = None
    for spelling, name in names:
        other = fold_text(spelling)
        if text == name or _DIGITS.findall(folded) != _DIGITS.findall(other):
            continue
        matcher = SequenceMatcher(None, folded, other)
        if matcher.real_quick_ratio() < _CLOSE_NAME or matcher.quick_ratio() < _CLOSE_NAME:
            continue
        ratio = matcher.ratio()
        if ratio >= _CLOSE_NAME and (best is None or ratio > best[0]):
            best = (ratio, name)
    return best[1] if best else None
