"""Which tag keys costs carry, how much of the cost each covers, and which of them name owners."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

import polars as pl

from attribution.tags import NO_VALUE, fold_key
from domain.money import EXACT
from domain.text import printable

KNOWN: dict[str, tuple[str, ...]] = {
    "team": (
        *("team", "team name", "owning team", "squad", "owner", "group", "department"),
        *("business unit", "cost center", "cost centre"),
    ),
    "service": ("service", "service name", "app.kubernetes.io/name", "app", "application", "component"),
    "environment": ("environment", "env", "stage", "deployment environment"),
}
"""Per owner field the names that people give its tag, the most telling first."""

LEAST_SHARE = Decimal("0.01")
"""A key that covers less of the cost is not worth a place in the configuration."""

_MOST_KEYS = 4
_SHOWN_VALUES = 3
_LONGEST_KEY = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class TagKey:
    """One tag key, its spellings folded.

    Attributes:
        key: the spelling that most cost carries.
        share: part of the cost that carries a value under it, 0 to 1.
        values: the values with the most cost, hostile text.
        count: how many different values there are.
    """

    key: str
    share: Decimal
    values: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """How costs are tagged, in the currency that most rows have.

    Attributes:
        currency: ISO code, "" if there are no costs.
        cost: all positive cost.
        keys: by share, the largest first.
        sets: tags by folded key, with the cost of all charges that carry exactly them.
    """

    currency: str
    cost: Decimal
    keys: tuple[TagKey, ...]
    sets: tuple[tuple[frozenset[str], Decimal], ...] = ()

    def share_of(self, keys: Iterable[str]) -> Decimal:
        """Give the part of the cost that carries at least one of some keys."""
        wanted = {fold_key(key) for key in keys}
        with localcontext(EXACT):
            covered = sum((cost for carried, cost in self.sets if carried & wanted), Decimal(0))
            return covered / self.cost if self.cost else Decimal(0)


def tagged(frames: Iterable[pl.DataFrame]) -> Tagged:
    """Add up frames of `Tags` (JSON text), `BillingCurrency` and `cost`; credits do not count."""
    sums = [
        frame.filter(pl.col("cost") > 0)
        .group_by("Tags", "BillingCurrency")
        .agg(pl.col("cost").sum(), pl.len().alias("rows"))
        for frame in frames
    ]
    found = pl.concat(sums) if sums else pl.DataFrame()
    if found.is_empty():
        return Tagged(currency="", cost=Decimal(0), keys=())
    rows = found.group_by("BillingCurrency").agg(pl.col("rows").sum())
    currency = rows.sort("rows", "BillingCurrency", descending=[True, False])["BillingCurrency"][0]
    mine = found.filter(pl.col("BillingCurrency") == currency)
    return _counted(str(currency), mine.select("Tags", "cost").iter_rows())


def _counted(currency: str, rows: Iterable[tuple[str | None, Decimal]]) -> Tagged:
    sets: defaultdict[frozenset[str], Decimal] = defaultdict(Decimal)
    spellings: defaultdict[str, Amounts] = defaultdict(Amounts)
    values: defaultdict[str, Amounts] = defaultdict(Amounts)
    with localcontext(EXACT):
        for text, cost in rows:
            tags = _tags(text)
            sets[frozenset(map(fold_key, tags))] += cost
            for key, value in tags.items():
                spellings[fold_key(key)].add(key, cost)
                values[fold_key(key)].add(value, cost)
        costs = Amounts()
        for carried, cost in sets.items():
            for folded in carried:
                costs.add(folded, cost)
        whole = sum(sets.values(), Decimal(0))
        keys = tuple(
            TagKey(
                key=spellings[folded].largest()[0],
                share=costs[folded] / whole,
                values=tuple(values[folded].largest()[:_SHOWN_VALUES]),
                count=len(values[folded]),
            )
            for folded in costs.largest()
        )
    return Tagged(currency=currency, cost=whole, keys=keys, sets=tuple(sets.items()))


class Amounts(dict[str, Decimal]):
    """Money by name."""

    def add(self, name: str, amount: Decimal) -> None:
        """Add to the amount of a name."""
        self[name] = self.get(name, Decimal(0)) + amount

    def largest(self) -> list[str]:
        """Give the names, the largest amount first."""
        return sorted(self, key=lambda name: (-self[name], name))


def propose(found: Tagged, field: str) -> tuple[str, ...]:
    """Give the keys found that name an owner field by their names, the most telling first."""
    known = [_bare(name) for name in KNOWN[field]]
    ranked = [
        (known.index(bare), -one.share, one.key)
        for one in found.keys
        if one.share >= LEAST_SHARE and is_plain(one.key) and (bare := _known(one.key, known))
    ]
    return tuple(key for _, _, key in sorted(ranked)[:_MOST_KEYS])


def is_plain(key: str) -> bool:
    """Say whether a key can be written into a configuration as it is."""
    return bool(key.strip()) and key == printable(key) and len(key) <= _LONGEST_KEY


def _known(key: str, known: Sequence[str]) -> str:
    """Give the known name that a key is, whole or behind its prefix (`acme:team`), or ""."""
    last = re.split(r"[:/]", key)[-1]
    candidates = [_bare(key), *([] if "kubernetes.io" in key else [_bare(last)])]
    return next((bare for bare in candidates if bare in known), "")


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _tags(text: str | None) -> dict[str, str]:
    """Read the tags of a charge that say something."""
    try:
        content = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        key: value
        for key, value in content.items()
        if isinstance(value, str) and value.strip() and value not in NO_VALUE and key.strip()
    }
